//! Counts the events of each destination, since startup and in the last five minutes, in bounded memory.
//!
//! Every event of the processor transformation is counted. Apart from IDs, only the topic of an event and a hash of its
//! partition key are stored. With `SHOW_KEYS`, a prefix of the key is stored too.

#[cfg(test)]
mod bounds;
pub mod counts;
pub mod key_table;
pub mod keys;
pub mod observed;
pub mod report;
pub mod topics;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use crate::server::http::identity::Identity;
use counts::{Counts, Recent};
use keys::Keys;
use observed::{DestinationActivity, RequestActivity};
use topics::Topics;
use transform::family::Family;
use transform::rejection::Rejection;

/// The maximum number of destinations that are counted separately. The events of further destinations are counted
/// together.
pub const MAX_DESTINATIONS: usize = 300;

/// The maximum number of sources that are listed for a destination.
pub const MAX_SOURCES: usize = 8;

/// The number of idle seconds after which a destination can be evicted to make room for another destination.
const IDLE_SECONDS: u64 = 600;

/// The activity of all destinations since startup. Clones share the same counts.
#[derive(Debug, Clone)]
pub struct Activity(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    started: Instant,
    /// The Unix time of startup, in seconds.
    started_at: u64,
    shows_keys: bool,
    /// Hashes keys for reports, which show hashes instead of keys. The seed is random, so a known key cannot be matched
    /// to its hash.
    names: RandomState,
    destinations: RwLock<HashMap<Name, Arc<Mutex<Destination>>>>,
    /// The summed activity of all destinations that are not, or no longer, counted separately.
    others: Mutex<Destination>,
    /// How often a new destination appeared while the table was full. The same destination can be counted repeatedly.
    uncounted: AtomicU64,
    /// The time of the last search for a destination to evict, in seconds since startup.
    last_search: AtomicU64,
}

/// Identifies a destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Name {
    family: &'static str,
    /// The destination ID, or `None` for events without one.
    id: Option<Box<str>>,
}

/// The activity of one destination.
#[derive(Debug, Default)]
struct Destination {
    workspace: Option<String>,
    sources: Vec<String>,
    has_more_sources: bool,
    /// When the first event arrived, in seconds since startup.
    first: u64,
    latest: u64,
    total: Counts,
    recent: Recent<Counts>,
    topics: Topics,
    keys: Keys,
    /// Whether the destination has been evicted. If so, its counts have been moved to [`Shared::others`], and events
    /// that are added to this `Destination` later are lost.
    is_merged: bool,
    /// For each rejection reason, the time of the latest rejection for this reason, in seconds since startup.
    rejected: [Option<u64>; Rejection::ALL.len()],
}

impl Activity {
    /// Creates empty counts. If `shows_keys` is true, prefixes of partition keys are stored.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "reports contain the wall-clock time of events")]
    pub fn new(shows_keys: bool) -> Self {
        Self(Arc::new(Shared {
            started: Instant::now(),
            started_at: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            shows_keys,
            names: RandomState::new(),
            destinations: RwLock::default(),
            others: Mutex::default(),
            uncounted: AtomicU64::new(0),
            last_search: AtomicU64::new(0),
        }))
    }

    /// Creates an observer that records the activity of one request.
    #[must_use]
    pub fn observer(&self) -> RequestActivity {
        RequestActivity::new(self.0.shows_keys)
    }

    /// Adds the counts of a request.
    pub fn add(&self, family: &'static Family, request: RequestActivity) {
        self.add_at(family, request, self.0.started.elapsed().as_secs());
    }

    fn add_at(&self, family: &'static Family, request: RequestActivity, now: u64) {
        for seen in request.into_destinations() {
            let id = seen.identity.destination_id.as_deref().map(Into::into);
            let found = self.find(Name { family: family.name, id }, now);
            self.add_to(found.as_deref(), seen, now);
        }
    }

    /// Adds activity to the destination `found`. If there was no room for the destination, or it has been evicted since
    /// it was found, adds the activity to [`Shared::others`].
    fn add_to(&self, found: Option<&Mutex<Destination>>, seen: DestinationActivity, now: u64) {
        if let Some(destination) = found {
            let mut destination = destination.lock().unwrap_or_else(PoisonError::into_inner);
            if !destination.is_merged {
                return destination.add(seen, now);
            }
        }
        self.0.others.lock().unwrap_or_else(PoisonError::into_inner).add(seen, now);
    }

