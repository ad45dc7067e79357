//! Receives decisions as they are made, so that explanations can report the decisions without repeating the rules.
//!
//! Each method does nothing by default. The functions that make decisions are compiled separately for each observer, so
//! [`NoopObserver`] costs nothing.

use std::ops::ControlFlow;

use crate::decision::{Decision, KeySource, Topic, TopicRule};
use crate::reason::Reason;
use crate::rejection::Rejection;
use crate::request::event::Event;
use crate::rules::templates::Templates;
use json::javascript::JsString;
use json::raw::Raw;

/// Receives the decisions for each event, in the order in which they are made.
///
/// ```
/// use std::ops::ControlFlow;
/// use transform::decision::Decision;
/// use transform::observer::Observer;
/// use transform::rejection::Rejection;
///
/// /// Counts rejected events.
/// #[derive(Default)]
/// struct Rejected(usize);
///
/// impl Observer for Rejected {
///     fn responded(&mut self, outcome: Result<Decision, Rejection>, _response: &str) -> ControlFlow<()> {
///         self.0 += usize::from(outcome.is_err());
///         ControlFlow::Continue(())
///     }
/// }
/// ```
#[allow(unused_variables, reason = "the names document the parameters")]
pub trait Observer {
    /// Called before an event is transformed. `event` is `None` if this element of the array of events is not an
    /// object.
    #[inline]
    fn event(&mut self, event: Option<&Event<'_>>) {}

    /// Receives the destination of the event before templates are filled.
    #[inline]
    fn destination(&mut self, destination: Raw<'_>) {}

    /// Receives the result of the timestamp rule.
    #[inline]
    fn timestamp(&mut self, stamp: Stamp<'_>) {}

    /// Called before the templates of `destination` are filled.
    #[inline]
    fn will_fill(&mut self, destination: Raw<'_>, templates: &Templates) {}

    /// Receives the result of the template with this index, unless the template's default is used.
    #[inline]
    fn template(&mut self, index: usize, filled: Filled<'_>) {}

    /// Called if a topic rule does not apply. `why` returns the reason and the name that the reason refers to.
    #[inline]
    fn skipped(&mut self, rule: TopicRule, why: impl FnOnce() -> (Reason, String)) {}

    /// Receives the topic of the event.
    #[inline]
    fn routed(&mut self, topic: &Topic<'_>) {}

    /// Receives the partition key of the event. `key` is `None` if the key is empty.
    #[inline]
    fn keyed(&mut self, key: Option<&JsString<'_>>, source: KeySource) {}

    /// Whether the responses to events are collected in the response to the request. If not, the response to each event
    /// is dropped after [`Observer::responded`], so memory use does not grow with the number of events, and the
    /// response to the request is an empty array.
    #[inline]
    fn keeps_response(&self) -> bool {
        true
    }

    /// Receives the outcome of an event and the response to it. If the method returns `Break`, the remaining events are
    /// skipped.
    #[inline]
    fn responded(&mut self, outcome: Result<Decision, Rejection>, response: &str) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// An observer that can start over if an attempt to transform a request is discarded
/// ([`super::processor::respond_observed`]).
pub trait Restart: Observer {
    /// Forgets all events so far, because they will be reported again.
    fn restart(&mut self);
}

/// An observer that ignores everything.
#[derive(Debug, Clone, Copy)]
pub struct NoopObserver;

impl Observer for NoopObserver {}

impl Restart for NoopObserver {
    fn restart(&mut self) {}
}

/// The result of the timestamp rule (docs/contract.md#reverse-etl-timestamp).
#[derive(Debug, Clone, Copy)]
pub enum Stamp<'e> {
    /// The rule does not apply, for this reason.
    NotApplied(Reason),
    /// The rule sets this timestamp.
    Set {
        /// The path of the field that the timestamp was taken from. `None` means that no field contains a usable
        /// timestamp.
        from: Option<&'static str>,
        /// The new timestamp.
        value: Raw<'e>,
        /// Whether the message had a different timestamp or no timestamp before the rule was applied.
        changed: bool,
    },
}

/// The result of a template (docs/contract.md#dynamic-configuration).
#[derive(Debug, Clone, Copy)]
pub enum Filled<'e> {
    /// The value from the event is used.
    Found {
        /// The value.
        value: &'e str,
        /// Whether the value was removed from the event.
        removed: bool,
    },
    /// The event is rejected because of the template.
    Rejected,
}
