//! The findings of a run as one JSON document, for programs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::report::Counts;
use crate::verify::Unreadable;
use crate::verify::read::Found;
use crate::verify::verdict::Verdict;

/// Entries of each list; the sum counts all.
const MAX_LISTED: usize = 10_000;

/// A document that grows with the run.
#[derive(Debug, Default)]
pub(super) struct Document {
    files: Vec<Value>,
    different: Vec<Value>,
    on_purpose: Vec<Value>,
    unreadable: Vec<Value>,
}

fn list(entries: &mut Vec<Value>, entry: impl FnOnce() -> Value) {
    if entries.len() < MAX_LISTED {
        entries.push(entry());
    }
}

impl Document {
    /// What cannot be read.
    pub(super) fn unreadable(&mut self, unreadable: &Unreadable) {
        list(&mut self.unreadable, || {
            let Unreadable { file, line, column, problem } = unreadable;
            json!({ "file": file.display().to_string(), "line": line, "column": column, "problem": problem })
        });
    }

    /// A case and what is to be said of its answer.
    pub(super) fn case(&mut self, file: &Path, found: &Found, verdict: &Verdict) {
        let case = json!({
            "file": file.display().to_string(),
            "line": found.line,
            "name": found.case.name,
            "description": found.case.description,
        });
        if !verdict.is_good() {
            list(&mut self.different, || {
                let findings = verdict
                    .findings
                    .iter()
                    .map(|finding| json!({ "path": finding.place, "expected": finding.expected, "got": finding.got }));
                with(case, json!({ "findings": findings.collect::<Value>(), "more": verdict.more }))
            });
        } else if !verdict.allowed.is_empty() {
            list(&mut self.on_purpose, || {
                let allowed =
                    verdict.allowed.iter().map(|allowed| json!({ "path": allowed.pointer, "why": allowed.why.text() }));
                with(case, json!({ "differences": allowed.collect::<Value>() }))
            });
        }
    }

    /// The sum of a file, from the counts before it and behind it.
    pub(super) fn file(&mut self, path: &Path, before: Counts, now: Counts) {
        list(&mut self.files, || {
            json!({
                "path": path.display().to_string(),
                "cases": now.cases - before.cases,
                "different": now.failed - before.failed,
                "onPurpose": now.deliberate - before.deliberate,
                "unreadable": now.unreadable - before.unreadable,
            })
        });
    }

    /// The document as text.
    pub(super) fn text(self, asked: &str, counts: Counts, stopped: Option<&str>, took: Duration) -> String {
        let document = json!({
            "transformer": asked,
            "summary": {
                "cases": counts.cases,
                "asExpected": counts.cases - counts.failed - counts.deliberate,
                "different": counts.failed,
                "onPurpose": counts.deliberate,
                "unreadable": counts.unreadable,
                "filesPassedOver": counts.passed_over,
                "stopped": stopped,
                "seconds": took.as_secs_f64(),
            },
            "files": self.files,
            "different": self.different,
            "onPurpose": self.on_purpose,
            "unreadable": self.unreadable,
        });
        format!("{document:#}")
    }
}

fn with(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}
