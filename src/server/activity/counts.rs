//! Counts events since startup and in the last five minutes.

use transform::decision::{Decision, KeySource, Rejected, TopicRule};
use transform::rejection::Rejection;

/// The length of a slot of [`Recent`], in seconds.
pub const SLOT_SECONDS: u64 = 30;

/// The number of complete slots that [`Recent`] reports. Together, they cover five minutes.
pub const SLOTS: usize = 10;

/// The number of events by decision: which rule chose the topic, where the key came from, and why an event was
/// rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// The number of transformed events by topic rule, in the order of [`TopicRule::ALL`].
    pub rules: [u64; TopicRule::ALL.len()],
    /// The number of transformed events by key source, in the order of [`KeySource::ALL`].
    pub keys: [u64; KeySource::ALL.len()],
    /// The number of rejected events by reason, in the order of [`Rejection::ALL`].
    pub rejected: Rejected,
}

impl Counts {
    /// Counts one event with this outcome.
    pub fn count(&mut self, outcome: Result<Decision, Rejection>) {
        match outcome {
            Ok(decision) => {
                self.rules[decision.topic as usize] += 1;
                self.keys[decision.key as usize] += 1;
            }
            Err(rejection) => self.rejected[rejection as usize] += 1,
        }
    }

    /// Adds the counts in `other` to these counts.
    pub fn add(&mut self, other: &Self) {
        let add = |sums: &mut [u64], others: &[u64]| sums.iter_mut().zip(others).for_each(|(sum, more)| *sum += more);
        add(&mut self.rules, &other.rules);
        add(&mut self.keys, &other.keys);
        add(&mut self.rejected, &other.rejected);
    }

    /// The number of transformed events.
    #[must_use]
    pub fn transformed(&self) -> u64 {
        self.rules.iter().sum()
    }

    /// The number of rejected events.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// The number of all events.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.transformed() + self.rejected()
    }
}

/// A value for the current time slot, and for each of the [`SLOTS`] slots before it.
#[derive(Debug, Clone)]
pub struct Recent<T>([Slot<T>; SLOTS + 1]);

#[derive(Debug, Clone, Copy, Default)]
struct Slot<T> {
    /// The slot's number, counted since startup.
    number: u32,
    counted: T,
}

impl<T: Copy + Default> Default for Recent<T> {
    fn default() -> Self {
        Self([Slot::default(); SLOTS + 1])
    }
}

impl<T: Copy + Default> Recent<T> {
    /// Returns the value of the slot at `now`, a time in seconds since startup.
    pub fn at(&mut self, now: u64) -> &mut T {
        let number = slot_at(now);
        let slot = &mut self.0[number as usize % (SLOTS + 1)];
        if slot.number != number {
            *slot = Slot { number, counted: T::default() };
        }
        &mut slot.counted
    }

    /// Returns the values of the recent slots at `now`: the current slot, and the slots of the five minutes before it.
    pub fn all(&self, now: u64) -> impl Iterator<Item = &T> {
        let current = slot_at(now);
        let is_recent = move |slot: &&Slot<T>| slot.number <= current && current - slot.number <= SLOTS as u32;
        self.0.iter().filter(is_recent).map(|slot| &slot.counted)
    }
}

fn slot_at(now: u64) -> u32 {
    u32::try_from(now / SLOT_SECONDS).unwrap_or(u32::MAX)
}

/// The number of seconds that [`Recent::all`] covers at `now`.
#[must_use]
pub fn recent_seconds(now: u64) -> u64 {
    let current = now / SLOT_SECONDS;
    now - current.saturating_sub(SLOTS as u64) * SLOT_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_counts_ignore_slots_older_than_five_minutes() {
        let mut recent = Recent::<u64>::default();
        for second in 0..600 {
            *recent.at(second) += 1;
            let sum: u64 = recent.all(second).sum();
            assert_eq!(sum, recent_seconds(second) + 1, "after {second} s");
            assert!(second < 300 || (300..330).contains(&recent_seconds(second)));
        }
        assert_eq!(recent.all(100_000).sum::<u64>(), 0);
    }

    #[test]
    fn an_expired_slot_of_recent_counts_is_reset_before_it_is_reused() {
        let mut recent = Recent::<u64>::default();
        *recent.at(5) = 7;
        *recent.at(5 + SLOT_SECONDS * (SLOTS as u64 + 1)) += 1;
        assert_eq!(recent.all(SLOT_SECONDS * (SLOTS as u64 + 1)).sum::<u64>(), 1);
    }
}
