//! What a tool reports of the events that it could not do its work on: some by line, all by number, none by content.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::input::Place;
use super::progress::Progress;
use transform::explain::problem::Problem;
use transform::rejection::Rejection;
use transform::request::BodyError;

/// Lines that are reported one by one.
const SHOWN: usize = 10;

/// Why an event has no result.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// The transformation rejects it.
    Refused(Rejection),
    /// rudder-server would not produce it.
    Undeliverable(Problem),
    /// rudder-server would produce something else than was probably meant. The event has a result all the same.
    Doubtful(Problem),
    /// The line is not JSON.
    NotJson(String),
    /// The transformation rejects the request.
    Unanswered(BodyError),
    /// kcat could not tell its key from its message.
    UnfitKey,
}

impl Trouble {
    fn text(&self) -> String {
        match self {
            Trouble::Refused(rejection) => format!("refused: {}", rejection.text()),
            Trouble::Undeliverable(problem) => format!("not produced: {}", problem.text),
            Trouble::Doubtful(problem) => format!("warning: {}", problem.text),
            Trouble::NotJson(reason) => reason.clone(),
            Trouble::Unanswered(error) => format!("not answered: {error}"),
            Trouble::UnfitKey => {
                "left out: its key has a tab, a line break or a NUL, which kcat would take for something else"
                    .to_owned()
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Trouble::Refused(rejection) => rejection.code(),
            Trouble::Undeliverable(problem) | Trouble::Doubtful(problem) => problem.code.code(),
            Trouble::NotJson(_) => "not_json",
            Trouble::Unanswered(_) => "not_answered",
            Trouble::UnfitKey => "unfit_key",
        }
    }
}

/// The troubles of a batch.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    first: Vec<(Place, Trouble)>,
    counts: BTreeMap<&'static str, u64>,
    /// Whether one is more than a warning.
    any_failed: bool,
}

impl Troubles {
    /// Notes one.
    pub(super) fn note(&mut self, place: Place, trouble: Trouble) {
        *self.counts.entry(trouble.code()).or_default() += 1;
        self.any_failed |= !matches!(trouble, Trouble::Doubtful(_));
        if self.first.len() < SHOWN {
            self.first.push((place, trouble));
        }
    }
}

/// The troubles of a run.
#[derive(Debug, Default)]
pub(super) struct Told {
    shown: usize,
    counts: BTreeMap<&'static str, u64>,
    any_failed: bool,
}

impl Told {
    /// Reports the troubles of a batch of `source`, as long as they are few.
    pub(super) fn tell(&mut self, source: &Arc<str>, troubles: &Troubles, progress: &Progress) {
        self.any_failed |= troubles.any_failed;
        for (code, count) in &troubles.counts {
            *self.counts.entry(code).or_default() += count;
        }
        for (place, trouble) in &troubles.first {
            if self.shown < SHOWN {
                self.shown += 1;
                progress.say(&format!("{source}:{place}: {}", trouble.text()));
            }
        }
    }

    /// Whether there were any but warnings.
    pub(super) fn any(&self) -> bool {
        self.any_failed
    }

    /// How many there were, where that is more than were reported.
    pub(super) fn conclude(&self, progress: &Progress) {
        let all: u64 = self.counts.values().sum();
        if all > self.shown as u64 {
            let counts: Vec<String> = self.counts.iter().map(|(code, count)| format!("{code} {count}")).collect();
            progress.say(&format!("and {} more; all together: {}", all - self.shown as u64, counts.join(", ")));
        }
    }
}
