//! What a run has found: reported line by line while it goes on, or as one JSON document at its end; kept for JUnit's
//! XML too.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::counts::Counts;
use super::json::Document;
use super::progress::Progress;
use super::words::{beginning, count, printable};
use crate::cli::format::{BAD, DOUBTFUL, FAINT, Format, GOOD};
use golden::junit::{End, Suite, TestCase};
use golden::read::Found;
use golden::sources::Source;
use golden::unreadable::Unreadable;
use golden::verdict::Verdict;

/// How much is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// What is wrong, and the sum.
    Quiet,
    /// A line for each file, and for what differs on purpose.
    Usual,
    /// A line for each case.
    Verbose,
}

/// Entries of each kind that are listed in text; of more there is a count at the end.
const MAX_LISTED: usize = 1000;
/// Characters of a text that are printed: a place in a body, an error.
const MAX_TEXT: usize = 300;
/// Intended differences of one case that are printed.
const MAX_ALLOWED: usize = 10;

/// Entries that are listed, by kind.
#[derive(Debug, Clone, Copy, Default)]
struct Listed {
    failed: usize,
    deliberate: usize,
    unreadable: usize,
}

/// Reports what is found.
pub(super) struct Report {
    asked: String,
    detail: Detail,
    document: Option<Document>,
    suites: Option<Vec<Suite>>,
    counts: Counts,
    listed: Listed,
    /// Whether only some of the cases were asked for.
    filtered: bool,
    /// The file, or the folder of files with one per case, that is being read, and the counts before it.
    group: Option<(PathBuf, Counts)>,
    file: PathBuf,
    progress: Progress,
    began: Instant,
}

impl Report {
    /// Nothing yet. `asked` is who answers; `for_junit` says whether the cases are kept.
    pub(super) fn new(format: Format, detail: Detail, asked: String, for_junit: bool) -> Self {
        Self {
            asked,
            detail,
            document: (format == Format::Json).then(Document::default),
            suites: for_junit.then(Vec::new),
            counts: Counts::default(),
            listed: Listed::default(),
            filtered: false,
            group: None,
            file: PathBuf::new(),
            progress: Progress::new(),
            began: Instant::now(),
        }
    }

    /// Notes how many destinations were skipped because they are not served here, and whether only some cases were
    /// asked for.
    pub(super) fn skip_destinations(&mut self, other_destinations: usize, filtered: bool) {
        self.counts.other_destinations = other_destinations;
        self.filtered = filtered;
    }

    /// Who answers.
    pub(super) fn asked(&self) -> &str {
        &self.asked
    }

    /// What was counted so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// What a CI system is reported.
    pub(super) fn suites(&self) -> &[Suite] {
        self.suites.as_deref().unwrap_or_default()
    }

    /// A file begins.
    pub(super) fn begin(&mut self, source: &Source) -> io::Result<()> {
        // Of files with one case each, as ours are, their folder is told.
        let is_single = source.found && source.path.extension().is_some_and(|ending| ending == "json");
        let path = if is_single { source.path.parent().unwrap_or(&source.path) } else { &source.path };
        if self.group.as_ref().is_none_or(|(group, _)| group != path) {
            self.end_group()?;
            self.group = Some((path.to_owned(), self.counts));
            self.progress.file(&shown(path));
            if let Some(suites) = &mut self.suites {
                suites.push(Suite { name: path.display().to_string(), cases: Vec::new() });
            }
        }
        self.file = source.path.clone();
        Ok(())
    }

    /// A file without cases.
    pub(super) fn pass_over(&mut self, path: &Path) -> io::Result<()> {
        self.counts.passed_over += 1;
        // With a filter only what it lets through was asked for.
        if self.detail == Detail::Verbose && !self.filtered {
            self.line(&format!("{FAINT}passed over  {}: it holds no cases{FAINT:#}", shown(path)))?;
        }
        Ok(())
    }

    /// What cannot be read.
    pub(super) fn unreadable(&mut self, unreadable: &Unreadable) -> io::Result<()> {
        self.counts.unreadable += 1;
        let said = beginning(&printable(&unreadable.to_string()), 2 * MAX_TEXT);
        self.keep(TestCase {
            name: said.clone(),
            file: unreadable.file.display().to_string(),
            seconds: 0.0,
            end: End::Unreadable(unreadable.problem.clone()),
        });
        if let Some(document) = &mut self.document {
            document.unreadable(unreadable);
        }
        if !lists(&mut self.listed.unreadable) {
            return Ok(());
        }
        self.line(&format!("{BAD}unreadable{BAD:#}  {said}"))
    }

