//! The activity of all destinations, as `GET /destinations` returns it.

use std::num::NonZeroU32;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::counts::{Counts, recent_seconds};
use super::key_table::MAX_KEYS;
use super::keys::MAX_KEY_BYTES;
use super::topics::{MAX_TOPICS, Topic};
use super::{Activity, Destination, MAX_DESTINATIONS, MAX_SOURCES, Name};
use transform::decision::{KeySource, TopicRule};
use transform::rejection::Rejection;

/// The activity of all destinations. All times are Unix timestamps in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When counting started.
    pub started_at: u64,
    /// The number of seconds since the service started.
    pub uptime_seconds: u64,
    /// The number of seconds that every field `recent` covers: 300 to 329, or fewer just after startup.
    pub recent_seconds: u64,
    /// The number of partitions per topic, from which `partition` and `skew` are computed.
    pub partitions: u32,
    /// Whether keys are shown in plain text (`SHOW_KEYS`). If not, each key is shown as a hash that changes at every
    /// restart.
    pub shows_keys: bool,
    /// The limits above which counts are not exact.
    pub limits: Limits,
    /// The destinations, in descending order of recent events.
    pub destinations: Vec<DestinationReport>,
    /// The events of destinations that are not counted separately, because the maximum number of destinations was
    /// reached or because the destination was evicted after ten idle minutes.
    pub others: Others,
}

/// The limits above which counts are not exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The maximum number of destinations that are counted separately.
    pub destinations: usize,
    /// The maximum number of sources that are listed for a destination.
    pub sources: usize,
    /// The maximum number of topics of a destination that are counted separately. The events of further topics are in
    /// `otherTopics`.
    pub topics: usize,
    /// The maximum number of keys of a destination that are counted at once. If there are more keys, each count may be
    /// too low by up to `shortBy`.
    pub keys: usize,
    /// The maximum length of a key in bytes. Longer keys are not in `hottest`.
    pub key_bytes: usize,
}

/// An event count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// The number of events since startup.
    pub total: u64,
    /// The number of events in the last `recentSeconds` seconds.
    pub recent: u64,
}

/// The activity of one destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DestinationReport {
    /// `metadata.destinationId`, or null if it is missing or does not look like an ID.
    pub destination_id: Option<String>,
    /// `kafka`, `azure_event_hub` or `confluent_cloud`.
    pub dest_type: String,
    /// `metadata.workspaceId`.
    pub workspace_id: Option<String>,
    /// The first few values of `metadata.sourceId`.
    pub source_ids: Vec<String>,
    /// Whether there are more sources than `sourceIds` lists.
    pub has_more_sources: bool,
    /// When the first event arrived.
    pub first_event_at: u64,
    /// When the latest event arrived.
    pub latest_event_at: u64,
    /// The number of all events.
    pub events: Events,
    /// The number of recent events per second.
    pub events_per_second: f64,
    /// The number of rejected events.
    pub rejected: Events,
    /// The numbers of rejected events by reason.
    pub rejections: Vec<RejectionReport>,
    /// The numbers of transformed events by the rule that chose the topic.
    pub rules: Vec<RuleReport>,
    /// The numbers of transformed events by topic, in descending order.
    pub topics: Vec<TopicReport>,
    /// The number of events whose topic is not listed in `topics`.
    pub other_topics: Events,
    /// The number of events with an empty partition key. All of these events go to one partition.
    pub empty_keys: EmptyKeys,
    /// The hottest partition keys.
    pub keys: KeysReport,
}

/// The events that were rejected for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectionReport {
    /// The reason as a stable identifier.
    pub reason: String,
    /// The field that caused the rejection; empty if the event as a whole is wrong.
    pub field: String,
    /// The reason as text.
    pub text: String,
    /// When an event was last rejected for this reason.
    #[serde(rename = "latestAt")]
    pub latest_at: u64,
    /// The event counts.
    #[serde(flatten)]
    pub events: Events,
}

/// The events for which one rule chose the topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleReport {
    /// The rule: `integrations`, `event_type`, `event_name`, `default` or `none`.
    pub rule: String,
    /// The event counts.
    #[serde(flatten)]
    pub events: Events,
}

