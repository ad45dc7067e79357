//! The findings of a run as one JSON document.

use json::display::shorten;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::counts::Counts;
use golden::differences::Allowed;
use golden::read::Found;
use golden::unreadable::Unreadable;
use golden::verdict::Verdict;

/// The maximum number of entries of each list. The summary counts all entries.
const MAX_LISTED: usize = 1000;
/// The maximum length of a name, a location or a value, in characters.
const MAX_TEXT: usize = 320;
/// The maximum number of intended differences of one case.
const MAX_ALLOWED: usize = 10;

/// A document that is built during the run.
#[derive(Debug, Default)]
pub(super) struct Document {
    files: Vec<Value>,
    different: Vec<Value>,
    intended: Vec<Value>,
    unreadable: Vec<Value>,
}

fn list(entries: &mut Vec<Value>, entry: impl FnOnce() -> Value) {
    if entries.len() < MAX_LISTED {
        entries.push(entry());
    }
}

impl Document {
    /// Adds a case or file that cannot be read.
    pub(super) fn unreadable(&mut self, unreadable: &Unreadable) {
        list(&mut self.unreadable, || {
            let Unreadable { file, line, column, problem } = unreadable;
            json!({ "file": file.display().to_string(), "line": line, "column": column, "problem": cut(problem) })
        });
    }

    /// Adds a case and the verdict on its response.
    pub(super) fn case(&mut self, file: &Path, found: &Found, verdict: &Verdict) {
        let case = json!({
            "file": file.display().to_string(),
            "line": found.line,
            "name": shorten(&found.case.name, MAX_TEXT),
            "description": shorten(&found.case.description, MAX_TEXT),
        });
        if !verdict.is_good() {
            list(&mut self.different, || {
                let findings = verdict
                    .findings
                    .iter()
                    .map(|finding| json!({ "path": cut(&finding.place), "expected": cut(&finding.expected), "got": cut(&finding.got) }));
                with(case, json!({ "findings": findings.collect::<Value>(), "more": verdict.more }))
            });
        } else if !verdict.allowed.is_empty() {
            list(&mut self.intended, || {
                let allowed = verdict.allowed.iter().take(MAX_ALLOWED);
                let allowed = allowed.map(|allowed| {
                    let Allowed { pointer, why } = allowed;
                    json!({ "path": cut(pointer), "code": why.code(), "why": why.case() })
                });
                let more = verdict.allowed.len() > MAX_ALLOWED;
                with(case, json!({ "differences": allowed.collect::<Value>(), "more": more }))
            });
        }
    }

    /// Adds the counts of a file. `before` and `now` are the total counts before and after the file.
    pub(super) fn file(&mut self, path: &Path, before: Counts, now: Counts) {
        list(&mut self.files, || {
            json!({
                "path": path.display().to_string(),
                "cases": now.cases - before.cases,
                "different": now.failed - before.failed,
                "intended": now.intended - before.intended,
                "unreadable": now.unreadable - before.unreadable,
            })
        });
    }

    /// Formats the document as text.
    pub(super) fn text(self, target: &str, counts: Counts, stopped: Option<&str>, took: Duration) -> String {
        let document = json!({
            "transformer": target,
            "summary": {
                "cases": counts.cases,
                "asExpected": counts.cases - counts.failed - counts.intended,
                "different": counts.failed,
                "intended": counts.intended,
                "unreadable": counts.unreadable,
                "filesSkipped": counts.skipped,
                "destinationsSkipped": counts.other_destinations,
                "stopped": stopped,
                "seconds": took.as_secs_f64(),
            },
            "files": self.files,
            "different": self.different,
            "intended": self.intended,
            "unreadable": self.unreadable,
        });
        format!("{document:#}")
    }
}

fn cut(text: &str) -> String {
    shorten(text, MAX_TEXT).into_owned()
}

fn with(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}
