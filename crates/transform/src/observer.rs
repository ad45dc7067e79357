//! Sees decisions while they are made, so that an explanation reports what was decided and repeats no rule.
//!
//! Every method does nothing unless an observer says otherwise, and the deciding functions are compiled once for each
//! observer: where [`NoopObserver`] looks on, looking on costs nothing.

use std::ops::ControlFlow;

use crate::decision::{Decision, KeySource, Topic, TopicRule};
use crate::reason::Reason;
use crate::rejection::Rejection;
use crate::request::event::Event;
use crate::rules::templates::Templates;
use json::javascript::JsString;
use json::raw::Raw;

/// Sees what is decided of each event, in the order in which it is decided.
#[allow(unused_variables, reason = "the names say what is seen")]
pub trait Observer {
    /// The next event is about to be transformed; `None` stands for an element that is not an object.
    #[inline]
    fn event(&mut self, event: Option<&Event<'_>>) {}

    /// The destination of the event, before templates are filled.
    #[inline]
    fn destination(&mut self, destination: Raw<'_>) {}

    /// What the timestamp rule did.
    #[inline]
    fn timestamp(&mut self, stamp: Stamp<'_>) {}

    /// The templates of this destination are about to be filled.
    #[inline]
    fn will_fill(&mut self, destination: Raw<'_>, templates: &Templates) {}

    /// What became of the template at `index`.
    #[inline]
    fn template(&mut self, index: usize, filled: Filled<'_>) {}

    /// A topic rule did not apply; `why` gives the reason and the name it is about.
    #[inline]
    fn passed_over(&mut self, rule: TopicRule, why: impl FnOnce() -> (Reason, String)) {}

    /// The topic.
    #[inline]
    fn routed(&mut self, topic: &Topic<'_>) {}

    /// The partition key; `None` is the empty one.
    #[inline]
    fn keyed(&mut self, key: Option<&JsString<'_>>, source: KeySource) {}

    /// Whether the response is kept. If it is not, each event's part of it is dropped once [`Observer::responded`] has
    /// seen it, so that memory does not grow with the number of events, and the response that is returned is empty.
    #[inline]
    fn keeps_response(&self) -> bool {
        true
    }

    /// An event is done with, and this is its response. Where it breaks, the events behind it are left out.
    #[inline]
    fn responded(&mut self, outcome: Result<Decision, Rejection>, response: &str) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// An observer that can forget what it has seen, so that it can see attempts which may be discarded
/// ([`super::processor::respond_observed`]).
pub trait Restart: Observer {
    /// Forgets every event seen so far: all of them follow again.
    fn restart(&mut self);
}

/// NoopObserver looks on.
#[derive(Debug, Clone, Copy)]
pub struct NoopObserver;

impl Observer for NoopObserver {}

impl Restart for NoopObserver {
    fn restart(&mut self) {}
}

/// What the timestamp rule did (docs/contract.md#reverse-etl-timestamp).
#[derive(Debug, Clone, Copy)]
pub enum Stamp<'e> {
    /// It does not apply.
    NotAsked(Reason),
    /// It gives the message this timestamp.
    Set {
        /// The field of the message that it is from; `None` where no candidate is usable.
        from: Option<&'static str>,
        /// The timestamp.
        value: Raw<'e>,
        /// Whether the message had another one.
        changed: bool,
    },
}

/// What became of a template (docs/contract.md#dynamic-configuration).
#[derive(Debug, Clone, Copy)]
pub enum Filled<'e> {
    /// A value was found.
    Found {
        /// The value, which is used.
        value: &'e str,
        /// Whether it was removed from the event.
        removed: bool,
    },
    /// The default is used.
    Default,
    /// The event is rejected because of it.
    Rejected,
}
