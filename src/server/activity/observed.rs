//! Records the activity of one request while its events are transformed, separately for each pair of destination and
//! source.

use std::ops::ControlFlow;

use json::display::start;
use json::javascript::JsString;
use json::raw::Raw;
use json::text::unescape;
use transform::decision::{Decision, KeySource, Rejected, Topic, TopicRule};
use transform::observer::{Observer, Restart};
use transform::partition::{as_received, hash_of_escaped_key, hash_of_key};
use transform::rejection::Rejection;
use transform::request::event::{Event, Field, Metadata};

use super::counts::Counts;
use super::keys::{KeyCounts, MAX_KEY_BYTES, shown};
use super::topics::TopicCounts;
use crate::server::http::identity::{Identity, id_of};

/// The maximum number of pairs of destination and source that are distinguished in one request. Events of further pairs
/// are counted without a destination.
const MAX_DESTINATIONS: usize = 64;

/// The maximum number of bytes of an ID's JSON text that are compared. Longer IDs with the same prefix and length are
/// treated as equal.
const MAX_ID_BYTES: usize = 128;

/// Observes the events of one request.
#[derive(Debug)]
pub struct RequestActivity {
    destinations: Vec<DestinationActivity>,
    /// The index of the current event's destination.
    current: usize,
    shows_keys: bool,
}

/// The activity of one request for one destination and source.
#[derive(Debug, Default)]
pub struct DestinationActivity {
    /// The JSON texts of `destinationId` and `sourceId`, by which later events are assigned to this activity.
    key: [IdText; 2],
    /// The IDs of the destination, source and workspace.
    pub identity: Identity,
    /// The number of events, by decision.
    pub counts: Counts,
    /// The topics of the events.
    pub topics: TopicCounts,
    /// The partition keys of the events.
    pub keys: KeyCounts,
}

/// The start and the length of an ID's JSON text.
#[derive(Debug, Default)]
struct IdText {
    start: Box<str>,
    length: usize,
}

impl IdText {
    fn of(id: Option<Raw<'_>>) -> Self {
        let text = id.map_or("", Raw::text);
        Self { start: start(text, MAX_ID_BYTES).into(), length: text.len() }
    }

    fn is(&self, id: Option<Raw<'_>>) -> bool {
        let text = id.map_or("", Raw::text).as_bytes();
        self.length == text.len() && text.get(..self.start.len()) == Some(self.start.as_bytes())
    }
}

impl RequestActivity {
    /// Creates an observer. The text of partition keys is stored only if `shows_keys` is true.
    #[must_use]
    pub fn new(shows_keys: bool) -> Self {
        Self { destinations: Vec::new(), current: 0, shows_keys }
    }

    /// Returns the activity so far, by destination and source.
    #[must_use]
    pub fn destinations(&self) -> &[DestinationActivity] {
        &self.destinations
    }

    /// Returns the recorded activity, by destination and source.
    #[must_use]
    pub fn into_destinations(self) -> Vec<DestinationActivity> {
        self.destinations
    }

    fn current(&mut self) -> Option<&mut DestinationActivity> {
        self.destinations.get_mut(self.current)
    }

    /// Sets the current destination to the destination of an event, and adds that destination if it is new.
    fn enter(&mut self, metadata: Option<&Metadata<'_>>, destination: Option<Raw<'_>>) {
        let ids = metadata.map_or([None; 2], |metadata| [metadata.destination_id, metadata.source_id]);
        let is_same = |other: &DestinationActivity| other.key[0].is(ids[0]) && other.key[1].is(ids[1]);
        if self.destinations.get(self.current).is_some_and(is_same) {
            return;
        }
        if let Some(index) = self.destinations.iter().position(is_same) {
            self.current = index;
            return;
        }
        if self.destinations.len() > MAX_DESTINATIONS {
            self.current = MAX_DESTINATIONS;
            return;
        }
        self.current = self.destinations.len();
        let mut added = DestinationActivity::default();
        if self.destinations.len() < MAX_DESTINATIONS {
            added.key = ids.map(IdText::of);
            let workspace = metadata.and_then(|metadata| metadata.workspace_id);
            let own = || destination.and_then(|destination| destination.member("ID"));
            added.identity = Identity {
                dest_type: None,
                destination_id: id_of(ids[0]).or_else(|| id_of(own())),
                source_id: id_of(ids[1]),
                workspace_id: id_of(workspace),
            };
        }
        self.destinations.push(added);
    }
}

impl Observer for RequestActivity {
    fn event(&mut self, event: Option<&Event<'_>>) {
        let metadata = event.and_then(|event| match &event.metadata {
            Field::Object(metadata) => Some(metadata),
            Field::Missing | Field::Wrong => None,
        });
        self.enter(metadata, event.and_then(|event| event.destination));
    }

    fn routed(&mut self, topic: &Topic<'_>) {
        let Some(activity) = self.current() else { return };
        if topic.rule != TopicRule::None
            && let Some(text) = &topic.text
        {
            activity.topics.count(text.escaped());
        }
    }

    fn keyed(&mut self, key: Option<&JsString<'_>>, _: KeySource) {
        let shows_keys = self.shows_keys;
        let Some(activity) = self.current() else { return };
        let escaped = key.map_or("", JsString::escaped);
        if !activity.keys.wants_next() || escaped.len() > MAX_KEY_BYTES {
            return;
        }
        if let Some(hash) = hash_of_escaped_key(escaped) {
            activity.keys.count(hash, || shows_keys.then(|| shown(escaped)));
        } else {
            let received = as_received(&unescape(escaped));
            activity.keys.count(hash_of_key(&received), || shows_keys.then(|| shown(&received)));
        }
    }

    fn responded(&mut self, outcome: Result<Decision, Rejection>, _: &str) -> ControlFlow<()> {
        if let Some(activity) = self.current() {
            activity.counts.count(outcome);
        }
        ControlFlow::Continue(())
    }
}

impl Restart for RequestActivity {
    fn restart(&mut self) {
        self.destinations.clear();
        self.current = 0;
    }
}

/// The rejected events of one destination and source, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedEvents {
    /// The IDs of the destination, source and workspace.
    pub identity: Identity,
    /// The number of all events, including transformed events.
    pub events: u64,
    /// The number of rejected events, by reason.
    pub rejected: Rejected,
}

impl RejectedEvents {
    /// Returns the sum of `self` and `other`, without an identity.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let mut rejected = self.rejected;
        rejected.iter_mut().zip(other.rejected).for_each(|(sum, more)| *sum += more);
        Self { identity: Identity::default(), events: self.events + other.events, rejected }
    }
}

impl RequestActivity {
    /// Returns one entry for each pair of destination and source that has rejected events.
    #[must_use]
    pub fn rejected(&self) -> Vec<RejectedEvents> {
        let rejected = self.destinations.iter().filter(|activity| activity.counts.rejected() > 0);
        rejected
            .map(|activity| RejectedEvents {
                identity: activity.identity.clone(),
                events: activity.counts.events(),
                rejected: activity.counts.rejected,
            })
            .collect()
    }
}
