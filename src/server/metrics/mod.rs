//! The metrics of the service, which are created from [`table`]. Each part of the service that counts something gets a
//! clone of [`Metrics`].

pub mod destinations;
pub mod labels;
pub mod middleware;
pub mod origins;
pub mod series;
pub mod table;
pub mod worker;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use self::destinations::DestinationSeries;
use self::labels::{Compared, Forwarded};
use self::origins::Origins;
use self::series::{EventSeries, HttpKey, HttpSeries};
use self::table::{Definition, Kind};
use super::http::unserved::UnservedEndpoint;
use super::limits::limit::Limit;
use super::log::{LOSSES, Loss};
use super::version::{COMMIT, VERSION};
use golden::intended::table::IntendedDifference;
use transform::decision::{KeySource, Tally, TopicRule};
use transform::family::{FAMILIES, Family};
use transform::rejection::Rejection;
use transform::request::origin::Origin;

/// The metrics of one instance of the service. Clones update the same metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    duration: HistogramVec,
    request_size: HistogramVec,
    response_size: HistogramVec,
    fenced: IntCounterVec,
    input_events: HistogramVec,
    output_events: HistogramVec,
    origins: Arc<Mutex<Origins>>,
    families: Arc<HashMap<&'static str, FamilyCounters>>,
    overload_rejections: Arc<[IntCounter; Limit::ALL.len()]>,
    forwarded: Arc<[IntCounter; Forwarded::ALL.len()]>,
    unserved: Arc<[IntCounter; UnservedEndpoint::ALL.len()]>,
    shadowed: Arc<[IntCounter; Compared::ALL.len()]>,
    intended: Arc<[IntCounter]>,
    lost_lines: Arc<[LostLines; Loss::ALL.len()]>,
    in_flight_bytes: IntGauge,
    in_flight_limit_bytes: IntGauge,
    connections: IntGaugeVec,
    connections_limit: IntGaugeVec,
    wait_limit: GaugeVec,
    event_loop_lag: HistogramVec,
    upstream_duration: HistogramVec,
    certificate_expiry: IntGaugeVec,
    destinations: DestinationSeries,
    /// The number of requests in flight.
    pub concurrent: IntGauge,
}

/// The time between two measurements of an event loop's lag.
const LAG_PERIOD: Duration = Duration::from_millis(250);

/// Limits and their current use.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// The memory that requests in flight use, and the limit on this memory, in bytes.
    pub in_flight: (usize, usize),
    /// The maximum time that requests wait for a worker.
    pub wait_limit: Duration,
    /// For each port: its name, its number of open connections, and its connection limit.
    pub connections: Vec<(&'static str, usize, usize)>,
    /// The number of seconds until the current TLS certificate expires, or `None` without TLS.
    pub certificate_expiry: Option<i64>,
}

/// The counters of one destination family. They are looked up only once, so that counting a request takes only a few
/// additions.
#[derive(Debug)]
struct FamilyCounters {
    topics: [IntCounter; TopicRule::ALL.len()],
    keys: [IntCounter; KeySource::ALL.len()],
    rejected: Vec<IntCounter>,
    filled: IntCounter,
    defaulted: IntCounter,
    changed: IntCounter,
    untouched: IntCounter,
}

/// The counter of the log lines that were lost for one reason.
#[derive(Debug)]
struct LostLines {
    loss: Loss,
    counter: IntCounter,
    /// The number of lost lines already added to `counter`.
    counted: AtomicU64,
}

impl LostLines {
    /// Adds to `counter` the lines that were lost since the last call. The log keeps its own counts, because it is
    /// created before the metrics.
    fn update(&self) {
        let lost = LOSSES.count(self.loss);
        let counted = self.counted.fetch_max(lost, Ordering::Relaxed);
        self.counter.inc_by(lost.saturating_sub(counted));
    }
}

