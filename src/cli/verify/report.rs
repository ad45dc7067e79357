//! Reports the results of a run: line by line as they arrive, or as one JSON document at the end. Also keeps the
//! results for the JUnit XML report.

use json::display::{sanitize, shorten};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::counts::Counts;
use super::json::Document;
use super::progress::Progress;
use crate::cli::format::{BAD, DOUBTFUL, FAINT, Format, GOOD, count};
use golden::junit::{End, Suite, TestCase};
use golden::read::Found;
use golden::sources::Source;
use golden::unreadable::Unreadable;
use golden::verdict::Verdict;

/// The level of detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Failures and the summary.
    Quiet,
    /// Failures, the summary, one line per file, and one line per case that has intended differences.
    Usual,
    /// Failures, the summary, one line per file, and one line per case.
    Verbose,
}

/// The maximum number of entries of each type in the text output. The remaining entries are counted at the end.
const MAX_LISTED: usize = 1000;
/// The maximum length, in characters, of a printed location in a body or a printed error.
const MAX_TEXT: usize = 300;
/// The maximum number of intended differences that are printed for a case.
const MAX_ALLOWED: usize = 10;

/// The number of listed entries of each type.
#[derive(Debug, Clone, Copy, Default)]
struct Listed {
    failed: usize,
    intended: usize,
    unreadable: usize,
}

/// Reports the results of a run.
pub(super) struct Report {
    target: String,
    detail: Detail,
    document: Option<Document>,
    suites: Option<Vec<Suite>>,
    counts: Counts,
    listed: Listed,
    /// Whether only cases that match a filter are run.
    filtered: bool,
    /// The current file, and the counts before it. Files with one case each are grouped by folder.
    group: Option<(PathBuf, Counts)>,
    file: PathBuf,
    progress: Progress,
    began: Instant,
}

