//! The timestamp of reverse-ETL events (contract, section 3.1).

use super::event::Message;
use super::javascript::truthy;
use super::json::{NULL, Raw};
use super::observer::{Observer, Stamp};
use super::reason::Reason;

/// The message with the timestamp it has to get; `None` where the rule does not apply or the message has it already.
#[must_use]
pub fn set(message: &Message<'_>, observer: &mut impl Observer) -> Option<String> {
    let (current, timestamp) = decide(message, observer)?;
    let mut out = String::with_capacity(message.raw.text().len() + timestamp.text().len() + 16);
    message.raw.write_with(&mut out, "timestamp", current, |out| out.push_str(timestamp.text()));
    Some(out)
}

/// The message's timestamp now, and another one that it has to get.
fn decide<'a>(message: &Message<'a>, observer: &mut impl Observer) -> Option<(Option<Raw<'a>>, Raw<'a>)> {
    if !message.channel.is_some_and(|channel| channel.is_string("sources")) {
        observer.timestamp(Stamp::NotAsked(Reason::ChannelNotSources));
        return None;
    }
    let is_of_type = |kind| message.kind.is_some_and(|value| value.is_string(kind));
    let identify = is_of_type("identify");
    if !identify && !is_of_type("track") {
        observer.timestamp(Stamp::NotAsked(Reason::TypeNotStamped));
        return None;
    }
    let [context, traits, properties, timestamp, original] =
        message.raw.members(["context", "traits", "properties", "timestamp", "originalTimestamp"]);
    let member = |object: Option<Raw<'a>>, name| object.and_then(|object| object.member(name));
    if truthy(member(context, "mappedToDestination")) {
        observer.timestamp(Stamp::NotAsked(Reason::MappedToDestination));
        return None;
    }
    let candidates: &[(&'static str, Option<Raw<'a>>)] = if identify {
        &[
            ("context.timestamp", member(context, "timestamp")),
            ("context.traits.timestamp", member(member(context, "traits"), "timestamp")),
            ("traits.timestamp", member(traits, "timestamp")),
            ("timestamp", timestamp),
            ("originalTimestamp", original),
        ]
    } else {
        &[
            ("properties.timestamp", member(properties, "timestamp")),
            ("timestamp", timestamp),
            ("originalTimestamp", original),
        ]
    };
    let found = candidates.iter().find_map(|(from, value)| Some((*from, value.filter(|value| usable(*value))?)));
    let chosen = found.map_or(NULL, |(_, value)| value);
    let changed = Some(chosen) != timestamp;
    observer.timestamp(Stamp::Set { from: found.map(|(from, _)| from), value: chosen, changed });
    changed.then_some((timestamp, chosen))
}

/// Truthy, `false` or a zero: everything but `null` and `""`.
fn usable(value: Raw<'_>) -> bool {
    !value.is_null() && !value.is_string("")
}
