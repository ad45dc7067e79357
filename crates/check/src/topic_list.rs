//! Collects the topics of a destination, and checks whether Kafka allows their names.

use std::collections::{HashMap, HashSet};

use super::code::Code;
use super::config::{kind, text_of};
use super::finding::{Findings, quoted};
use json::javascript::truthy;
use json::raw::Raw;
use transform::rules::template::Template;
use transform::topic_name::illegal;

/// The topics of a destination.
#[derive(Debug)]
pub struct Topics<'f> {
    findings: &'f mut Findings,
    /// Whether the transformation replaces templates with values.
    dynamic: bool,
    names: Vec<String>,
    seen: HashSet<String>,
    /// Whether a template can produce topics that are not in `names`.
    from_events: bool,
    /// Whether all topics are usable.
    usable: bool,
    /// The first topic of each group of topics that Kafka treats as equal. The key is the topic's name, with each `.`
    /// replaced by `_`.
    alike: HashMap<String, String>,
}

impl<'f> Topics<'f> {
    /// Creates an empty list. `dynamic` is true if the transformation replaces templates with values.
    #[must_use]
    pub fn new(dynamic: bool, findings: &'f mut Findings) -> Self {
        Self {
            findings,
            dynamic,
            names: Vec::new(),
            seen: HashSet::new(),
            from_events: false,
            usable: true,
            alike: HashMap::new(),
        }
    }

    /// Returns the topics in the order in which they were added, and whether templates can produce topics that are not
    /// in this list. Returns `None` if a topic is unusable.
    #[must_use]
    pub fn into_names(self) -> Option<(Vec<String>, bool)> {
        self.usable.then_some((self.names, self.from_events))
    }

    /// Records that a topic is unusable.
    pub fn mark_unusable(&mut self) {
        self.usable = false;
    }

    /// Returns the list of findings.
    pub fn findings(&mut self) -> &mut Findings {
        self.findings
    }

    /// Whether a value is a template that the transformation replaces with another value.
    #[must_use]
    pub fn is_filled(&self, value: Raw<'_>) -> bool {
        self.dynamic && Template::read(value).is_ok()
    }

    /// Adds a possible topic and reports problems with it. `topic` must be truthy.
    pub fn add(&mut self, topic: Raw<'_>, pointer: &str) {
        let Some(text) = text_of(topic) else {
            let message = format!("a topic is {}, not a string", kind(topic));
            self.findings.add(Code::FieldWrongType, pointer, message);
            self.usable = false;
            return;
        };
        match Template::read(topic) {
            Ok(template) if self.dynamic => {
                self.from_events = true;
                let default = Raw::parse(template.default()).ok();
                if truthy(default) {
                    let name = default.and_then(text_of).unwrap_or_default();
                    self.name(&name, pointer, "the template's default ");
                } else {
                    self.findings.note(Code::TemplateDefaultEmpty, pointer);
                }
            }
            // The module `templates` reports both cases: a template that is switched off, and a text that only looks
            // like a template.
            Ok(_) => self.usable = false,
            Err(_) if text.contains("{{") => self.usable = false,
            Err(_) => self.name(&text, pointer, ""),
        }
    }

    fn name(&mut self, name: &str, pointer: &str, prefix: &str) {
        if let Some(problem) = illegal(name) {
            let message = format!("{prefix}{} is not a valid topic name: {problem}", quoted(name));
            self.findings.add(Code::TopicIllegal, pointer, message);
            self.usable = false;
            return;
        }
        let alike = self.alike.entry(name.replace('.', "_")).or_insert_with(|| name.to_owned());
        if alike != name {
            let message = format!(
                "the topics {} and {} are equal except that one has \"_\" where the other has \".\"",
                quoted(alike),
                quoted(name)
            );
            self.findings.add(Code::TopicsCollide, pointer, message);
        }
        if self.seen.insert(name.to_owned()) {
            self.names.push(name.to_owned());
        }
    }
}