impl Report {
    /// Creates an empty report. `target` describes the transformer. If `for_junit` is true, the cases are kept for the
    /// JUnit XML report.
    pub(super) fn new(format: Format, detail: Detail, target: String, for_junit: bool) -> Self {
        Self {
            target,
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

    /// Sets the number of destinations that were skipped because this service does not support them, and whether a
    /// filter is set.
    pub(super) fn skip_destinations(&mut self, other_destinations: usize, filtered: bool) {
        self.counts.other_destinations = other_destinations;
        self.filtered = filtered;
    }

    /// Returns the description of the transformer.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// Returns the counts so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the test suites of the JUnit XML report.
    pub(super) fn suites(&self) -> &[Suite] {
        self.suites.as_deref().unwrap_or_default()
    }

    /// Begins a file.
    pub(super) fn begin(&mut self, source: &Source) -> io::Result<()> {
        // For files with one case each, the folder is reported instead.
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

    /// Reports a file without cases.
    pub(super) fn skip(&mut self, path: &Path) -> io::Result<()> {
        self.counts.skipped += 1;
        // With a filter, skipped files are not reported.
        if self.detail == Detail::Verbose && !self.filtered {
            self.line(&format!("{FAINT}skipped  {}: no cases{FAINT:#}", shown(path)))?;
        }
        Ok(())
    }

    /// Reports a case or file that cannot be read.
    pub(super) fn unreadable(&mut self, unreadable: &Unreadable) -> io::Result<()> {
        self.counts.unreadable += 1;
        let text = sanitize(&unreadable.to_string());
        let text = shorten(&text, 2 * MAX_TEXT);
        self.keep(TestCase {
            name: text.to_string(),
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
        self.line(&format!("{BAD}unreadable{BAD:#}  {text}"))
    }

    /// Reports a case and the verdict on its response.
    pub(super) fn case(&mut self, found: &Found, verdict: &Verdict, took: Duration) -> io::Result<()> {
        self.counts.cases += 1;
        self.counts.failed += usize::from(!verdict.is_good());
        self.counts.intended += usize::from(verdict.is_good() && !verdict.allowed.is_empty());
        self.progress.case();
        let lines = lines_of(verdict);
        let more = verdict.allowed.len().saturating_sub(MAX_ALLOWED);
        let allowed = verdict.allowed.iter().take(MAX_ALLOWED);
        let mut allowed: Vec<String> =
            allowed.map(|allowed| format!("{}: {}", shorten(&allowed.pointer, MAX_TEXT), allowed.why.case())).collect();
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
            if !lists(&mut self.listed.intended) {
                return Ok(());
            }
            self.line(&format!(
                "{DOUBTFUL}intended{DOUBTFUL:#}  {place}  {name}  {FAINT}{}{FAINT:#}",
                sanitize(&allowed)
            ))?;
        } else if self.detail == Detail::Verbose {
            let milliseconds = took.as_secs_f64() * 1000.0;
            self.line(&format!("{GOOD}same{GOOD:#}  {place}  {name}  {FAINT}{milliseconds:.1} ms{FAINT:#}"))?;
        }
        Ok(())
    }

    /// Ends the report. `stopped` is the reason why the run stopped early.
    pub(super) fn end(&mut self, stopped: Option<&str>) -> io::Result<()> {
        self.end_group()?;
        self.progress.finish();
        let Counts { cases, failed, intended, unreadable, skipped, other_destinations } = self.counts;
        let listed = self.listed;
        if let Some(document) = self.document.take() {
            let text = document.text(&self.target, self.counts, stopped, self.began.elapsed());
            return writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush());
        }
        let quiet = self.detail == Detail::Quiet;
        for (all, listed, what) in [
            (failed, listed.failed, "different"),
            (if quiet { 0 } else { intended }, listed.intended, "with intended differences"),
            (unreadable, listed.unreadable, "unreadable"),
        ] {
            if all > listed {
                self.line(&format!("… {} more {what}", all - listed))?;
            }
        }
        if cases == 0 {
            // Unreadable files have been reported, and there is nothing to summarize.
            return io::stdout().flush();
        }
        if let Some(stopped) = stopped {
            self.line(&format!("{BAD}stopped{BAD:#}  {}; the remaining cases were not sent", sanitize(stopped)))?;
        }
        let mut parts = vec![format!("{} as expected", cases - failed - intended)];
        let mut add = |number: usize, words: &str| {
            if number > 0 {
                parts.push(format!("{number} {words}"));
            }
        };
        add(intended, "with intended differences");
        add(failed, "different");
        add(unreadable, "unreadable");
        let is_good = failed + unreadable == 0 && stopped.is_none();
        let style = if is_good { GOOD } else { BAD };
        let mut sum = format!("{style}{}{style:#}: {}", count(cases, "case"), parts.join(", "));
        if skipped > 0 {
            sum.push_str(&format!("; {} without cases skipped", count(skipped, "file")));
        }
        if other_destinations > 0 {
            sum.push_str(&format!("; {} skipped", count(other_destinations, "unsupported destination")));
        }
        let seconds = self.began.elapsed().as_secs_f64();
        self.line(&format!("{sum} {FAINT}({}, {seconds:.1} s){FAINT:#}", sanitize(&self.target)))?;
        io::stdout().flush()
    }

    /// Reports the counts of the current file.
    fn end_group(&mut self) -> io::Result<()> {
        let Some((path, before)) = self.group.take() else { return Ok(()) };
        let now = self.counts;
        let cases = now.cases - before.cases;
        let (failed, unreadable) = (now.failed - before.failed, now.unreadable - before.unreadable);
        if let Some(document) = &mut self.document {
            document.file(&path, before, now);
        }
        // There is nothing to report for a file that was skipped or unreadable, or that has no case that matches the
        // filter.
        if self.detail == Detail::Quiet || cases == 0 {
            return Ok(());
        }
        let mut text = count(cases, "case");
        for (number, words) in [(failed, "different"), (unreadable, "unreadable")] {
            if number > 0 {
                text.push_str(&format!(", {number} {words}"));
            }
        }
        let is_good = failed + unreadable == 0;
        let (style, word) = if is_good { (GOOD, "ok") } else { (BAD, "FAIL") };
        self.line(&format!("{style}{word:<4}{style:#}  {}  {FAINT}{text}{FAINT:#}", shown(&path)))
    }

    fn keep_case(&mut self, found: &Found, verdict: &Verdict, took: Duration, lines: &[Line], allowed: &str) {
        if self.suites.is_none() {
            return;
        }
        let end = if verdict.is_good() {
            End::Passed((!allowed.is_empty()).then(|| format!("intended difference: {allowed}")))
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

    /// Writes a line in the text format. Does nothing in the JSON format.
    fn line(&self, line: &str) -> io::Result<()> {
        if self.document.is_some() {
            return Ok(());
        }
        self.progress.suspend(|| writeln!(anstream::stdout(), "{line}"))
    }
}

/// Sanitizes a path for a terminal.
fn shown(path: &Path) -> String {
    if path == Path::new("-") { "stdin".to_owned() } else { sanitize(&path.display().to_string()) }
}

/// The maximum length of a case's name, in characters.
const MAX_NAME: usize = 120;

/// Returns the name of a case with its description.
fn name_of(found: &Found) -> String {
    let case = &found.case;
    let name = if case.description.is_empty() || case.description == case.name {
        case.name.clone()
    } else {
        format!("{}: {}", case.name, case.description)
    };
    sanitize(&shorten(&name, MAX_NAME))
}

/// Counts an entry, and returns whether it should be listed.
fn lists(listed: &mut usize) -> bool {
    let lists = *listed < MAX_LISTED;
    *listed += usize::from(lists);
    lists
}

/// The location of a difference, the expected value, and the actual value.
type Line = (String, String, String);

fn lines_of(verdict: &Verdict) -> Vec<Line> {
    let line = |finding: &golden::verdict::Finding| {
        let cut = |text: &str| sanitize(&shorten(text, MAX_TEXT + 20));
        (cut(&finding.place), cut(&finding.expected), cut(&finding.got))
    };
    verdict.findings.iter().map(line).collect()
}
