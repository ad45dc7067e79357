//! Sets the timestamp of reverse-ETL events (docs/contract.md#reverse-etl-timestamp).

use crate::observer::{Observer, Stamp};
use crate::reason::Reason;
use crate::request::event::Message;
use json::javascript::truthy;
use json::raw::{NULL, Raw};

/// The paths to the timestamp of `identify` events, in order of precedence.
const IDENTIFY: &[&str] =
    &["context.timestamp", "context.traits.timestamp", "traits.timestamp", TIMESTAMP, "originalTimestamp"];
/// The paths to the timestamp of `track` events.
const TRACK: &[&str] = &["properties.timestamp", TIMESTAMP, "originalTimestamp"];
/// The path to a flag. If the flag is truthy, the message keeps its timestamp.
const MAPPED: &str = "context.mappedToDestination";
/// The name of the field that the rule sets.
const TIMESTAMP: &str = "timestamp";

/// Returns the message with the new timestamp. Returns `None` if the rule does not apply or the message already has
/// that timestamp.
#[must_use]
pub fn set(message: &Message<'_>, observer: &mut impl Observer) -> Option<String> {
    let (current, timestamp) = decide(message, observer)?;
    let mut out = String::with_capacity(message.raw.text().len() + timestamp.text().len() + 16);
    message.raw.write_with(&mut out, TIMESTAMP, current, |out| out.push_str(timestamp.text()));
    Some(out)
}

/// Returns the current and the new timestamp of the message, or `None` if the timestamp does not change.
fn decide<'a>(message: &Message<'a>, observer: &mut impl Observer) -> Option<(Option<Raw<'a>>, Raw<'a>)> {
    if !message.channel.is_some_and(|channel| channel.is_string("sources")) {
        observer.timestamp(Stamp::NotApplied(Reason::ChannelNotSources));
        return None;
    }
    let is_of_type = |kind| message.kind.is_some_and(|value| value.is_string(kind));
    let candidates = if is_of_type("identify") {
        IDENTIFY
    } else if is_of_type("track") {
        TRACK
    } else {
        observer.timestamp(Stamp::NotApplied(Reason::TypeNotStamped));
        return None;
    };
    let fields = Fields::of(message.raw);
    if truthy(fields.at(MAPPED)) {
        observer.timestamp(Stamp::NotApplied(Reason::MappedToDestination));
        return None;
    }
    let current = fields.named(TIMESTAMP);
    let found = candidates.iter().find_map(|path| Some((*path, fields.at(path).filter(|value| usable(*value))?)));
    let chosen = found.map_or(NULL, |(_, value)| value);
    let changed = Some(chosen) != current;
    observer.timestamp(Stamp::Set { from: found.map(|(path, _)| path), value: chosen, changed });
    changed.then_some((current, chosen))
}

/// Returns whether a value can be a timestamp: any value except `null` and `""`.
fn usable(value: Raw<'_>) -> bool {
    !value.is_null() && !value.is_string("")
}

/// The values of the fields of a message whose names are in [`FIRST_NAMES`], in the same order.
struct Fields<'a>([Option<Raw<'a>>; FIRST_NAMES.len()]);

/// The paths in [`IDENTIFY`], [`TRACK`] and [`MAPPED`], and all prefixes of these paths that end before a dot. Each of
/// these texts can be the name of a field, because names may contain dots.
const FIRST_NAMES: [&str; 11] = [
    TIMESTAMP,
    "originalTimestamp",
    "context",
    "traits",
    "properties",
    MAPPED,
    "context.timestamp",
    "context.traits",
    "context.traits.timestamp",
    "traits.timestamp",
    "properties.timestamp",
];

impl<'a> Fields<'a> {
    fn of(message: Raw<'a>) -> Self {
        Self(message.members(FIRST_NAMES))
    }

    /// Returns the value of the field literally called `name`.
    fn named(&self, name: &str) -> Option<Raw<'a>> {
        self.0[FIRST_NAMES.iter().position(|first| *first == name)?]
    }

    /// Returns the value at a path. The lookup is the same as for templates (docs/contract.md#timestamp-dotted-names).
    ///
    /// A field whose name is the whole path hides all other fields. Otherwise, the shortest matching name wins in each
    /// object along the path.
    fn at(&self, path: &str) -> Option<Raw<'a>> {
        if let Some(value) = self.named(path) {
            return Some(value);
        }
        let (mut value, mut rest) = step(path, |name| self.named(name))?;
        while let Some(path) = rest.strip_prefix('.') {
            (value, rest) = step(path, |name| value.member(name))?;
        }
        Some(value)
    }
}

/// Finds the field whose name is the shortest prefix of `path`. Returns its value and the rest of `path`.
fn step<'a, 'p>(path: &'p str, field: impl Fn(&str) -> Option<Raw<'a>>) -> Option<(Raw<'a>, &'p str)> {
    let ends = memchr::memchr_iter(b'.', path.as_bytes()).chain([path.len()]);
    ends.map(|end| path.split_at(end)).find_map(|(name, rest)| Some((field(name)?, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observer::NoopObserver;
    use json::reader::Reader;

    fn stamped(fields: &str) -> Option<String> {
        let text = format!(r#"{{"channel":"sources",{fields}}}"#);
        let message = Message::read(&mut Reader::new(&text)).unwrap();
        let stamped = set(&message, &mut NoopObserver)?;
        Some(Raw::parse(&stamped).unwrap().member(TIMESTAMP).unwrap().text().to_owned())
    }

    #[test]
    fn the_timestamp_rule_looks_up_every_prefix_of_its_paths() {
        for path in IDENTIFY.iter().chain(TRACK).chain([&MAPPED]) {
            let prefixes = path.match_indices('.').map(|(dot, _)| &path[..dot]).chain([*path]);
            prefixes.for_each(|name| assert!(FIRST_NAMES.contains(&name), "{name}"));
        }
    }

    #[test]
    fn the_timestamp_rule_finds_fields_whose_names_contain_dots() {
        for (fields, expected) in [
            (r#""type":"identify","traits.timestamp":1"#, Some("1")),
            (r#""type":"identify","context.timestamp":1"#, Some("1")),
            (r#""type":"identify","context.traits.timestamp":1"#, Some("1")),
            (r#""type":"identify","context":{"traits.timestamp":1}"#, Some("1")),
            (r#""type":"identify","context.traits":{"timestamp":1}"#, Some("1")),
            (r#""type":"track","properties.timestamp":1"#, Some("1")),
            (r#""type":"track","properties.timestamp":1,"properties":{"timestamp":2}"#, Some("1")),
            (r#""type":"track","properties":{"timestamp":2},"timestamp":2"#, None),
            (r#""type":"track","timestamp":1,"context.mappedToDestination":"x""#, None),
            (r#""type":"track","context.mappedToDestination":"","context":{"mappedToDestination":1}"#, Some("null")),
            (r#""type":"track","traits.timestamp":1"#, Some("null")),
            // The shorter key wins, even if its value does not contain the rest of the path.
            (r#""type":"identify","context":{"traits":{},"traits.timestamp":1}"#, Some("null")),
        ] {
            assert_eq!(stamped(fields).as_deref(), expected, "{fields}");
        }
    }
}
