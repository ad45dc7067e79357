//! Counts events by topic, rule, key, partition and rejection reason, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use serde_json::{Value, json};

use super::heavy_hitters::{HeavyHitters, shortened};
use transform::decision::{KeySource, TopicRule};
use transform::explain::Explanation;
use transform::explain::problem::ProblemCode;
use transform::partition;
use transform::rejection::Rejection;

/// The maximum number of topics that are counted separately.
const MAX_TOPICS: usize = 1000;
/// The maximum number of keys that are counted separately. Above this limit, the less frequent half is discarded.
const MAX_KEYS: usize = 1 << 16;
/// The number of keys in the report.
const TOP_KEYS: usize = 10;

/// The counts of all events.
#[derive(Debug)]
pub(super) struct Summary {
    /// The number of partitions of each topic.
    pub(super) partitions: Option<NonZeroU32>,
    /// The number of events.
    pub(super) events: u64,
    /// The number of events that are transformed.
    pub(super) transformed: u64,
    /// The number of transformed events that rudder-server would drop.
    pub(super) undeliverable: u64,
    /// The number of events with each problem or warning, in the order of [`ProblemCode::ALL`]. An event may have
    /// several problems.
    problems: [u64; ProblemCode::ALL.len()],
    /// The number of events for each topic. The key `None` stands for events without a topic.
    topics: BTreeMap<Option<Box<str>>, u64>,
    /// The number of events for all topics that are not counted separately because of [`MAX_TOPICS`].
    pub(super) other_topics: u64,
    /// The number of events for each topic rule, in the order of [`TopicRule::ALL`].
    rules: [u64; TopicRule::ALL.len()],
    /// The number of events for each source of the key, in the order of [`KeySource::ALL`].
    sources: [u64; KeySource::ALL.len()],
    /// The number of events for each partition, starting with partition 0.
    pub(super) by_partition: Vec<u64>,
    /// The number of events for each rejection reason, in the order of [`Rejection::ALL`].
    rejected: [u64; Rejection::ALL.len()],
    /// The number of events for each frequent key.
    pub(super) keys: HeavyHitters,
}

/// The number of events for one topic, rule, key or reason.
pub(super) struct Row<T> {
    /// The topic, rule, key or reason.
    pub(super) what: T,
    /// The number of events.
    pub(super) events: u64,
}

impl Summary {
    /// Creates a summary without events.
    pub(super) fn of(partitions: Option<NonZeroU32>) -> Self {
        Self {
            partitions,
            events: 0,
            transformed: 0,
            undeliverable: 0,
            problems: [0; ProblemCode::ALL.len()],
            topics: BTreeMap::new(),
            other_topics: 0,
            rules: [0; TopicRule::ALL.len()],
            sources: [0; KeySource::ALL.len()],
            by_partition: Vec::new(),
            rejected: [0; Rejection::ALL.len()],
            keys: HeavyHitters::new(MAX_KEYS),
        }
    }

    /// Counts an event.
    pub(super) fn count(&mut self, explanation: &Explanation<'_>) {
        self.events += 1;
        if let Some(rejection) = &explanation.rejection {
            if let Some(index) = Rejection::ALL.iter().position(|one| one.code() == rejection.code) {
                self.rejected[index] += 1;
            }
            return;
        }
        self.transformed += 1;
        self.undeliverable += u64::from(!explanation.problems.is_empty());
        // An event may have the same problem several times, but is counted only once for this problem.
        let all = explanation.problems.iter().chain(&explanation.warnings).map(|problem| problem.code);
        for code in all.collect::<BTreeSet<_>>() {
            self.problems[code as usize] += 1;
        }
        if let Some(topic) = &explanation.topic {
            self.rules[topic.rule as usize] += 1;
            let name = topic
                .value
                .as_ref()
                .filter(|_| topic.rule != TopicRule::None)
                .map(|value| shortened(&value.plain()).into());
            self.add_topic(name, 1);
        }
        if let Some(key) = &explanation.key {
            self.sources[key.source as usize] += 1;
            self.keys.count(&key.value);
            if let Some(partition) = key.partition {
                let index = partition as usize;
                if self.by_partition.len() <= index {
                    self.by_partition.resize(index + 1, 0);
                }
                self.by_partition[index] += 1;
            }
        }
    }

    fn add_topic(&mut self, name: Option<Box<str>>, events: u64) {
        if self.topics.len() < MAX_TOPICS || self.topics.contains_key(&name) {
            *self.topics.entry(name).or_default() += events;
        } else {
            self.other_topics += events;
        }
    }

    /// Adds the counts of another summary.
    pub(super) fn merge(&mut self, others: Summary) {
        self.events += others.events;
        self.transformed += others.transformed;
        self.undeliverable += others.undeliverable;
        add(&mut self.problems, &others.problems);
        for (name, events) in others.topics {
            self.add_topic(name, events);
        }
        self.other_topics += others.other_topics;
        add(&mut self.rules, &others.rules);
        add(&mut self.sources, &others.sources);
        add(&mut self.rejected, &others.rejected);
        if self.by_partition.len() < others.by_partition.len() {
            self.by_partition.resize(others.by_partition.len(), 0);
        }
        add(&mut self.by_partition, &others.by_partition);
        self.keys.merge(others.keys);
    }

