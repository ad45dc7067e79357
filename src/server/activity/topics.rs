//! The topics of a destination's events.

use super::counts::Recent;
use json::display::start;

/// The maximum number of topics of a destination that are counted separately. Further topics are counted together.
pub const MAX_TOPICS: usize = 32;

/// The maximum number of bytes of a topic name that are stored. Kafka allows names of up to 249 characters. Names that
/// begin with the same 96 bytes are counted as one topic.
const MAX_TOPIC_BYTES: usize = 96;

/// The topics of the events in one request that have the same destination and source.
#[derive(Debug, Default)]
pub struct TopicCounts {
    topics: Vec<(Box<str>, u64)>,
    other: u64,
    /// The index of the latest event's topic.
    latest: usize,
}

impl TopicCounts {
    /// Counts an event. `escaped` is the name of its topic, escaped as in a JSON string.
    pub fn count(&mut self, escaped: &str) {
        let name = start(escaped, MAX_TOPIC_BYTES);
        if let Some((topic, events)) = self.topics.get_mut(self.latest)
            && **topic == *name
        {
            *events += 1;
            return;
        }
        match self.topics.iter().position(|(topic, _)| **topic == *name) {
            Some(index) => {
                self.latest = index;
                self.topics[index].1 += 1;
            }
            None if self.topics.len() < MAX_TOPICS => {
                self.latest = self.topics.len();
                self.topics.push((name.into(), 1));
            }
            None => self.other += 1,
        }
    }
}

/// The topics of a destination.
#[derive(Debug, Default)]
pub struct Topics {
    topics: Vec<Topic>,
    /// The events of all topics after the first [`MAX_TOPICS`].
    other: Topic,
}

/// A topic and its number of events.
#[derive(Debug, Default)]
pub struct Topic {
    /// The name, escaped as in a JSON string and possibly shortened.
    pub name: Box<str>,
    /// The number of events since startup.
    pub total: u64,
    recent: Recent<u32>,
}

impl Topic {
    fn add(&mut self, events: u64, now: u64) {
        self.total += events;
        let recent = self.recent.at(now);
        *recent = recent.saturating_add(u32::try_from(events).unwrap_or(u32::MAX));
    }

    /// The number of events in the last five minutes.
    #[must_use]
    pub fn recent(&self, now: u64) -> u64 {
        self.recent.all(now).map(|events| u64::from(*events)).sum()
    }
}

impl Topics {
    /// Adds the topics of a request.
    pub fn add(&mut self, counts: TopicCounts, now: u64) {
        for (name, events) in counts.topics {
            match self.topics.iter_mut().position(|topic| topic.name == name) {
                Some(index) => self.topics[index].add(events, now),
                None if self.topics.len() < MAX_TOPICS => {
                    let mut topic = Topic { name, ..Topic::default() };
                    topic.add(events, now);
                    self.topics.push(topic);
                }
                None => self.other.add(events, now),
            }
        }
        if counts.other > 0 {
            self.other.add(counts.other, now);
        }
    }

    /// Returns the topics in descending order of events.
    #[must_use]
    pub fn sorted(&self) -> Vec<&Topic> {
        let mut topics: Vec<&Topic> = self.topics.iter().collect();
        topics.sort_by_key(|topic| std::cmp::Reverse(topic.total));
        topics
    }

    /// The events of all topics that are not counted separately.
    #[must_use]
    pub fn other(&self) -> &Topic {
        &self.other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_above_the_limit_are_counted_together() {
        let mut topics = Topics::default();
        for round in 0..2 {
            let mut counts = TopicCounts::default();
            for number in 0..100 {
                counts.count(&format!("t{number}"));
                counts.count("t0");
            }
            topics.add(counts, round);
        }
        let sorted = topics.sorted();
        assert_eq!((sorted.len(), &*sorted[0].name, sorted[0].total), (MAX_TOPICS, "t0", 202));
        assert_eq!(sorted.iter().map(|topic| topic.total).sum::<u64>() + topics.other().total, 400);
        assert_eq!(topics.other().recent(1), topics.other().total);
    }

    #[test]
    fn long_topic_names_are_shortened() {
        let mut counts = TopicCounts::default();
        counts.count(&"ü".repeat(500_000));
        assert!(counts.topics[0].0.len() <= MAX_TOPIC_BYTES);
    }
}
