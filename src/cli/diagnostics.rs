//! Reports the events that a tool could not process. The first few are reported individually, with their line numbers;
//! then the total number is reported. Event data is never shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::input::Place;
use super::progress::Progress;
use transform::explain::problem::Problem;
use transform::rejection::Rejection;
use transform::request::BodyError;

/// The maximum number of problems that are reported individually.
const SHOWN: usize = 10;

/// Why an event has no result, or a result that is probably unintended.
#[derive(Debug, Clone)]
pub(super) enum Diagnostic {
    /// The transformation rejects the event.
    Rejected(Rejection),
    /// rudder-server would not produce the event.
    Undeliverable(Problem),
    /// rudder-server would send a record to Kafka, but probably not the intended one. The event still has a result.
    Doubtful(Problem),
    /// The line is not JSON.
    NotJson(String),
    /// The transformation rejects the request.
    Unanswered(BodyError),
    /// kcat would split the line in the wrong place.
    UnfitKey,
}

impl Diagnostic {
    fn text(&self) -> String {
        match self {
            Diagnostic::Rejected(rejection) => format!("rejected: {}", rejection.text()),
            Diagnostic::Undeliverable(problem) => format!("not produced: {}", problem.text),
            Diagnostic::Doubtful(problem) => format!("warning: {}", problem.text),
            Diagnostic::NotJson(reason) => reason.clone(),
            Diagnostic::Unanswered(error) => format!("not transformed: {error}"),
            Diagnostic::UnfitKey => {
                "skipped: the event's key contains a tab, line break or NUL, which kcat would treat as a delimiter"
                    .to_owned()
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Diagnostic::Rejected(rejection) => rejection.code(),
            Diagnostic::Undeliverable(problem) | Diagnostic::Doubtful(problem) => problem.code.code(),
            Diagnostic::NotJson(_) => "not_json",
            Diagnostic::Unanswered(_) => "not_transformed",
            Diagnostic::UnfitKey => "unfit_key",
        }
    }
}

/// The problems of a batch.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    first: Vec<(Place, Diagnostic)>,
    counts: BTreeMap<&'static str, u64>,
    /// Whether the batch has at least one error, not only warnings.
    any_failed: bool,
}

impl Diagnostics {
    /// Adds a problem.
    pub(super) fn note(&mut self, place: Place, diagnostic: Diagnostic) {
        *self.counts.entry(diagnostic.code()).or_default() += 1;
        self.any_failed |= !matches!(diagnostic, Diagnostic::Doubtful(_));
        if self.first.len() < SHOWN {
            self.first.push((place, diagnostic));
        }
    }
}

/// Reports the problems of a run.
#[derive(Debug, Default)]
pub(super) struct DiagnosticLog {
    shown: usize,
    counts: BTreeMap<&'static str, u64>,
    any_failed: bool,
}

impl DiagnosticLog {
    /// Reports the problems of a batch from `source`, until [`SHOWN`] problems of the run have been reported.
    pub(super) fn report(&mut self, source: &Arc<str>, diagnostics: &Diagnostics, progress: &Progress) {
        self.any_failed |= diagnostics.any_failed;
        for (code, count) in &diagnostics.counts {
            *self.counts.entry(code).or_default() += count;
        }
        for (place, diagnostic) in &diagnostics.first {
            if self.shown < SHOWN {
                self.shown += 1;
                progress.say(&format!("{source}:{place}: {}", diagnostic.text()));
            }
        }
    }

    /// Whether there were any problems other than warnings.
    pub(super) fn any(&self) -> bool {
        self.any_failed
    }

    /// Reports the total if some problems were not reported individually.
    pub(super) fn conclude(&self, progress: &Progress) {
        let all: u64 = self.counts.values().sum();
        if all > self.shown as u64 {
            let counts: Vec<String> = self.counts.iter().map(|(code, count)| format!("{code} {count}")).collect();
            progress.say(&format!("and {} more; in total: {}", all - self.shown as u64, counts.join(", ")));
        }
    }
}
