//! Counts partition keys in a fixed amount of memory (the Misra-Gries algorithm, but counts are decremented in
//! batches). Counts are exact for up to [`MAX_KEYS`] keys. With more keys, each count may be too low, by at most
//! [`KeyTable::short_by`].
//!
//! This is a custom hash table because it is updated for every event, and the standard library's hash table would need
//! four times as many instructions.

/// The maximum number of keys that are counted at once. When one more key is added, the less frequent half of the keys
/// is discarded.
pub const MAX_KEYS: usize = 55;

/// The number of slots, a power of two. It is more than twice the maximum number of keys, so that searches are short.
const SLOTS: usize = 128;

/// Counts keys by their hash.
#[derive(Debug, Clone, Default)]
pub struct KeyTable {
    /// Allocated when the first key is added.
    slots: Option<Box<[Slot; SLOTS]>>,
    /// The number of slots in use.
    keys: usize,
    /// The maximum undercount per key.
    short_by: u64,
}

/// The hash of a key, and the number of events with this key. A slot without events is free.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    events: u32,
}

/// Returns the index at which the search for a hash begins. The hash is mixed, because clients can choose keys whose
/// hashes share their lowest bits.
fn start_of(hash: u32) -> usize {
    (hash.wrapping_mul(0x9e37_79b9) >> (u32::BITS - SLOTS.ilog2())) as usize
}

/// Returns the slot of `hash` or, if `hash` is not in the table, the free slot in which to store it.
fn slot_of(slots: &mut [Slot; SLOTS], hash: u32) -> &mut Slot {
    let mut index = start_of(hash);
    // The loop ends, because there is always a free slot.
    while slots[index].events != 0 && slots[index].hash != hash {
        index = (index + 1) % SLOTS;
    }
    &mut slots[index]
}

/// Returns the median number of events per key in a full table.
fn median(slots: &[Slot; SLOTS]) -> u32 {
    // If there are many distinct keys, most of them have usually occurred only once, so the median is 1.
    if slots.iter().map(|slot| usize::from(slot.events == 1)).sum::<usize>() > MAX_KEYS / 2 {
        return 1;
    }
    let mut counts = [0; MAX_KEYS + 1];
    let in_use = slots.iter().filter(|slot| slot.events != 0);
    counts.iter_mut().zip(in_use).for_each(|(count, slot)| *count = slot.events);
    *counts.select_nth_unstable(MAX_KEYS / 2).1
}

impl KeyTable {
    /// Adds `events` to the count of the key with this hash.
    pub fn add(&mut self, hash: u32, events: u32) {
        if events == 0 {
            return;
        }
        let slots = self.slots.get_or_insert_with(|| Box::new([Slot::default(); SLOTS]));
        let slot = slot_of(slots, hash);
        let is_new = slot.events == 0;
        *slot = Slot { hash, events: slot.events.saturating_add(events) };
        if is_new {
            self.keys += 1;
            if self.keys > MAX_KEYS {
                self.thin_out();
            }
        }
    }

    /// Adds the counts of another table.
    pub fn merge(&mut self, others: &Self) {
        self.short_by += others.short_by;
        others.all().for_each(|(hash, events)| self.add(hash, events));
    }

    /// Subtracts the median from every count, and removes the keys whose counts do not exceed the median: at least half
    /// of all keys.
    fn thin_out(&mut self) {
        let Some(slots) = &mut self.slots else { return };
        let old = std::mem::replace(&mut **slots, [Slot::default(); SLOTS]);
        let less = median(&old);
        self.keys = 0;
        for slot in old.into_iter().filter(|slot| slot.events > less) {
            *slot_of(slots, slot.hash) = Slot { events: slot.events - less, ..slot };
            self.keys += 1;
        }
        self.short_by += u64::from(less);
    }

    /// Returns the hash and the number of events of each counted key.
    pub fn all(&self) -> impl Iterator<Item = (u32, u32)> {
        let slots = self.slots.iter().flat_map(|slots| slots.iter());
        slots.filter(|slot| slot.events != 0).map(|slot| (slot.hash, slot.events))
    }

    /// Whether the key with this hash is being counted.
    #[must_use]
    pub fn contains(&self, hash: u32) -> bool {
        self.all().any(|(other, _)| other == hash)
    }

    /// The number of distinct keys, or `None` if keys have been discarded.
    #[must_use]
    pub fn distinct(&self) -> Option<usize> {
        (self.short_by == 0).then_some(self.keys)
    }

    /// The maximum undercount per key; 0 if all counts are exact.
    #[must_use]
    pub fn short_by(&self) -> u64 {
        self.short_by
    }

    /// Returns the hash and the number of events of up to `most` keys, in descending order of events.
    #[must_use]
    pub fn top(&self, most: usize) -> Vec<(u32, u32)> {
        let mut all: Vec<(u32, u32)> = self.all().collect();
        all.sort_unstable_by_key(|(hash, events)| (std::cmp::Reverse(*events), *hash));
        all.truncate(most);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_table_counts_a_small_number_of_keys_exactly() {
        let mut table = KeyTable::default();
        for index in 0..5_400 {
            table.add(index % 54, 1);
            table.add(u32::MAX, 1);
        }
        assert_eq!(table.top(2), [(u32::MAX, 5_400), (0, 100)]);
        assert_eq!((table.distinct(), table.short_by(), table.all().count()), (Some(55), 0, 55));
        assert!(table.contains(53) && !table.contains(54));
    }

    #[test]
    fn keys_whose_hashes_start_at_the_same_slot_are_counted_separately() {
        // The search for each of these hashes begins at the same slot.
        let mut alike = (0..).filter(|hash| start_of(*hash) == SLOTS - 1);
        let alike: Vec<u32> = alike.by_ref().take(MAX_KEYS).collect();
        let mut table = KeyTable::default();
        for (index, hash) in alike.iter().enumerate() {
            table.add(*hash, index as u32 + 1);
        }
        assert_eq!(table.distinct(), Some(MAX_KEYS));
        assert_eq!(table.top(1), [(alike[MAX_KEYS - 1], MAX_KEYS as u32)]);
    }

    #[test]
    fn a_hot_key_stays_in_a_full_key_table_and_its_error_is_bounded() {
        let (mut table, events) = (KeyTable::default(), 40_000);
        for index in 0..events {
            table.add(index, 1);
            if index % 4 == 0 {
                let mut other = KeyTable::default();
                other.add(u32::MAX, 1);
                table.merge(&other);
            }
        }
        let [(hash, counted)] = table.top(1)[..] else { panic!("expected one key") };
        assert_eq!(hash, u32::MAX);
        let (counted, right) = (u64::from(counted), u64::from(events / 4));
        assert!(counted <= right && counted + table.short_by() >= right, "{counted} {}", table.short_by());
        assert!(table.short_by() > 0 && table.short_by() < u64::from(events) * 5 / 4 / 28 + 1, "{}", table.short_by());
        assert_eq!(table.distinct(), None);
        assert!(table.all().count() <= MAX_KEYS);
    }

    #[test]
    fn key_counts_saturate_at_their_maximum() {
        let mut table = KeyTable::default();
        table.add(7, u32::MAX);
        table.add(7, 1);
        table.add(8, 0);
        assert_eq!(table.top(9), [(7, u32::MAX)]);
    }
}
