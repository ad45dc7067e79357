//! Counts the most frequent keys in bounded memory. This is a variant of the Misra-Gries algorithm: when there are too
//! many keys, it subtracts the median count from all counts. Counts are exact while there are few keys. With more keys,
//! counts may be too low, but the maximum undercount is known.

use std::collections::HashMap;

use json::display::start;

/// The maximum size of a key in bytes. [`shortened`] shortens longer keys.
const KEY_BYTES: usize = 128;

/// Counts how often each key occurs, for up to a given number of keys.
#[derive(Debug, Clone)]
pub struct HeavyHitters {
    counts: HashMap<Box<str>, u64>,
    capacity: usize,
    /// The maximum undercount per key.
    short_by: u64,
}

/// Shortens a long key to a prefix and a hash. The hash distinguishes keys that have the same prefix.
#[must_use]
pub fn shortened(key: &str) -> String {
    if key.len() <= KEY_BYTES {
        return key.to_owned();
    }
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{}… ({} bytes, {hash:016x})", start(key, KEY_BYTES / 2), key.len())
}

impl HeavyHitters {
    /// Creates an empty instance. When it has more than `capacity` keys, it discards the less frequent half.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { counts: HashMap::default(), capacity, short_by: 0 }
    }

    /// Counts an event with this key, shortened by [`shortened`].
    pub fn count(&mut self, key: &str) {
        if key.len() <= KEY_BYTES {
            // Most keys have an entry already, and need no copy.
            if let Some(count) = self.counts.get_mut(key) {
                *count += 1;
                return;
            }
        }
        self.add(shortened(key).into(), 1);
    }

    fn add(&mut self, key: Box<str>, count: u64) {
        *self.counts.entry(key).or_default() += count;
        if self.counts.len() > self.capacity {
            self.thin_out();
        }
    }

    /// Adds the counts of another instance.
    pub fn merge(&mut self, others: Self) {
        self.short_by += others.short_by;
        for (key, count) in others.counts {
            self.add(key, count);
        }
    }

    /// Subtracts the median of all counts from each count. Then removes the keys whose count became 0: at least half of
    /// all keys.
    fn thin_out(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let middle = counts.len() / 2;
        let (_, less, _) = counts.select_nth_unstable(middle);
        let less = *less;
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(less);
            *count > 0
        });
        self.short_by += less;
    }

    /// Returns the number of distinct keys, or `None` if keys were discarded.
    #[must_use]
    pub fn distinct(&self) -> Option<usize> {
        (self.short_by == 0).then_some(self.counts.len())
    }

    /// Returns the maximum undercount per key, which is 0 if all counts are exact.
    #[must_use]
    pub fn short_by(&self) -> u64 {
        self.short_by
    }

    /// Returns the keys with the highest counts, in descending order of the counts.
    #[must_use]
    pub fn top(&self, most: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.counts.iter().map(|(key, count)| (&**key, *count)).collect();
        all.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: usize = 1 << 16;

    #[test]
    fn the_heavy_hitters_table_counts_a_small_number_of_keys_exactly() {
        let mut hitters = HeavyHitters::new(CAPACITY);
        for index in 0..1000_u32 {
            hitters.count(&format!("k{}", index % 10));
            hitters.count("hot");
        }
        assert_eq!(hitters.top(2), [("hot", 1000), ("k0", 100)]);
        assert_eq!((hitters.distinct(), hitters.short_by()), (Some(11), 0));
    }

    #[test]
    fn a_hot_key_is_found_among_many_keys_and_the_maximum_error_is_known() {
        let (mut hitters, events) = (HeavyHitters::new(CAPACITY), 400_000_u64);
        for index in 0..events {
            hitters.count(&format!("k{index}"));
            if index % 4 == 0 {
                let mut other = HeavyHitters::new(CAPACITY);
                other.count("hot");
                hitters.merge(other);
            }
        }
        let [(key, count), _] = hitters.top(2)[..] else { panic!("two keys") };
        assert_eq!(key, "hot");
        assert!(count <= events / 4 && count + hitters.short_by() >= events / 4, "{count} {}", hitters.short_by());
        assert!(hitters.short_by() > 0 && hitters.short_by() < 50, "{}", hitters.short_by());
        assert_eq!(hitters.distinct(), None);
        assert!(hitters.counts.len() <= CAPACITY);
    }

    #[test]
    fn long_partition_keys_are_shortened_but_stay_distinct() {
        let (a, b) = (format!("{}a", "ü".repeat(500_000)), format!("{}b", "ü".repeat(500_000)));
        assert_ne!(shortened(&a), shortened(&b));
        assert!(shortened(&a).len() <= KEY_BYTES, "{}", shortened(&a));
    }
}