impl Metrics {
    /// Creates the metrics, each with the label `instanceName`, whose value is `instance_id`.
    ///
    /// # Errors
    /// Never fails in practice, because names and labels are constants.
    pub fn new(instance_id: &str) -> prometheus::Result<Self> {
        let labels = [("instanceName".to_owned(), instance_id.to_owned())].into();
        let registry = Registry::new_custom(None, Some(labels))?;
        let counters = |metric: &Definition| -> prometheus::Result<IntCounterVec> {
            let counters = IntCounterVec::new(Opts::new(metric.name, metric.help), metric.labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let histograms = |metric: &Definition| -> prometheus::Result<HistogramVec> {
            let Kind::Histogram(buckets) = metric.kind else {
                return Err(prometheus::Error::Msg(format!("{} has no buckets", metric.name)));
            };
            let options = HistogramOpts::new(metric.name, metric.help).buckets(buckets.to_vec());
            let histograms = HistogramVec::new(options, metric.labels)?;
            registry.register(Box::new(histograms.clone()))?;
            Ok(histograms)
        };
        let gauge = |metric: &Definition| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(metric.name, metric.help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };

        let gauges = |metric: &Definition| -> prometheus::Result<IntGaugeVec> {
            let gauges = IntGaugeVec::new(Opts::new(metric.name, metric.help), metric.labels)?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };

        let upstream_duration = histograms(&table::UPSTREAM_DURATION)?;
        // Create the series before the first request is forwarded, so that it is exported from the start.
        upstream_duration.with_label_values(&[] as &[&str]);
        let wait_limit = GaugeVec::new(Opts::new(table::WAIT_LIMIT.name, table::WAIT_LIMIT.help), &[])?;
        registry.register(Box::new(wait_limit.clone()))?;
        let build =
            IntGaugeVec::new(Opts::new(table::BUILD_INFO.name, table::BUILD_INFO.help), table::BUILD_INFO.labels)?;
        build.with_label_values(&[VERSION, COMMIT.unwrap_or_default()]).set(1);
        registry.register(Box::new(build))?;
        let topics = counters(&table::TOPIC_RULES)?;
        let keys = counters(&table::KEY_SOURCES)?;
        let rejected = counters(&table::REJECTED)?;
        let templates = counters(&table::TEMPLATES)?;
        let paths = counters(&table::PATHS)?;
        let of_family = |family: &Family| FamilyCounters {
            topics: TopicRule::ALL.map(|rule| topics.with_label_values(&[family.name, rule.code()])),
            keys: KeySource::ALL.map(|source| keys.with_label_values(&[family.name, source.code()])),
            rejected: Rejection::ALL
                .iter()
                .map(|rejection| rejected.with_label_values(&[family.name, rejection.code()]))
                .collect(),
            filled: templates.with_label_values(&[family.name, "filled"]),
            defaulted: templates.with_label_values(&[family.name, "defaulted"]),
            changed: paths.with_label_values(&[family.name, "rewritten"]),
            untouched: paths.with_label_values(&[family.name, "fast"]),
        };
        let overload_rejections = counters(&table::OVERLOAD_REJECTIONS)?;
        let forwarded = counters(&table::FORWARDED)?;
        let unserved = counters(&table::UNSERVED)?;
        let shadowed = counters(&table::SHADOWED)?;
        let intended = counters(&table::INTENDED)?;
        let of_row = |row: &IntendedDifference| intended.with_label_values(&[row.code()]);
        let lost_lines = counters(&table::LOG_LINES_DROPPED)?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            duration: histograms(&table::REQUEST_DURATION)?,
            request_size: histograms(&table::REQUEST_SIZE)?,
            response_size: histograms(&table::RESPONSE_SIZE)?,
            fenced: counters(&table::FENCED_REQUESTS)?,
            input_events: histograms(&table::INPUT_EVENTS)?,
            output_events: histograms(&table::OUTPUT_EVENTS)?,
            origins: Arc::default(),
            families: Arc::new(FAMILIES.iter().map(|family| (family.name, of_family(family))).collect()),
            overload_rejections: Arc::new(
                Limit::ALL.map(|limit| overload_rejections.with_label_values(&[limit.code()])),
            ),
            forwarded: Arc::new(Forwarded::ALL.map(|result| forwarded.with_label_values(&[result.code()]))),
            unserved: Arc::new(UnservedEndpoint::ALL.map(|endpoint| unserved.with_label_values(&[endpoint.code()]))),
            shadowed: Arc::new(Compared::ALL.map(|result| shadowed.with_label_values(&[result.code()]))),
            intended: IntendedDifference::ALL.iter().map(of_row).collect(),
            lost_lines: Arc::new(Loss::ALL.map(|loss| LostLines {
                loss,
                counter: lost_lines.with_label_values(&[loss.code()]),
                counted: AtomicU64::new(0),
            })),
            in_flight_bytes: gauge(&table::IN_FLIGHT_BYTES)?,
            in_flight_limit_bytes: gauge(&table::IN_FLIGHT_LIMIT_BYTES)?,
            connections: gauges(&table::CONNECTIONS)?,
            connections_limit: gauges(&table::CONNECTIONS_LIMIT)?,
            wait_limit,
            event_loop_lag: histograms(&table::EVENT_LOOP_LAG)?,
            upstream_duration,
            certificate_expiry: gauges(&table::CERTIFICATE_EXPIRY)?,
            destinations: DestinationSeries::new(counters(&table::DESTINATION_EVENTS)?),
            concurrent: gauge(&table::CONCURRENT_REQUESTS)?,
            registry,
        })
    }

    /// Returns the metric series for one kind of request.
    #[must_use]
    pub fn http(&self, key: &HttpKey) -> HttpSeries {
        let &HttpKey { method, status, route, family } = key;
        let code = status.as_str();
        HttpSeries {
            duration: self.duration.with_label_values(&[method, code, route, family]),
            request_size: self.request_size.with_label_values(&[method, route, code]),
            response_size: self.response_size.with_label_values(&[method, route, code]),
        }
    }