    /// A case and what is to be said of its response.
    pub(super) fn case(&mut self, found: &Found, verdict: &Verdict, took: Duration) -> io::Result<()> {
        self.counts.cases += 1;
        self.counts.failed += usize::from(!verdict.is_good());
        self.counts.deliberate += usize::from(verdict.is_good() && !verdict.allowed.is_empty());
        self.progress.case();
        let lines = lines_of(verdict);
        let more = verdict.allowed.len().saturating_sub(MAX_ALLOWED);
        let allowed = verdict.allowed.iter().take(MAX_ALLOWED);
        let mut allowed: Vec<String> = allowed
            .map(|allowed| format!("{}: {}", beginning(&allowed.pointer, MAX_TEXT), allowed.why.case()))
            .collect();
        if more > 0 {
            allowed.push(format!("… {more} more"));
        }
        let allowed = allowed.join("; ");
        self.keep_case(found, verdict, took, &lines, &allowed);
        if let Some(document) = &mut self.document {
            document.case(&self.file, found, verdict);
        }
        let name = name_of(found);
        let place = format!("{}:{}", shown(&self.file), found.line);
        if !verdict.is_good() {
            if !lists(&mut self.listed.failed) {
                return Ok(());
            }
            self.line(&format!("{BAD}differs{BAD:#}  {place}  {name}"))?;
            for (place, expected, got) in &lines {
                self.line(&format!(
                    "  {place}\n    {GOOD}expected{GOOD:#}  {expected}\n    {BAD}got{BAD:#}       {got}"
                ))?;
            }
            if verdict.more {
                self.line("  and more")?;
            }
        } else if !verdict.allowed.is_empty() && self.detail != Detail::Quiet {
            if !lists(&mut self.listed.deliberate) {
                return Ok(());
            }
            self.line(&format!(
                "{DOUBTFUL}on purpose{DOUBTFUL:#}  {place}  {name}  {FAINT}{}{FAINT:#}",
                printable(&allowed)
            ))?;
        } else if self.detail == Detail::Verbose {
            let milliseconds = took.as_secs_f64() * 1000.0;
            self.line(&format!("{GOOD}same{GOOD:#}  {place}  {name}  {FAINT}{milliseconds:.1} ms{FAINT:#}"))?;
        }
        Ok(())
    }

