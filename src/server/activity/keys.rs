//! Counts the most frequent partition keys of a destination, and estimates how unevenly they spread the events over the
//! partitions.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::key_table::{KeyTable, MAX_KEYS};
use transform::partition;

/// The maximum length, in bytes, of a key in its JSON form. Longer keys are not counted.
pub const MAX_KEY_BYTES: usize = 1024;

/// The maximum number of keys per request whose text is stored.
const MAX_TEXTS: usize = 256;

/// The maximum number of bytes of a key that reports show.
const MAX_SHOWN_BYTES: usize = 40;

/// The length of a counting period, in seconds. A report covers the current period and the previous one.
const PERIOD: u64 = 300;

/// Returns a prefix of a key, with control characters replaced.
#[must_use]
pub fn shown(key: &str) -> Box<str> {
    let mut shown = String::new();
    for character in key.chars() {
        let character = if character.is_control() { '\u{fffd}' } else { character };
        if shown.len() + character.len_utf8() > MAX_SHOWN_BYTES {
            shown.push('…');
            break;
        }
        shown.push(character);
    }
    shown.into()
}

/// For each destination and source, all keys of the first `MAX_EXACT` events in a request are counted. The keys of
/// further events are sampled.
const MAX_EXACT: u32 = 16;

/// The sampling rate for events after the first [`MAX_EXACT`]: one event in eight is selected at random, and its key is
/// counted eight times. Hashing the key of every event would take more time than all other counting.
const SAMPLED_ONE_IN: u32 = 8;

/// The partition keys of the events in one request that have the same destination and source. Each key is identified by
/// the hash that determines its partition.
#[derive(Debug, Default)]
pub struct KeyCounts {
    events: u32,
    /// The pseudorandom state that selects the keys to count. The hashes of the keys are mixed into this state, so that
    /// the positions of the selected keys differ between requests.
    random: u32,
    uncounted: Vec<u32>,
    sampled: KeyTable,
    texts: Vec<(u32, Box<str>)>,
}

impl KeyCounts {
    /// Advances to the next event, and returns whether to count its key.
    pub fn wants_next(&mut self) -> bool {
        self.events = self.events.saturating_add(1);
        if self.events <= MAX_EXACT {
            return true;
        }
        self.random = self.random.wrapping_mul(0x915f_77f5).wrapping_add(0x9e37_79b9);
        self.random >> (u32::BITS - SAMPLED_ONE_IN.ilog2()) == 0
    }

    /// Counts the key with this hash, for an event that [`Self::wants_next`] has selected. `text` returns the text of
    /// the key, or `None` if keys are not shown.
    pub fn count(&mut self, hash: u32, text: impl FnOnce() -> Option<Box<str>>) {
        if self.texts.len() < MAX_TEXTS
            && let Some(text) = text()
        {
            self.texts.push((hash, text));
        }
        self.random ^= hash;
        if self.events > MAX_EXACT {
            self.sampled.add(hash, SAMPLED_ONE_IN);
        } else {
            if self.uncounted.is_empty() {
                self.uncounted.reserve(MAX_EXACT as usize);
            }
            self.uncounted.push(hash);
        }
    }
}

/// The keys of a destination in the current and the previous period.
#[derive(Debug, Default)]
pub struct Keys {
    /// The number of the current period.
    period: u64,
    current: Period,
    previous: Period,
}

#[derive(Debug, Clone, Default)]
struct Period {
    events: u64,
    /// Whether the keys of any request were sampled.
    is_sampled: bool,
    counts: KeyTable,
    texts: HashMap<u32, Box<str>>,
}

impl Keys {
    /// Adds the keys of a request with `events` transformed events.
    pub fn add(&mut self, keys: KeyCounts, events: u64, now: u64) {
        self.advance(now);
        let Period { events: all, is_sampled, counts, texts } = &mut self.current;
        *all += events;
        *is_sampled |= keys.events > MAX_EXACT;
        keys.uncounted.into_iter().for_each(|hash| counts.add(hash, 1));
        counts.merge(&keys.sampled);
        for (hash, text) in keys.texts {
            if counts.contains(hash) {
                texts.entry(hash).or_insert(text);
            }
            if texts.len() > MAX_KEYS {
                texts.retain(|hash, _| counts.contains(*hash));
            }
        }
    }

    fn advance(&mut self, now: u64) {
        let period = now / PERIOD;
        if period != self.period {
            let ended = std::mem::take(&mut self.current);
            self.previous = if period == self.period + 1 { ended } else { Period::default() };
            self.period = period;
        }
    }

    /// Returns the hottest keys at `now`, and the partition of each key in a topic with `partitions` partitions.
    #[must_use]
    pub fn report(&self, now: u64, partitions: NonZeroU32) -> HotKeys {
        let period = now / PERIOD;
        let mut all = Period::default();
        let parts = [(0, &self.previous), (1, &self.current)];
        // The stored periods advance only when keys are added. For each period that has begun since then, one of the
        // two stored periods is too old to be reported.
        let ended = usize::try_from(period - self.period).unwrap_or(usize::MAX);
        for (_, part) in parts.into_iter().filter(|(index, _)| *index >= ended) {
            all.events += part.events;
            all.is_sampled |= part.is_sampled;
            all.counts.merge(&part.counts);
            all.texts.extend(part.texts.iter().map(|(hash, text)| (*hash, text.clone())));
        }
        let hottest = all.counts.top(TOP).into_iter().map(|(hash, events)| HotKey {
            hash,
            text: all.texts.remove(&hash),
            events: u64::from(events).min(all.events),
            partition: partition::of_hash(hash, partitions),
        });
        let hottest: Vec<HotKey> = hottest.collect();
        HotKeys {
            seconds: now - period.saturating_sub(1) * PERIOD,
            events: all.events,
            short_by: all.counts.short_by(),
            distinct: all.counts.distinct().filter(|_| !all.is_sampled),
            is_sampled: all.is_sampled,
            skew: skew(&all, partitions),
            hottest,
        }
    }
}

