//! Counters per destination, for up to `DESTINATION_METRICS` destinations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{IntCounter, IntCounterVec};

use super::origins::OTHER;

/// For each destination type and ID, the counters of transformed and of rejected events.
type Known = HashMap<(&'static str, String), [IntCounter; 2]>;

/// The counters of all destinations. Clones share the counters.
#[derive(Debug, Clone)]
pub(super) struct DestinationSeries {
    counters: IntCounterVec,
    /// The maximum number of destinations with separate series.
    most: usize,
    known: Arc<Mutex<Known>>,
}

impl DestinationSeries {
    /// Creates disabled counters. [`Self::up_to`] enables them.
    pub(super) fn new(counters: IntCounterVec) -> Self {
        Self { counters, most: 0, known: Arc::default() }
    }

    /// Sets the maximum number of destinations with separate series; 0 disables these counters.
    pub(super) fn up_to(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Counts transformed and rejected events of a destination.
    pub(super) fn count(&self, family: &'static str, id: Option<&str>, transformed: u64, rejected: u64) {
        if self.most == 0 {
            return;
        }
        let [of_transformed, of_rejected] = self.series(family, id);
        of_transformed.inc_by(transformed);
        of_rejected.inc_by(rejected);
    }

    fn series(&self, family: &'static str, id: Option<&str>) -> [IntCounter; 2] {
        let of =
            |id: &str| ["transformed", "rejected"].map(|result| self.counters.with_label_values(&[family, id, result]));
        let Some(id) = id else { return of(OTHER) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (family, id.to_owned());
        if let Some(found) = known.get(&key) {
            return found.clone();
        }
        if known.len() >= self.most {
            return of(OTHER);
        }
        known.entry(key).or_insert_with(|| of(id)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::Opts;

    #[test]
    fn destinations_above_the_maximum_number_share_the_metric_label_other() {
        let counters = IntCounterVec::new(Opts::new("c", "c"), &["t", "d", "r"]).unwrap();
        let off = DestinationSeries::new(counters.clone());
        off.count("kafka", Some("a"), 1, 1);
        let series = off.up_to(2);
        for id in ["a", "b", "c", "a", "d"] {
            series.count("kafka", Some(id), 2, 1);
        }
        series.count("kafka", None, 5, 0);
        let of = |id, result| counters.with_label_values(&["kafka", id, result]).get();
        assert_eq!([of("a", "transformed"), of("b", "rejected")], [4, 1]);
        assert_eq!([of("other", "transformed"), of("other", "rejected")], [9, 2]);
    }
}