    /// The end of all, with what stopped it before that.
    pub(super) fn end(&mut self, stopped: Option<&str>) -> io::Result<()> {
        self.end_group()?;
        self.progress.finish();
        let Counts { cases, failed, deliberate, unreadable, passed_over, other_destinations } = self.counts;
        let listed = self.listed;
        if let Some(document) = self.document.take() {
            let text = document.text(&self.asked, self.counts, stopped, self.began.elapsed());
            return writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush());
        }
        let quiet = self.detail == Detail::Quiet;
        for (all, listed, what) in [
            (failed, listed.failed, "different"),
            (if quiet { 0 } else { deliberate }, listed.deliberate, "different on purpose"),
            (unreadable, listed.unreadable, "unreadable"),
        ] {
            if all > listed {
                self.line(&format!("… {} more {what}", all - listed))?;
            }
        }
        if cases == 0 {
            // What is unreadable was told already, and there is no sum of it.
            return io::stdout().flush();
        }
        if let Some(stopped) = stopped {
            self.line(&format!("{BAD}stopped{BAD:#}  {}; the rest was not asked", printable(stopped)))?;
        }
        let mut parts = vec![format!("{} as expected", cases - failed - deliberate)];
        let mut add = |number: usize, words: &str| {
            if number > 0 {
                parts.push(format!("{number} {words}"));
            }
        };
        add(deliberate, "different on purpose");
        add(failed, "different");
        add(unreadable, "unreadable");
        let is_good = failed + unreadable == 0 && stopped.is_none();
        let style = if is_good { GOOD } else { BAD };
        let mut sum = format!("{style}{}{style:#}: {}", count(cases, "case", "cases"), parts.join(", "));
        if passed_over > 0 {
            sum.push_str(&format!("; {} without cases passed over", count(passed_over, "file", "files")));
        }
        if other_destinations > 0 {
            sum.push_str(&format!(
                "; {} skipped",
                count(other_destinations, "other destination", "other destinations")
            ));
        }
        let seconds = self.began.elapsed().as_secs_f64();
        self.line(&format!("{sum} {FAINT}({}, {seconds:.1} s){FAINT:#}", printable(&self.asked)))?;
        io::stdout().flush()
    }

    /// The sum of a file.
    fn end_group(&mut self) -> io::Result<()> {
        let Some((path, before)) = self.group.take() else { return Ok(()) };
        let now = self.counts;
        let cases = now.cases - before.cases;
        let (failed, unreadable) = (now.failed - before.failed, now.unreadable - before.unreadable);
        if let Some(document) = &mut self.document {
            document.file(&path, before, now);
        }
        // Of one that was passed over, that the filter left nothing of, or that was told to be unreadable, all is told.
        if self.detail == Detail::Quiet || cases == 0 {
            return Ok(());
        }
        let mut said = count(cases, "case", "cases");
        for (number, words) in [(failed, "different"), (unreadable, "unreadable")] {
            if number > 0 {
                said.push_str(&format!(", {number} {words}"));
            }
        }
        let is_good = failed + unreadable == 0;
        let (style, word) = if is_good { (GOOD, "ok") } else { (BAD, "FAIL") };
        self.line(&format!("{style}{word:<4}{style:#}  {}  {FAINT}{said}{FAINT:#}", shown(&path)))
    }

    fn keep_case(&mut self, found: &Found, verdict: &Verdict, took: Duration, lines: &[Line], allowed: &str) {
        if self.suites.is_none() {
            return;
        }
        let end = if verdict.is_good() {
            End::Passed((!allowed.is_empty()).then(|| format!("different on purpose: {allowed}")))
        } else {
            let text = |(place, expected, got): &Line| format!("{place}\n  expected  {expected}\n  got       {got}");
            let message =
                lines.first().map(|(place, expected, got)| format!("{place}: expected {expected}, got {got}"));
            let mut text = lines.iter().map(text).collect::<Vec<_>>().join("\n");
            if verdict.more {
                text.push_str("\nand more");
            }
            if self.listed.failed >= MAX_LISTED {
                text.clear();
            }
            End::Failed { message: message.unwrap_or_default(), text }
        };
        let file = self.file.display().to_string();
        self.keep(TestCase { name: name_of(found), file, seconds: took.as_secs_f64(), end });
    }

    fn keep(&mut self, case: TestCase) {
        if let Some(suite) = self.suites.as_mut().and_then(|suites| suites.last_mut()) {
            suite.cases.push(case);
        }
    }

    /// Writes a line, where lines are what is written.
    fn line(&self, line: &str) -> io::Result<()> {
        if self.document.is_some() {
            return Ok(());
        }
        self.progress.beside(|| writeln!(anstream::stdout(), "{line}"))
    }
}

/// A path that a terminal can show.
fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { printable(&path.display().to_string()) }
}

/// Characters of a case's name that are reported.
const MAX_NAME: usize = 120;

/// What a case is called, with what it shows.
fn name_of(found: &Found) -> String {
    let case = &found.case;
    let name = if case.description.is_empty() || case.description == case.name {
        case.name.clone()
    } else {
        format!("{}: {}", case.name, case.description)
    };
    let cut = name.char_indices().nth(MAX_NAME).map_or(name.len(), |(end, _)| end);
    printable(&name[..cut])
}

/// Counts an entry, and returns whether it is still listed.
fn lists(listed: &mut usize) -> bool {
    let lists = *listed < MAX_LISTED;
    *listed += usize::from(lists);
    lists
}

/// A finding: where, what is expected, what is there.
type Line = (String, String, String);

fn lines_of(verdict: &Verdict) -> Vec<Line> {
    let line = |finding: &golden::verdict::Finding| {
        let cut = |text: &str| printable(&beginning(text, MAX_TEXT + 20));
        (cut(&finding.place), cut(&finding.expected), cut(&finding.got))
    };
    verdict.findings.iter().map(line).collect()
}