    /// Returns the metric series for the events of all requests with the same origin. `version` is the API version in
    /// the path of the requests: `v0` or `v1`.
    #[must_use]
    pub fn events(&self, family: &Family, version: &str, origin: &Origin) -> EventSeries {
        let labels = self.origins.lock().unwrap_or_else(PoisonError::into_inner).labels(origin);
        let [dest_version, source_type, destination_type, namespace] = labels.each_ref().map(String::as_str);
        let labels = [family.name, version, dest_version, source_type, destination_type, namespace];
        EventSeries {
            input: self.input_events.with_label_values(&labels),
            output: self.output_events.with_label_values(&labels),
        }
    }

    /// Counts the decisions about the events of one request.
    pub fn count(&self, family: &Family, tally: &Tally) {
        let Some(counters) = self.families.get(family.name) else { return };
        let add = |counter: &IntCounter, by: u64| {
            if by > 0 {
                counter.inc_by(by);
            }
        };
        let each = |counters: &[IntCounter], by: &[u64]| counters.iter().zip(by).for_each(|(one, by)| add(one, *by));
        each(&counters.topics, &tally.topics);
        each(&counters.keys, &tally.keys);
        each(&counters.rejected, &tally.rejected);
        add(&counters.filled, tally.templates_filled);
        add(&counters.defaulted, tally.templates_defaulted);
        add(&counters.changed, tally.changed);
        add(&counters.untouched, tally.topics.iter().sum::<u64>() - tally.changed);
    }

    /// Counts a request that was rejected because it would have exceeded `limit`.
    pub fn count_rejection(&self, limit: Limit, route: &str) {
        self.overload_rejections[limit as usize].inc();
        if limit == Limit::InFlightBytes {
            self.fenced.with_label_values(&[route]).inc();
        }
    }

    /// Counts a forwarded request.
    pub fn count_forwarded(&self, result: Forwarded) {
        self.forwarded[result as usize].inc();
    }

    /// Counts a request that was not served, because only a rudder-transformer can serve it and there is no upstream.
    pub fn count_unserved(&self, endpoint: UnservedEndpoint) {
        self.unserved[endpoint as usize].inc();
    }

    /// Counts a request that was selected for shadow comparison, by the result of the comparison.
    pub fn count_compared(&self, result: Compared) {
        self.shadowed[result as usize].inc();
    }

    /// Counts a request whose two responses show the intended difference `row`.
    pub fn count_intended(&self, row: IntendedDifference) {
        self.intended[row as usize].inc();
    }

    /// Returns these metrics with separate series for up to `most` destinations. Call this method before counting
    /// anything.
    #[must_use]
    pub fn with_destinations(mut self, most: usize) -> Self {
        self.destinations = self.destinations.up_to(most);
        self
    }

    /// Counts the events of a destination, if metrics per destination are enabled.
    pub fn count_destination(&self, family: &Family, id: Option<&str>, transformed: u64, rejected: u64) {
        self.destinations.count(family.name, id, transformed, rejected);
    }

    /// Records the time from the start of a forwarded request to the headers of the upstream's response.
    pub fn observe_upstream(&self, duration: Duration) {
        self.upstream_duration.with_label_values(&[] as &[&str]).observe(duration.as_secs_f64());
    }

    /// Measures periodically how late a timer fires on this thread. Never returns.
    pub async fn measure_event_loop(self) {
        let lag = self.event_loop_lag.with_label_values(&[] as &[&str]);
        loop {
            let due = tokio::time::Instant::now() + LAG_PERIOD;
            tokio::time::sleep_until(due).await;
            lag.observe(due.elapsed().as_secs_f64());
        }
    }

    /// Sets the gauges that show limits and their current use. Call this method before [`Self::render`].
    pub fn set_usage(&self, usage: &Usage) {
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.in_flight_bytes.set(gauge(usage.in_flight.0));
        self.in_flight_limit_bytes.set(gauge(usage.in_flight.1));
        self.wait_limit.with_label_values(&[] as &[&str]).set(usage.wait_limit.as_secs_f64());
        for (port, open, limit) in &usage.connections {
            self.connections.with_label_values(&[port]).set(gauge(*open));
            self.connections_limit.with_label_values(&[port]).set(gauge(*limit));
        }
        if let Some(seconds) = usage.certificate_expiry {
            self.certificate_expiry.with_label_values(&[] as &[&str]).set(seconds);
        }
    }

    /// Renders all metrics in Prometheus' text format.
    ///
    /// # Errors
    /// Fails if the text cannot be encoded.
    pub fn render(&self) -> prometheus::Result<String> {
        self.lost_lines.iter().for_each(LostLines::update);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
