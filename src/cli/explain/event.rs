//! The explanation of one event, as text and as JSON.

use json::display::{sanitize, shorten};
use std::fmt::Write as _;
use std::num::NonZeroU32;

use anstyle::Style;
use serde::Serialize;

use super::super::format::{BAD, DOUBTFUL, FAINT, GOOD};
use super::super::input::Place;
use transform::decision::TopicRule;
use transform::explain::{Explanation, TemplateUse, TimestampUse};
use transform::partition;

/// The maximum number of characters that the text output shows of a response.
const RESPONSE_CHARACTERS: usize = 1000;
/// The maximum number of characters that the text output shows of a topic, key or value.
const VALUE_CHARACTERS: usize = 200;
/// The width of the label column, in characters.
const LABEL: usize = 11;
/// The width of the value column, in characters.
const VALUE: usize = 20;

/// Formats an explanation as colored lines, followed by a blank line.
pub(super) fn text(
    source: &str,
    place: Place,
    partitions: Option<NonZeroU32>,
    explanation: &Explanation<'_>,
) -> String {
    let mut lines = Lines { text: format!("{source}:{place}\n") };
    if let Some(rejection) = &explanation.rejection {
        let why = format!("{}, error type: {}", rejection.code, rejection.error_type.text());
        lines.row("rejected", BAD, rejection.text, &why);
    }
    for (index, problem) in explanation.problems.iter().enumerate() {
        let label = if index == 0 { "dropped" } else { "" };
        lines.row(label, BAD, problem.code.code(), &problem.text);
    }
    for (index, warning) in explanation.warnings.iter().enumerate() {
        let label = if index == 0 { "warning" } else { "" };
        lines.row(label, DOUBTFUL, warning.code.code(), &warning.text);
    }
    if let Some(topic) = &explanation.topic {
        let style = if explanation.problems.iter().any(|problem| problem.code.is_of_the_topic()) { BAD } else { GOOD };
        let by = if topic.rule == TopicRule::None { topic.text.to_owned() } else { format!("by {}", topic.text) };
        match &topic.value {
            Some(value) if topic.rule != TopicRule::None => {
                lines.row("topic", style, &printable(&value.plain()), &by);
            }
            Some(value) => lines.row("topic", BAD, &printable(value.text()), &by),
            None => lines.row("topic", BAD, "none", &by),
        }
        for (index, passed) in topic.skipped.iter().enumerate() {
            let label = if index == 0 { "  skipped" } else { "" };
            lines.faint(label, &format!("{}: {}", passed.rule.text(), printable(&passed.text)));
        }
    }
    if let Some(key) = &explanation.key {
        let partition = key.partition.zip(partitions);
        let partition =
            partition.map(|(partition, of)| format!("{}, ", partition::named(partition, of))).unwrap_or_default();
        if key.value.is_empty() {
            lines.row("key", DOUBTFUL, "empty", &format!("{partition}{}", key.text));
        } else {
            lines.row("key", GOOD, &printable(&key.value), &format!("{partition}from {}", key.text));
        }
    }
    match &explanation.timestamp {
        Some(TimestampUse::Applied { value, text, .. }) => lines.row("timestamp", GOOD, &printable(value.text()), text),
        Some(TimestampUse::NotApplied { text, .. }) => lines.faint("timestamp", &format!("unchanged: {text}")),
        None => {}
    }
    for (index, template) in explanation.templates.iter().enumerate() {
        let label = if index == 0 { "templates" } else { "" };
        let style = if template.rejected { BAD } else { GOOD };
        lines.row(label, style, &printable(&format!("Config{}", template.pointer)), &filled(template));
    }
    lines.answer(explanation.response);
    lines.text.push('\n');
    lines.text
}

/// Describes the value that a template was replaced with.
fn filled(template: &TemplateUse) -> String {
    let path = printable(&template.path);
    match (&template.value, template.found) {
        (None, _) => format!("{path} cannot be read from the event"),
        (Some(value), false) => format!("{path} not found, default used: {}", printable(value.text())),
        (Some(value), true) if template.removed.is_some() => {
            format!("{path} = {}, removed from the event", printable(value.text()))
        }
        (Some(value), true) => format!("{path} = {}", printable(value.text())),
    }
}

struct Lines {
    text: String,
}

impl Lines {
    fn row(&mut self, label: &str, style: Style, value: &str, why: &str) {
        let room = VALUE.saturating_sub(value.chars().count());
        let _ = writeln!(self.text, "  {label:LABEL$}{style}{value}{style:#}{:room$}  {FAINT}{why}{FAINT:#}", "");
    }

    fn faint(&mut self, label: &str, value: &str) {
        let _ = writeln!(self.text, "  {FAINT}{label:LABEL$}{value}{FAINT:#}");
    }

    fn answer(&mut self, answer: &str) {
        let start = shorten(answer, RESPONSE_CHARACTERS);
        let more = if start.len() < answer.len() {
            format!(" ({} bytes; --format json shows the full response)", answer.len())
        } else {
            String::new()
        };
        self.faint("response", &format!("{}{more}", sanitize(&start)));
    }
}

/// Sanitizes text from an event for a terminal: shortens it, and escapes characters that the terminal would interpret.
pub(in crate::cli) fn printable(text: &str) -> String {
    sanitize(&shorten(text, VALUE_CHARACTERS))
}

/// An explanation with the position of its event in the input, for the JSON output.
#[derive(Serialize)]
struct Located<'e> {
    #[serde(flatten)]
    explanation: &'e Explanation<'e>,
    file: &'e str,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<u64>,
}

/// Formats the explanation as JSON. `index` is the event's index in the request; [`push_numbered`] replaces this index.
pub(super) fn json(source: &str, place: Place, explanation: &Explanation<'_>) -> String {
    let Place { line, column, event } = place;
    serde_json::to_string(&Located { explanation, file: source, line, column, event }).unwrap_or_default()
}

/// Appends an event's explanation as a line of JSON. `index` is the event's 0-based number in the whole input, and
/// replaces the field `index` of `json`.
pub(super) fn push_numbered(out: &mut String, index: u64, json: &str) {
    let rest = json.split_once(',').map_or("}", |(_, rest)| rest);
    let _ = writeln!(out, "{{\"index\":{index},{rest}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_explained_values_are_escaped() {
        assert_eq!(printable("a\u{1b}[31m\nb\u{202e}ü"), "a\\u{1b}[31m\\nb\\u{202e}ü");
        assert_eq!(printable(&"ü".repeat(1000)).chars().count(), VALUE_CHARACTERS + 1);
    }
}
