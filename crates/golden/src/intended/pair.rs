//! Compares the two responses to one event.

use super::event::Events;
use super::question::fails;
use super::table::{IntendedDifference, Shape};
use crate::compare::{Infinite, each_member, pointer_name};
use crate::differences::Differences;
use json::raw::Raw;
use transform::rejection::Rejection;

/// The two responses to one event.
pub(super) struct Pair<'e, 'q, 'v> {
    pub(super) events: &'e Events<'q>,
    pub(super) index: usize,
    pub(super) ours: Raw<'v>,
    pub(super) theirs: Raw<'v>,
    /// The intended difference that explains why every event of the request failed in rudder-transformer. `None` if not
    /// every event failed.
    pub(super) cause: Option<IntendedDifference>,
}

/// The parts of a response that are allowed to differ.
#[derive(Debug, Clone, Copy, Default)]
struct Except {
    /// Whether the topic, and the `rudderId` that contains the topic, may differ.
    topic: bool,
    /// Whether the timestamp of the message may differ.
    timestamp: bool,
}

impl Pair<'_, '_, '_> {
    /// Compares the responses, and adds the differences to `found`. The pointer of each difference begins with
    /// `pointer`.
    pub(super) fn judge(&self, pointer: &str, found: &mut Differences) {
        if self.ours.text() == self.theirs.text() {
            return;
        }
        let mut exact = found.new_empty();
        self.compare(pointer, Except::default(), &mut exact);
        if exact.is_empty() {
            found.append(exact);
        } else if fails(self.theirs) {
            self.judge_failure(pointer, exact, found);
        } else if fails(self.ours) {
            match self.row_for_rejection() {
                Some(row) => found.allow(pointer, row),
                None => found.append(exact),
            }
        } else {
            self.judge_output(pointer, exact, found);
        }
    }

    /// Compares the two responses to an event that failed in rudder-transformer.
    fn judge_failure(&self, pointer: &str, exact: Differences, found: &mut Differences) {
        let own = [Shape::EventFails, Shape::EveryEventFails]
            .into_iter()
            .find_map(|shape| self.events.row(self.index, shape));
        let row = own.or(self.cause);
        let Some(row) = row.or_else(|| self.limit()) else { return found.append(exact) };
        found.allow(pointer, row);
        let Some(sent) = self.events.metadata(self.index) else { return };
        if let Some(theirs) = self.theirs.member("metadata").filter(|theirs| theirs.is_object()) {
            each_member(sent, theirs, |name, sent, theirs| {
                if !self.events.removes_metadata(self.index, name) {
                    let pointer = format!("{pointer}/metadata/{}", pointer_name(name));
                    found.compare(&pointer, sent, theirs, Infinite::AsNull);
                }
            });
        } else if self.events.row(self.index, Shape::OtherResponse).is_none() {
            let theirs = self.theirs.member("metadata");
            found.compare(&format!("{pointer}/metadata"), Some(sent), theirs, Infinite::AsNull);
        }
    }

    /// Compares the two responses to an event that both transformers transformed.
    fn judge_output(&self, pointer: &str, exact: Differences, found: &mut Differences) {
        let topic = self.events.row(self.index, Shape::OtherTopic);
        let timestamp = self.events.row(self.index, Shape::OtherTimestamp);
        let mut here = found.new_empty();
        self.compare(pointer, Except { topic: topic.is_some(), timestamp: timestamp.is_some() }, &mut here);
        if here.is_empty() && (topic.is_some() || timestamp.is_some()) {
            topic.into_iter().chain(timestamp).for_each(|row| here.allow(pointer, row));
            found.append(here);
            return;
        }
        match self.events.row(self.index, Shape::OtherResponse) {
            Some(row) => found.allow(pointer, row),
            None if topic.is_some() || timestamp.is_some() => found.append(here),
            None => found.append(exact),
        }
    }

    /// Returns the intended difference that explains why rudder-transformer may have transformed an event that this
    /// service rejects.
    fn row_for_rejection(&self) -> Option<IntendedDifference> {
        self.events.row(self.index, Shape::OtherResponse).or_else(|| self.limit())
    }

    /// Returns the intended difference for limits, if this service rejected the event because of a limit. All other
    /// rejections depend only on the event.
    fn limit(&self) -> Option<IntendedDifference> {
        let error = self.ours.member("error")?;
        error.is_string(Rejection::TemplatesTooComplex.text()).then_some(IntendedDifference::Limits)
    }

    fn compare(&self, pointer: &str, except: Except, found: &mut Differences) {
        each_member(self.ours, self.theirs, |name, ours, theirs| {
            let pointer = format!("{pointer}/{}", pointer_name(name));
            match (name, ours, theirs) {
                (b"output", Some(ours), Some(theirs)) if ours.is_object() && theirs.is_object() => {
                    compare_except(
                        &pointer,
                        ours,
                        theirs,
                        except.topic.then_some("topic"),
                        found,
                        |pointer, name, sides, found| {
                            let timestamp = (except.timestamp && name == b"message").then_some("timestamp");
                            match sides {
                                [Some(ours), Some(theirs)] if timestamp.is_some() => {
                                    compare_except(
                                        pointer,
                                        ours,
                                        theirs,
                                        timestamp,
                                        found,
                                        |pointer, _, [ours, theirs], found| {
                                            found.compare(pointer, ours, theirs, Infinite::AsNull);
                                        },
                                    );
                                }
                                [ours, theirs] => found.compare(pointer, ours, theirs, Infinite::AsNull),
                            }
                        },
                    );
                }
                (b"metadata", Some(ours), Some(theirs)) if except.topic && ours.is_object() && theirs.is_object() => {
                    compare_except(
                        &pointer,
                        ours,
                        theirs,
                        Some("rudderId"),
                        found,
                        |pointer, _, [ours, theirs], found| {
                            found.compare(pointer, ours, theirs, Infinite::AsNull);
                        },
                    );
                }
                _ => found.compare(&pointer, ours, theirs, Infinite::AsNull),
            }
        });
    }
}

/// Compares two objects field by field, except for one field.
fn compare_except(
    pointer: &str,
    ours: Raw<'_>,
    theirs: Raw<'_>,
    excluded: Option<&str>,
    found: &mut Differences,
    mut compare: impl FnMut(&str, &[u8], [Option<Raw<'_>>; 2], &mut Differences),
) {
    each_member(ours, theirs, |name, ours, theirs| {
        if excluded.is_none_or(|excluded| name != excluded.as_bytes()) {
            compare(&format!("{pointer}/{}", pointer_name(name)), name, [ours, theirs], found);
        }
    });
}