    /// Returns the number of rejected events.
    pub(super) fn rejected(&self) -> u64 {
        self.events - self.transformed
    }

    /// Returns the counts by topic, in descending order.
    pub(super) fn topics(&self) -> Vec<Row<Option<&str>>> {
        let rows = self.topics.iter().map(|(name, events)| Row { what: name.as_deref(), events: *events });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.events));
        rows
    }

    /// Returns the counts by topic rule, in the order in which the rules are tried.
    pub(super) fn rules(&self) -> Vec<Row<TopicRule>> {
        counted(TopicRule::ALL, self.rules)
    }

    /// Returns the counts by the field from which the key was taken.
    pub(super) fn sources(&self) -> Vec<Row<KeySource>> {
        counted(KeySource::ALL, self.sources)
    }

    /// Returns the counts by rejection reason.
    pub(super) fn rejections(&self) -> Vec<Row<Rejection>> {
        counted(Rejection::ALL.iter().copied(), self.rejected)
    }

    /// Returns the counts by the problem that makes rudder-server drop an event.
    pub(super) fn problems(&self) -> Vec<Row<ProblemCode>> {
        self.counted_problems(false)
    }

    /// Returns the counts by warning.
    pub(super) fn warnings(&self) -> Vec<Row<ProblemCode>> {
        self.counted_problems(true)
    }

    fn counted_problems(&self, warnings: bool) -> Vec<Row<ProblemCode>> {
        let mut rows = counted(ProblemCode::ALL.iter().copied(), self.problems);
        rows.retain(|row| row.what.is_warning() == warnings);
        rows
    }

    /// Returns the most frequent keys, each with its count and partition. A shortened key has no partition.
    pub(super) fn hottest(&self) -> Vec<(Row<&str>, Option<u32>)> {
        let partition = |key: &str| {
            Some(partition::of_key(key, self.partitions.filter(|_| shortened(key) == key && !key.contains('…'))?))
        };
        let top = self.keys.top(TOP_KEYS).into_iter();
        top.map(|(what, events)| (Row { what, events }, partition(what))).collect()
    }

    /// Formats the summary as JSON.
    pub(super) fn to_json(&self) -> Value {
        let share = |events: u64| share(events, self.transformed);
        let rows = |rows: Vec<(Value, u64)>, name: &str| -> Vec<Value> {
            rows.into_iter()
                .map(|(what, events)| json!({ name: what, "events": events, "share": share(events) }))
                .collect()
        };
        let mut summary = json!({
            "events": self.events,
            "transformed": self.transformed,
            "undeliverable": self.undeliverable,
            "rejected": self.rejected(),
            "topics": rows(self.topics().into_iter().map(|row| (json!(row.what), row.events)).collect(), "topic"),
            "otherTopics": self.other_topics,
            "rules": rows(self.rules().into_iter().map(|row| (json!(row.what.code()), row.events)).collect(), "rule"),
            "keySources": rows(self.sources().into_iter().map(|row| (json!(row.what.code()), row.events)).collect(), "source"),
            "rejections": self.rejections().into_iter().map(|row| json!({ "code": row.what.code(), "events": row.events })).collect::<Vec<_>>(),
            "problems": self.problems().into_iter().map(|row| json!({ "code": row.what.code(), "events": row.events })).collect::<Vec<_>>(),
            "warnings": self.warnings().into_iter().map(|row| json!({ "code": row.what.code(), "events": row.events })).collect::<Vec<_>>(),
            "keys": {
                "distinct": self.keys.distinct(),
                "shortBy": self.keys.short_by(),
                "hottest": self.hottest().into_iter().map(|(row, partition)| {
                    let mut key = json!({ "key": row.what, "events": row.events, "share": share(row.events) });
                    if let Some(partition) = partition {
                        key["partition"] = json!(partition);
                    }
                    key
                }).collect::<Vec<_>>(),
            },
        });
        if let Some(partitions) = self.partitions {
            summary["partitions"] = json!({ "count": partitions, "events": self.partition_counts() });
        }
        summary
    }

    /// Returns the number of events in each partition, starting with partition 0 and including partitions without
    /// events.
    pub(super) fn partition_counts(&self) -> Vec<u64> {
        let mut counts = self.by_partition.clone();
        counts.resize(self.partitions.map_or(0, |partitions| partitions.get() as usize), 0);
        counts
    }
}

/// Returns `events` as a share of `all`, rounded to four decimal places, or 0 if `all` is 0.
pub(super) fn share(events: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { (events as f64 / all as f64 * 1e4).round() / 1e4 }
}

fn add(sums: &mut [u64], others: &[u64]) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum += other;
    }
}

/// Pairs each item of `all` with its count, and returns those whose count is not 0.
fn counted<T>(all: impl IntoIterator<Item = T>, counts: impl IntoIterator<Item = u64>) -> Vec<Row<T>> {
    let rows = all.into_iter().zip(counts).map(|(what, events)| Row { what, events });
    rows.filter(|row| row.events > 0).collect()
}