    /// Returns the destination with this name, and adds it if it is new. Returns `None` if there is no room for a new
    /// one.
    fn find(&self, name: Name, now: u64) -> Option<Arc<Mutex<Destination>>> {
        if let Some(found) = self.0.destinations.read().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Some(found.clone());
        }
        let mut all = self.0.destinations.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_DESTINATIONS && !all.contains_key(&name) {
            self.0.uncounted.fetch_add(1, Ordering::Relaxed);
            self.evict_idle(&mut all, now)?;
        }
        let added = || Arc::new(Mutex::new(Destination { first: now, ..Destination::default() }));
        Some(all.entry(name).or_insert_with(added).clone())
    }

    /// Evicts the destination that has been idle longest, if it has been idle for long enough, and adds its counts to
    /// [`Shared::others`]. Returns `None` if no destination was evicted.
    fn evict_idle(&self, all: &mut HashMap<Name, Arc<Mutex<Destination>>>, now: u64) -> Option<()> {
        if self.0.last_search.swap(now, Ordering::Relaxed) == now && now > 0 {
            return None;
        }
        let latest =
            |destination: &Arc<Mutex<Destination>>| destination.lock().unwrap_or_else(PoisonError::into_inner).latest;
        let name = all.iter().min_by_key(|(_, destination)| latest(destination)).map(|(name, _)| name.clone())?;
        let idle = all.get(&name)?.clone();
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Another request may have added events to this destination after the search above.
        if now.saturating_sub(idle.latest) < IDLE_SECONDS {
            return None;
        }
        idle.is_merged = true;
        all.remove(&name);
        self.0.others.lock().unwrap_or_else(PoisonError::into_inner).total.add(&idle.total);
        Some(())
    }

    /// Returns the name by which reports show a key: a hash that cannot be computed outside this process.
    fn name_of_key(&self, hash: u32) -> String {
        format!("{:08x}", self.0.names.hash_one(hash) as u32)
    }
}

impl Destination {
    fn add(&mut self, seen: DestinationActivity, now: u64) {
        let DestinationActivity { identity, counts, topics, keys, .. } = seen;
        let Identity { source_id, workspace_id, .. } = identity;
        if self.workspace.is_none() {
            self.workspace = workspace_id;
        }
        if let Some(source) = source_id
            && !self.sources.contains(&source)
        {
            if self.sources.len() < MAX_SOURCES {
                self.sources.push(source);
            } else {
                self.has_more_sources = true;
            }
        }
        self.latest = now;
        self.total.add(&counts);
        self.recent.at(now).add(&counts);
        self.topics.add(topics, now);
        self.keys.add(keys, counts.transformed(), now);
        for (latest, events) in self.rejected.iter_mut().zip(counts.rejected) {
            if events > 0 {
                *latest = Some(now);
            }
        }
    }