/// The events of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopicReport {
    /// The name of the topic, shortened to 96 bytes.
    pub topic: String,
    /// The event counts.
    #[serde(flatten)]
    pub events: Events,
}

/// Events with an empty partition key.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmptyKeys {
    /// The event counts.
    #[serde(flatten)]
    pub events: Events,
    /// The share of all transformed events since startup that have an empty key.
    pub share: f64,
    /// The share of all recent transformed events that have an empty key.
    pub recent_share: f64,
}

/// The keys of a destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeysReport {
    /// The number of seconds that the counts of keys cover: 300 to 599, or fewer just after startup.
    pub seconds: u64,
    /// The number of transformed events in the last `seconds` seconds.
    pub events: u64,
    /// The number of distinct keys, or null if there are more than `limits.keys` or the counts are estimates.
    pub distinct: Option<usize>,
    /// The maximum undercount per key; 0 if no keys were discarded.
    pub short_by: u64,
    /// Whether the counts are estimates. In a request with more than 16 events from one source for the destination, the
    /// keys of the first 16 are counted. Of the remaining events, one in eight is sampled, and its key is counted eight
    /// times.
    pub sampled: bool,
    /// The keys with the most events.
    pub hottest: Vec<HotKeyReport>,
    /// The partition with the most events, estimated from the counted keys and an even share of all other events.
    pub skew: Option<SkewReport>,
}

/// A key with many events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HotKeyReport {
    /// A hash of the key or, with `SHOW_KEYS`, the first 40 bytes of the key.
    pub key: String,
    /// The number of events with this key.
    pub events: u64,
    /// The share of all transformed events that have this key.
    pub share: f64,
    /// The partition of the key, counted from 0.
    pub partition: u32,
}

/// The partition that gets the most events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SkewReport {
    /// The partition, counted from 0.
    pub partition: u32,
    /// The share of all transformed events that go to this partition.
    pub share: f64,
    /// `share` divided by the share of each partition in an even distribution. 1 means that the distribution is even.
    pub factor: f64,
}

/// The activity of the destinations that are not counted separately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Others {
    /// How often a new destination appeared in a request after the maximum number of destinations had been reached. The
    /// same destination can be counted repeatedly.
    pub destinations: u64,
    /// The number of all events.
    pub events: Events,
    /// The number of rejected events.
    pub rejected: Events,
}

impl Activity {
    /// Returns the activity of all destinations. The skew is computed for topics with this number of partitions.
    #[must_use]
    pub fn report(&self, partitions: NonZeroU32) -> Report {
        self.report_at(self.0.started.elapsed().as_secs(), partitions)
    }

    pub(super) fn report_at(&self, now: u64, partitions: NonZeroU32) -> Report {
        let destinations: Vec<_> = {
            let all = self.0.destinations.read().unwrap_or_else(PoisonError::into_inner);
            all.iter().map(|(name, destination)| (name.clone(), destination.clone())).collect()
        };
        // Each destination is locked only while its own report is created, so that requests do not wait for the reports
        // of all destinations.
        let mut reports: Vec<DestinationReport> = destinations
            .into_iter()
            .map(|(name, destination)| {
                let destination = destination.lock().unwrap_or_else(PoisonError::into_inner);
                self.destination(name, &destination, now, partitions)
            })
            .collect();
        reports.sort_by(|one, other| {
            let rank = |report: &DestinationReport| (report.events.recent, report.events.total);
            rank(other).cmp(&rank(one)).then_with(|| one.destination_id.cmp(&other.destination_id))
        });
        let others = self.0.others.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = others.recent(now);
        Report {
            started_at: self.time(0),
            uptime_seconds: now,
            recent_seconds: recent_seconds(now),
            partitions: partitions.get(),
            shows_keys: self.0.shows_keys,
            limits: Limits {
                destinations: MAX_DESTINATIONS,
                sources: MAX_SOURCES,
                topics: MAX_TOPICS,
                keys: MAX_KEYS,
                key_bytes: MAX_KEY_BYTES,
            },
            destinations: reports,
            others: Others {
                destinations: self.0.uncounted.load(Ordering::Relaxed),
                events: Events { total: others.total.events(), recent: recent.events() },
                rejected: Events { total: others.total.rejected(), recent: recent.rejected() },
            },
        }
    }