/// The maximum number of hot keys in a report.
const TOP: usize = 10;

/// The hottest keys of a destination.
#[derive(Debug, PartialEq)]
pub struct HotKeys {
    /// The number of seconds that the report covers.
    pub seconds: u64,
    /// The number of transformed events in the last `seconds` seconds.
    pub events: u64,
    /// The maximum undercount per key.
    pub short_by: u64,
    /// Whether keys were sampled, so that the counts are estimates.
    pub is_sampled: bool,
    /// The number of distinct keys, or `None` if it is unknown.
    pub distinct: Option<usize>,
    /// The hottest keys, in descending order of events.
    pub hottest: Vec<HotKey>,
    /// The partition with the most events, or `None` if there are no events.
    pub skew: Option<Skew>,
}

/// A key with many events.
#[derive(Debug, PartialEq, Eq)]
pub struct HotKey {
    /// The hash that determines the partition.
    pub hash: u32,
    /// A prefix of the key, if keys are shown.
    pub text: Option<Box<str>>,
    /// The number of events with this key.
    pub events: u64,
    /// The partition of the key, counted from 0.
    pub partition: u32,
}

/// The partition with the most events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skew {
    /// The partition, counted from 0.
    pub partition: u32,
    /// The partition's share of all events.
    pub share: f64,
}

/// Estimates which partition has the most events. The estimate for a partition is the number of events of its counted
/// keys, plus an even share of all other events.
fn skew(keys: &Period, partitions: NonZeroU32) -> Option<Skew> {
    if keys.events == 0 {
        return None;
    }
    let mut by_partition: HashMap<u32, u64> = HashMap::new();
    let mut counted = 0;
    for (hash, events) in keys.counts.all() {
        *by_partition.entry(partition::of_hash(hash, partitions)).or_default() += u64::from(events);
        counted += u64::from(events);
    }
    let others = keys.events.saturating_sub(counted) as f64 / f64::from(partitions.get());
    let (partition, events) =
        by_partition.into_iter().max_by_key(|(partition, events)| (*events, u32::MAX - partition))?;
    Some(Skew { partition, share: ((events as f64 + others) / keys.events as f64).min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWELVE: NonZeroU32 = NonZeroU32::new(12).unwrap();

    fn keys(hashes: impl IntoIterator<Item = u32>) -> (KeyCounts, u64) {
        let (mut keys, mut events) = (KeyCounts::default(), 0);
        for hash in hashes {
            if keys.wants_next() {
                keys.count(hash, || None);
            }
            events += 1;
        }
        (keys, events)
    }

    #[test]
    fn a_hot_key_and_its_partition_are_found_among_many_keys() {
        let mut all = Keys::default();
        for request in 0..400_u32 {
            let key = |number| match number % 4 {
                0 => partition::hash_of_key("hot"),
                _ => partition::hash_of_key(&format!("{request}-{number}")),
            };
            let (counted, events) = keys((0..100).map(key));
            all.add(counted, events, 1);
        }
        let report = all.report(1, TWELVE);
        assert_eq!((report.events, report.distinct, report.is_sampled), (40_000, None, true));
        let hottest = &report.hottest[0];
        assert_eq!(hottest.hash, partition::hash_of_key("hot"));
        // The test allows a sampling error of 20%. In addition, the count may be too low by up to `short_by`.
        assert!(hottest.events <= 12_000 && hottest.events + report.short_by >= 8_000, "{report:?}");
        assert!(report.short_by < 40_000 / 20, "{report:?}");
        let skew = report.skew.unwrap();
        assert_eq!(skew.partition, partition::of_key("hot", TWELVE));
        assert!(skew.share > 0.22 && skew.share < 0.40, "{skew:?}");
    }

    #[test]
    fn a_key_that_all_events_share_is_the_only_reported_key() {
        let mut all = Keys::default();
        for _ in 0..10 {
            let (counted, events) = keys([7; 1_000]);
            all.add(counted, events, 1);
        }
        let report = all.report(1, TWELVE);
        assert_eq!((report.events, report.hottest.len(), report.skew.unwrap().partition), (10_000, 1, 7));
        assert!((8_000..=10_000).contains(&report.hottest[0].events), "{report:?}");
    }

    #[test]
    fn a_few_keys_are_counted_exactly_and_expire_after_the_next_period() {
        let mut all = Keys::default();
        let (counted, events) = keys([1, 2, 2]);
        all.add(counted, events, PERIOD - 1);
        let of = |all: &Keys, now| {
            let report = all.report(now, TWELVE);
            (report.events, report.distinct, report.hottest.first().map(|key| (key.hash, key.events)))
        };
        let counted = (3, Some(2), Some((2, 2)));
        assert_eq!([of(&all, PERIOD - 1), of(&all, PERIOD), of(&all, 2 * PERIOD - 1)], [counted; 3]);
        assert_eq!(of(&all, 2 * PERIOD), (0, Some(0), None));
        let (more, events) = keys([2]);
        all.add(more, events, 2 * PERIOD - 1);
        assert_eq!(of(&all, 2 * PERIOD), (1, Some(1), Some((2, 1))));
    }

    #[test]
    fn partition_keys_in_reports_are_short_and_contain_no_control_characters() {
        assert_eq!(&*shown("user-1"), "user-1");
        assert_eq!(&*shown("a\u{1b}[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
        assert!(shown(&"ü".repeat(1000)).len() <= MAX_SHOWN_BYTES + 3);
    }
}
