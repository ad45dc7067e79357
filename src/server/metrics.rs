//! What the service counts: one table, made once and passed in.

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

use super::forward::Forwarded;
use super::shadow::Compared;
use crate::transform::decision::{KeySource, Tally, TopicRule};
use crate::transform::family::Family;
use crate::transform::rejection::Rejection;

/// Seconds.
const DURATION_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The metrics of one instance.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    duration: HistogramVec,
    topics: IntCounterVec,
    keys: IntCounterVec,
    rejected: IntCounterVec,
    templates: IntCounterVec,
    ways: IntCounterVec,
    forwarded: IntCounterVec,
    compared: IntCounterVec,
}

impl Metrics {
    /// Fresh metrics, each with the label `instanceName`.
    ///
    /// # Errors
    /// None in practice: names and labels are fixed.
    pub fn new(instance_id: &str) -> prometheus::Result<Self> {
        let labels = [("instanceName".to_owned(), instance_id.to_owned())].into();
        let registry = Registry::new_custom(None, Some(labels))?;
        let duration = HistogramVec::new(
            HistogramOpts::new("transformer_http_request_duration", "Time from request to answer, in seconds")
                .buckets(DURATION_BUCKETS.to_vec()),
            &["method", "code", "route", "destType"],
        )?;
        let counter =
            |name: &str, help: &str, label: &str| IntCounterVec::new(Opts::new(name, help), &["destType", label]);
        let topics = counter(
            "kafka_transformer_events_by_topic_rule_total",
            "Events transformed, by the rule that gave the topic",
            "rule",
        )?;
        let keys = counter(
            "kafka_transformer_events_by_key_source_total",
            "Events transformed, by the member that gave the partition key; empty: all share one partition",
            "source",
        )?;
        let rejected = counter("kafka_transformer_events_rejected_total", "Events refused, by reason", "reason")?;
        let templates = counter(
            "kafka_transformer_templates_total",
            "Templates in destinations, by whether the event had a value for them",
            "outcome",
        )?;
        let ways = counter(
            "kafka_transformer_events_by_way_total",
            "Events transformed, by whether their message may have changed on the way",
            "way",
        )?;
        let by_result = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["result"]);
        let forwarded = by_result(
            "kafka_transformer_forwarded_requests_total",
            "Requests passed on to the upstream, by how that ended",
        )?;
        let compared = by_result(
            "kafka_transformer_shadow_requests_total",
            "Requests chosen to compare our answer with the upstream's, by how that ended",
        )?;
        registry.register(Box::new(forwarded.clone()))?;
        registry.register(Box::new(compared.clone()))?;
        registry.register(Box::new(templates.clone()))?;
        registry.register(Box::new(ways.clone()))?;
        registry.register(Box::new(duration.clone()))?;
        registry.register(Box::new(topics.clone()))?;
        registry.register(Box::new(keys.clone()))?;
        registry.register(Box::new(rejected.clone()))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self { registry, duration, topics, keys, rejected, templates, ways, forwarded, compared })
    }

    /// The clock of one kind of request. `route` is the route's pattern, never a path that a client made up.
    #[must_use]
    pub fn duration(&self, method: &str, code: &str, route: &str, family: Option<&Family>) -> Histogram {
        self.duration.with_label_values(&[method, code, route, family.map_or("", |family| family.name)])
    }

    /// Counts the decisions of one processor request.
    pub fn count(&self, family: &Family, tally: &Tally) {
        let add = |counter: &IntCounterVec, code: &str, by: u64| {
            if by > 0 {
                counter.with_label_values(&[family.name, code]).inc_by(by);
            }
        };
        for (rule, by) in TopicRule::ALL.iter().zip(tally.topics) {
            add(&self.topics, rule.code(), by);
        }
        for (source, by) in KeySource::ALL.iter().zip(tally.keys) {
            add(&self.keys, source.code(), by);
        }
        add(&self.templates, "filled", tally.templates_filled);
        add(&self.templates, "defaulted", tally.templates_defaulted);
        add(&self.ways, "changed", tally.changed);
        add(&self.ways, "untouched", tally.topics.iter().sum::<u64>() - tally.changed);
        for (rejection, by) in Rejection::ALL.iter().zip(tally.rejected) {
            add(&self.rejected, rejection.code(), by);
        }
    }

    /// Counts the refused events of one router request.
    pub fn count_rejections(&self, family: &Family, rejections: &[Rejection]) {
        for rejection in rejections {
            self.rejected.with_label_values(&[family.name, rejection.code()]).inc();
        }
    }

    /// Counts a request that was passed on.
    pub fn count_forwarded(&self, result: Forwarded) {
        self.forwarded.with_label_values(&[result.code()]).inc();
    }

    /// Counts a request that was chosen to be compared.
    pub fn count_compared(&self, result: Compared) {
        self.compared.with_label_values(&[result.code()]).inc();
    }

    /// Everything counted so far, in Prometheus' text format.
    ///
    /// # Errors
    /// Where the text cannot be made.
    pub fn render(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