    fn destination(
        &self,
        name: Name,
        destination: &Destination,
        now: u64,
        partitions: NonZeroU32,
    ) -> DestinationReport {
        let (total, recent) = (&destination.total, &destination.recent(now));
        let seconds = recent_seconds(now).min(now.saturating_sub(destination.first)).max(1);
        let rule = |rule: TopicRule| RuleReport {
            rule: rule.code().to_owned(),
            events: Events { total: total.rules[rule as usize], recent: recent.rules[rule as usize] },
        };
        let topic = |topic: &Topic| Events { total: topic.total, recent: topic.recent(now) };
        DestinationReport {
            destination_id: name.id.map(Into::into),
            dest_type: name.family.to_owned(),
            workspace_id: destination.workspace.clone(),
            source_ids: destination.sources.clone(),
            has_more_sources: destination.has_more_sources,
            first_event_at: self.time(destination.first),
            latest_event_at: self.time(destination.latest),
            events: Events { total: total.events(), recent: recent.events() },
            events_per_second: round(recent.events() as f64 / seconds as f64),
            rejected: Events { total: total.rejected(), recent: recent.rejected() },
            rejections: self.rejections(destination, recent),
            rules: TopicRule::ALL.into_iter().map(rule).filter(|rule| rule.events.total > 0).collect(),
            topics: destination
                .topics
                .sorted()
                .into_iter()
                .map(|one| TopicReport { topic: unescaped(&one.name), events: topic(one) })
                .collect(),
            other_topics: topic(destination.topics.other()),
            empty_keys: empty_keys(total, recent),
            keys: self.keys(destination, now, partitions),
        }
    }

    fn rejections(&self, destination: &Destination, recent: &Counts) -> Vec<RejectionReport> {
        let all = Rejection::ALL.iter().zip(destination.rejected);
        let met = all.filter_map(|(rejection, latest)| Some((*rejection, latest?)));
        met.map(|(rejection, latest)| RejectionReport {
            reason: rejection.code().to_owned(),
            field: rejection.field().to_owned(),
            text: rejection.text().to_owned(),
            latest_at: self.time(latest),
            events: Events {
                total: destination.total.rejected[rejection as usize],
                recent: recent.rejected[rejection as usize],
            },
        })
        .collect()
    }

    fn keys(&self, destination: &Destination, now: u64, partitions: NonZeroU32) -> KeysReport {
        let keys = destination.keys.report(now, partitions);
        let share = |events: u64| if keys.events == 0 { 0.0 } else { round(events as f64 / keys.events as f64) };
        KeysReport {
            seconds: keys.seconds,
            events: keys.events,
            distinct: keys.distinct,
            short_by: keys.short_by,
            sampled: keys.is_sampled,
            skew: keys.skew.map(|skew| SkewReport {
                partition: skew.partition,
                share: round(skew.share),
                factor: round(skew.share * f64::from(partitions.get())),
            }),
            hottest: keys
                .hottest
                .into_iter()
                .map(|key| HotKeyReport {
                    key: key.text.map_or_else(|| self.name_of_key(key.hash), Into::into),
                    events: key.events,
                    share: share(key.events),
                    partition: key.partition,
                })
                .collect(),
        }
    }

    /// Converts seconds since startup to Unix time.
    fn time(&self, second: u64) -> u64 {
        self.0.started_at + second
    }
}

fn empty_keys(total: &Counts, recent: &Counts) -> EmptyKeys {
    let of = |counts: &Counts| counts.keys[KeySource::Empty as usize];
    let share = |counts: &Counts| match counts.transformed() {
        0 => 0.0,
        all => round(of(counts) as f64 / all as f64),
    };
    let events = Events { total: of(total), recent: of(recent) };
    EmptyKeys { events, share: share(total), recent_share: share(recent) }
}

/// Decodes the text between the quotes of a JSON string, and replaces control characters.
fn unescaped(escaped: &str) -> String {
    let text = serde_json::from_str::<String>(&format!("\"{escaped}\"")).unwrap_or_else(|_| escaped.to_owned());
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// Rounds to four decimal places.
fn round(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}
