//! Caches the metric series that a worker has used recently, because looking up a series by its labels is more
//! expensive than updating the series.

use std::cell::RefCell;

use super::Metrics;
use super::series::{EventSeries, HttpKey, HttpSeries};
use transform::endpoint::Transformed;
use transform::family::Family;
use transform::request::Counted;
use transform::request::origin::Origin;

type EventKey = (&'static str, &'static str, Origin);

/// The cached metric series of one worker.
#[derive(Debug)]
pub struct WorkerSeries {
    metrics: Metrics,
    http: RefCell<Vec<(HttpKey, HttpSeries)>>,
    events: RefCell<Vec<(EventKey, EventSeries)>>,
}

/// The maximum number of entries in each of the two caches.
const MAX_CACHED: usize = 32;

impl WorkerSeries {
    /// Creates an empty cache.
    #[must_use]
    pub fn of(metrics: Metrics) -> Self {
        Self { metrics, http: RefCell::default(), events: RefCell::default() }
    }

    /// Returns the metrics of the instance.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Counts a request and its response.
    pub fn count_http(&self, key: &HttpKey, seconds: f64, request_bytes: u64, response_bytes: Option<u64>) {
        let mut known = self.http.borrow_mut();
        let series = get_or_create(&mut known, |cached| cached == key, || (*key, self.metrics.http(key)));
        series.duration.observe(seconds);
        series.request_size.observe(request_bytes as f64);
        if let Some(bytes) = response_bytes {
            series.response_size.observe(bytes as f64);
        }
    }

    /// Counts the decisions about the events of a request, and the events themselves. `version` is the API version in
    /// the path of the request.
    pub fn count_transformed(&self, transformed: &Transformed, version: &'static str) {
        self.metrics.count(transformed.family, &transformed.tally);
        if let Some(counted) = &transformed.counted {
            self.count_events(transformed.family, version, counted);
        }
    }

    /// Counts the events of a request. `version` is the API version in the path of the request.
    pub fn count_events(&self, family: &'static Family, version: &'static str, counted: &Counted) {
        let origin = &counted.origin;
        let mut known = self.events.borrow_mut();
        let is_same = |key: &EventKey| key.0 == family.name && key.1 == version && key.2 == *origin;
        let series = get_or_create(&mut known, is_same, || {
            let series = self.metrics.events(family, version, origin);
            ((family.name, version, origin.clone()), series)
        });
        series.input.observe(counted.events as f64);
        series.output.observe(counted.responses as f64);
    }
}

/// Returns the cached value whose key satisfies `is_wanted`. If there is none, creates a value with `make` and caches
/// it. A full cache first evicts its least recently used value.
fn get_or_create<K, V>(known: &mut Vec<(K, V)>, is_wanted: impl Fn(&K) -> bool, make: impl FnOnce() -> (K, V)) -> &V {
    match known.iter().position(|(key, _)| is_wanted(key)) {
        Some(0) => {}
        Some(index) => known[..=index].rotate_right(1),
        None => {
            known.truncate(MAX_CACHED - 1);
            known.insert(0, make());
        }
    }
    &known[0].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_evicts_its_oldest_value_to_add_a_new_one() {
        let mut known = Vec::new();
        for round in 0..2 {
            for key in 0..MAX_CACHED {
                assert_eq!(*get_or_create(&mut known, |other| *other == key, || (key, (key, round))), (key, 0));
            }
        }
        assert_eq!(known.len(), MAX_CACHED);
        get_or_create(&mut known, |other| *other == 100, || (100, (100, 0)));
        assert_eq!(known.len(), MAX_CACHED);
        assert_eq!(*get_or_create(&mut known, |other| *other == 0, || (0, (0, 2))), (0, 2), "the oldest was evicted");
    }
}