    fn recent(&self, now: u64) -> Counts {
        let mut sum = Counts::default();
        self.recent.all(now).for_each(|counts| sum.add(counts));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transform::family::KAFKA;
    use transform::meter::Unlimited;
    use transform::processor;
    use transform::request::{Limits, PayloadFormat};

    /// Returns the activity of a request with these events.
    fn seen(activity: &Activity, events: &[String]) -> RequestActivity {
        let limits = Limits { events: 1_000_000, response_bytes: 1 << 30 };
        let body = format!("[{}]", events.join(","));
        let mut seen = activity.observer();
        processor::respond_observed(&KAFKA, &body, PayloadFormat::Plain, "", limits, &Unlimited, &mut seen).unwrap();
        seen
    }

    /// Counts a request with these events.
    pub(super) fn observed(activity: &Activity, events: &[String], now: u64) {
        activity.add_at(&KAFKA, seen(activity, events), now);
    }

    fn event(destination: &str, user: &str) -> String {
        format!(
            r#"{{"message":{{"userId":"{user}"}},"metadata":{{"jobId":1,"sourceId":"s-{destination}","destinationId":"{destination}","workspaceId":"w"}},"destination":{{"Config":{{"topic":"orders"}}}}}}"#
        )
    }

    fn counts(activity: &Activity, id: &str) -> Counts {
        let name = Name { family: KAFKA.name, id: Some(id.into()) };
        let found = activity.0.destinations.read().unwrap().get(&name).cloned().unwrap_or_else(|| panic!("{id}"));
        found.lock().unwrap().total
    }

    #[test]
    fn events_are_counted_for_their_destination() {
        let activity = Activity::new(false);
        let rejected = r#"{"message":7,"metadata":{"destinationId":"b"}}"#.to_owned();
        observed(&activity, &[event("a", "u1"), event("b", "u2"), rejected, "null".into(), event("a", "")], 0);
        let (a, b) = (counts(&activity, "a"), counts(&activity, "b"));
        assert_eq!((a.transformed(), a.rejected(), a.keys), (2, 0, [1, 0, 1]));
        assert_eq!((b.transformed(), b.rejected[Rejection::MessageNotAnObject as usize]), (1, 1));
        let nameless = Name { family: KAFKA.name, id: None };
        let nameless = activity.find(nameless, 0).unwrap();
        assert_eq!(nameless.lock().unwrap().total.rejected[Rejection::EventNotAnObject as usize], 1);
    }

    #[test]
    fn events_of_a_discarded_streaming_attempt_are_not_counted() {
        let activity = Activity::new(false);
        let mut seen = activity.observer();
        let limits = Limits { events: 10, response_bytes: 1 << 20 };
        // If the field `input` is repeated, only the last array counts, so the attempt to stream the first array is
        // discarded.
        let event = r#"{"message":{},"metadata":{"destinationId":"d"}}"#;
        let body = format!(r#"{{"input":[{event},{event}],"destinations":{{"d":{{}}}},"input":[{event}]}}"#);
        processor::respond_observed(&KAFKA, &body, PayloadFormat::Compacted, "", limits, &Unlimited, &mut seen)
            .unwrap();
        activity.add_at(&KAFKA, seen, 0);
        assert_eq!(counts(&activity, "d").events(), 1);
    }

    #[test]
    fn events_of_destinations_above_the_maximum_number_are_counted_together() {
        let activity = Activity::new(true);
        let (requests, events) = (1_000, 100);
        for request in 0..requests {
            let destinations = (0..events).map(|number| event(&format!("d{}", request * events + number), "u"));
            observed(&activity, &destinations.collect::<Vec<_>>(), 1);
        }
        assert_eq!(activity.0.destinations.read().unwrap().len(), MAX_DESTINATIONS);
        let known: u64 = activity
            .0
            .destinations
            .read()
            .unwrap()
            .values()
            .map(|destination| destination.lock().unwrap().total.events())
            .sum();
        let others = activity.0.others.lock().unwrap().total.events();
        assert_eq!(known + others, (requests * events) as u64, "every event is counted");
        assert!(others > 0 && activity.0.uncounted.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn a_new_destination_evicts_an_idle_one_if_the_table_is_full() {
        let activity = Activity::new(false);
        for number in 0..MAX_DESTINATIONS {
            observed(&activity, &[event(&format!("d{number}"), "u")], 1 + number as u64 / 100);
        }
        observed(&activity, &[event("new", "u")], 5);
        assert_eq!(activity.0.others.lock().unwrap().total.events(), 1, "no destination is idle");
        observed(&activity, &[event("new", "u")], 1 + IDLE_SECONDS);
        assert_eq!(counts(&activity, "new").events(), 1);
        assert_eq!(activity.0.others.lock().unwrap().total.events(), 2, "plus the event of the evicted destination");
    }

    #[test]
    fn events_of_a_destination_that_was_just_evicted_are_counted() {
        let activity = Activity::new(false);
        for number in 0..MAX_DESTINATIONS {
            observed(&activity, &[event(&format!("d{number}"), "u")], u64::from(number > 0));
        }
        let found = activity.find(Name { family: KAFKA.name, id: Some("d0".into()) }, 1);
        observed(&activity, &[event("new", "u")], 1 + IDLE_SECONDS);
        let others = || activity.0.others.lock().unwrap().total.events();
        assert_eq!((others(), counts(&activity, "new").events()), (1, 1), "d0 was evicted");
        let seen = seen(&activity, &[event("d0", "u")]).into_destinations().pop().unwrap();
        activity.add_to(found.as_deref(), seen, 1 + IDLE_SECONDS);
        assert_eq!(others(), 2);
    }

    #[test]
    fn huge_ids_and_control_characters_do_not_appear_in_reports() {
        let activity = Activity::new(true);
        for id in ["x".repeat(1 << 20), "a\\u001b[31m\\n".to_owned(), " ".to_owned()] {
            observed(&activity, &[event(&id, &id)], 0);
        }
        let text = serde_json::to_string(&activity.report_at(0, std::num::NonZeroU32::MIN)).unwrap();
        assert!(text.len() < 10_000 && !text.contains('\u{1b}') && !text.contains("\\u001b"), "{text:.2000}");
    }
}
