//! The timestamp of reverse-ETL events (contract, section 3.1).

use super::event::Message;
use super::javascript::truthy;
use super::json::{NULL, Raw};

/// The message with the timestamp it has to get; `None` where the rule does not apply or the message has it already.
#[must_use]
pub fn set(message: &Message<'_>) -> Option<String> {
    let (current, timestamp) = decide(message)?;
    let mut out = String::with_capacity(message.raw.text().len() + timestamp.text().len() + 16);
    message.raw.write_with(&mut out, "timestamp", current, |out| out.push_str(timestamp.text()));
    Some(out)
}

/// The message's timestamp now, and another one that it has to get.
fn decide<'a>(message: &Message<'a>) -> Option<(Option<Raw<'a>>, Raw<'a>)> {
    if !message.channel?.is_string("sources") {
        return None;
    }
    let kind = message.kind?.as_string()?;
    let identify = kind.is("identify");
    if !identify && !kind.is("track") {
        return None;
    }
    let [context, traits, properties, timestamp, original] =
        message.raw.members(["context", "traits", "properties", "timestamp", "originalTimestamp"]);
    let member = |object: Option<Raw<'a>>, name| object.and_then(|object| object.member(name));
    if truthy(member(context, "mappedToDestination")) {
        return None;
    }
    let candidates: &[Option<Raw<'a>>] = if identify {
        &[
            member(context, "timestamp"),
            member(member(context, "traits"), "timestamp"),
            member(traits, "timestamp"),
            timestamp,
            original,
        ]
    } else {
        &[member(properties, "timestamp"), timestamp, original]
    };
    let chosen = candidates.iter().flatten().copied().find(|value| usable(*value)).unwrap_or(NULL);
    (Some(chosen) != timestamp).then_some((timestamp, chosen))
}

/// Truthy, `false` or a zero: everything but `null` and `""`.
fn usable(value: Raw<'_>) -> bool {
    !value.is_null() && !value.is_string("")
}
