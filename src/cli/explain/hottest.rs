//! The most frequent keys, in bounded memory. Counts are exact as long as there are not too many keys. Above that, each count
//! comes with its maximum error (Misra and Gries's algorithm, with counters removed in batches).

use std::collections::HashMap;

/// Keys that are counted at once. Past them the rarer half is forgotten.
const CAPACITY: usize = 1 << 16;
/// Bytes of a key that are kept.
const KEY_BYTES: usize = 128;

/// Counts keys.
#[derive(Debug, Default)]
pub(super) struct Hottest {
    counts: HashMap<Box<str>, u64>,
    /// What the counts may be short by.
    short_by: u64,
}

/// How a long key is shown: its start, and a hash that distinguishes it from others with the same start.
pub(super) fn told(key: &str) -> String {
    if key.len() <= KEY_BYTES {
        return key.to_owned();
    }
    let end = (0..=KEY_BYTES / 2).rev().find(|end| key.is_char_boundary(*end)).unwrap_or(0);
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{}… ({} bytes, {hash:016x})", &key[..end], key.len())
}

impl Hottest {
    /// Counts an event with this key.
    pub(super) fn count(&mut self, key: &str) {
        if key.len() <= KEY_BYTES {
            // Most keys were met before, and need no copy.
            if let Some(count) = self.counts.get_mut(key) {
                *count += 1;
                return;
            }
        }
        self.add(told(key).into(), 1);
    }

    /// Adds what others counted.
    pub(super) fn merge(&mut self, others: Hottest) {
        self.short_by += others.short_by;
        for (key, count) in others.counts {
            self.add(key, count);
        }
    }

    fn add(&mut self, key: Box<str>, count: u64) {
        *self.counts.entry(key).or_default() += count;
        if self.counts.len() > CAPACITY {
            self.thin_out();
        }
    }

    /// Takes as much from every count as leaves nothing of half of them.
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

    /// How many keys there are, where that is known.
    pub(super) fn distinct(&self) -> Option<usize> {
        (self.short_by == 0).then_some(self.counts.len())
    }

    /// What a count may be short by; none where all are exact.
    pub(super) fn short_by(&self) -> u64 {
        self.short_by
    }

    /// The keys with the highest counts, in their order.
    pub(super) fn top(&self, most: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> = self.counts.iter().map(|(key, count)| (&**key, *count)).collect();
        all.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut hottest = Hottest::default();
        for index in 0..1000_u32 {
            hottest.count(&format!("k{}", index % 10));
            hottest.count("hot");
        }
        assert_eq!(hottest.top(2), [("hot", 1000), ("k0", 100)]);
        assert_eq!((hottest.distinct(), hottest.short_by()), (Some(11), 0));
    }

    #[test]
    fn of_many_keys_the_hot_ones_stay_and_the_error_is_known() {
        let (mut hottest, events) = (Hottest::default(), 400_000_u64);
        for index in 0..events {
            hottest.count(&format!("k{index}"));
            if index % 4 == 0 {
                let mut other = Hottest::default();
                other.count("hot");
                hottest.merge(other);
            }
        }
        let [(key, count), _] = hottest.top(2)[..] else { panic!("two keys") };
        assert_eq!(key, "hot");
        assert!(count <= events / 4 && count + hottest.short_by() >= events / 4, "{count} {}", hottest.short_by());
        assert!(hottest.short_by() > 0 && hottest.short_by() < 50, "{}", hottest.short_by());
        assert_eq!(hottest.distinct(), None);
        assert!(hottest.counts.len() <= CAPACITY);
    }

    #[test]
    fn long_keys_are_told_apart_and_kept_short() {
        let (a, b) = (format!("{}a", "ü".repeat(500_000)), format!("{}b", "ü".repeat(500_000)));
        assert_ne!(told(&a), told(&b));
        assert!(told(&a).len() <= KEY_BYTES, "{}", told(&a));
    }
}
