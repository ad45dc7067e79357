//! Collects the possible topics of a destination.

use super::code::Code;
use super::config::{Config, text_of};
use super::finding::Findings;
use super::topic_list::Topics;
use super::topic_maps;
pub use transform::topic_name::illegal;

/// Returns the topics in the Config (the default topic first), and whether templates can produce other topics. Reports
/// a finding and returns `None` if a topic is unusable. `dynamic` is true if the transformation replaces templates with
/// values.
pub fn read(config: &Config<'_>, dynamic: bool, findings: &mut Findings) -> Option<(Vec<String>, bool)> {
    let mut topics = Topics::new(dynamic, findings);
    match config.raw("topic") {
        Some((topic, pointer)) if text_of(topic).is_none_or(|text| !text.trim().is_empty()) => {
            // `Config::read` has already reported a value that is not a string.
            if topic.as_string().is_some() {
                topics.add(topic, &pointer);
            } else {
                topics.mark_unusable();
            }
        }
        missing => {
            let pointer = missing.map_or_else(|| config.pointer.to_owned(), |(_, pointer)| pointer);
            topics.findings().note(Code::TopicMissing, pointer);
            topics.mark_unusable();
        }
    }
    if config.family.multi_topic {
        topic_maps::read(config, &mut topics);
    }
    topics.into_names()
}
