//! The decisions made for an event, as values. Metrics and explanations are derived from them.

use crate::rejection::Rejection;
use json::javascript::JsString;
use json::raw::Raw;

/// The rule that chose the topic (docs/contract.md#topic).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicRule {
    /// `topic` in the integrations object.
    Integrations,
    /// `Config.eventTypeToTopicMap`.
    EventType,
    /// `Config.eventToTopicMap`.
    EventName,
    /// `Config.topic`.
    Default,
    /// No rule provided a truthy topic.
    None,
}

impl TopicRule {
    /// All rules, in the order in which they are tried.
    pub const ALL: [TopicRule; 5] =
        [TopicRule::Integrations, TopicRule::EventType, TopicRule::EventName, TopicRule::Default, TopicRule::None];

    /// The rule as a stable identifier.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            TopicRule::Integrations => "integrations",
            TopicRule::EventType => "event_type",
            TopicRule::EventName => "event_name",
            TopicRule::Default => "default",
            TopicRule::None => "none",
        }
    }

    /// A description of where the topic comes from.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            TopicRule::Integrations => "topic of the message's integrations",
            TopicRule::EventType => "Config.eventTypeToTopicMap",
            TopicRule::EventName => "Config.eventToTopicMap",
            TopicRule::Default => "Config.topic",
            TopicRule::None => "no rule provided a topic",
        }
    }
}

/// The topic of an event, which can be any JSON value, and the rule that chose it.
#[derive(Debug, Clone)]
pub struct Topic<'t> {
    /// The value of `topic` in the output. `None` means that the output has no `topic`.
    pub value: Option<Raw<'t>>,
    /// `String(value)`, if the value is truthy.
    pub text: Option<JsString<'t>>,
    /// The rule that chose the value; [`TopicRule::None`] if the value is not truthy.
    pub rule: TopicRule,
}

/// The field that the partition key was taken from (docs/contract.md#partition-key).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// `message.userId`.
    UserId,
    /// `message.anonymousId`.
    AnonymousId,
    /// No field, because neither `message.userId` nor `message.anonymousId` is truthy. All events with the empty key
    /// share one partition.
    Empty,
}

impl KeySource {
    /// All sources, in the order in which they are tried.
    pub const ALL: [KeySource; 3] = [KeySource::UserId, KeySource::AnonymousId, KeySource::Empty];

    /// The source as a stable identifier.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            KeySource::UserId => "user_id",
            KeySource::AnonymousId => "anonymous_id",
            KeySource::Empty => "empty",
        }
    }

    /// A description of where the key comes from.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            KeySource::UserId => "message.userId",
            KeySource::AnonymousId => "message.anonymousId",
            KeySource::Empty => {
                "neither message.userId nor message.anonymousId is truthy: all such events share one partition"
            }
        }
    }
}

/// The decisions made for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The rule that chose the topic.
    pub topic: TopicRule,
    /// The field that the partition key was taken from.
    pub key: KeySource,
    /// The changes that the timestamp rule and templates made to the event.
    pub changes: Changes,
}

/// The changes that the timestamp rule and templates made to one event (docs/contract.md#order-of-steps).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// Whether the reverse-ETL rule set the message's timestamp.
    pub timestamp_set: bool,
    /// The number of templates that found a value in the event.
    pub templates_filled: u32,
    /// The number of templates that used their default.
    pub templates_defaulted: u32,
}

/// The number of rejected events per reason, in the order of [`Rejection::ALL`].
pub type Rejected = [u64; Rejection::ALL.len()];

/// The counts of the decisions made for one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// The number of events in the request.
    pub events: u64,
    /// The number of transformed events per topic rule, in the order of [`TopicRule::ALL`].
    pub topics: [u64; TopicRule::ALL.len()],
    /// The number of transformed events per key source, in the order of [`KeySource::ALL`].
    pub keys: [u64; KeySource::ALL.len()],
    /// The number of transformed events whose timestamp was set or whose destination has templates.
    pub changed: u64,
    /// The number of templates that found a value.
    pub templates_filled: u64,
    /// The number of templates that used their default.
    pub templates_defaulted: u64,
    /// The number of rejected events per reason, in the order of [`Rejection::ALL`].
    pub rejected: Rejected,
}

impl Tally {
    /// The number of rejected events.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// Counts the outcome of one event.
    pub fn count(&mut self, outcome: Result<Decision, Rejection>) {
        self.events += 1;
        match outcome {
            Ok(decision) => {
                self.topics[decision.topic as usize] += 1;
                self.keys[decision.key as usize] += 1;
                self.changed += u64::from(decision.changes != Changes::default());
                self.templates_filled += u64::from(decision.changes.templates_filled);
                self.templates_defaulted += u64::from(decision.changes.templates_defaulted);
            }
            Err(rejection) => self.rejected[rejection as usize] += 1,
        }
    }
}
