//! Checks the maps from event types and event names to topics, and finds entries that have no effect
//! (docs/contract.md#topic-maps).

use std::collections::HashMap;

use super::code::Code;
use super::config::Config;
use super::finding::{Findings, quoted, step};
use super::topic_list::Topics;
use json::javascript::{JsString, if_truthy, trim, truthy};
use json::raw::Raw;
use transform::rules::topic_setting::MAPPED_TYPES;

/// The event type that is routed by event name.
const BY_NAME: &str = "track";

/// An entry of a topic map that the transformation does not skip.
struct Entry<'a> {
    pointer: String,
    /// The event type or event name that the entry matches. `None` means that `from` is a template.
    from: Option<String>,
    to: Option<Raw<'a>>,
    to_pointer: String,
}

/// Reads both maps, and adds their topics and findings to `topics`.
pub fn read(config: &Config<'_>, topics: &mut Topics<'_>) {
    let by_type = config.list("eventTypeToTopicMap");
    let by_event = config.list("eventToTopicMap");
    let (switch, switch_pointer) = match config.raw("enableMultiTopic") {
        Some((value, pointer)) => (truthy(Some(value)), pointer),
        None => (false, String::new()),
    };
    if !switch {
        for (name, map) in [("eventTypeToTopicMap", &by_type), ("eventToTopicMap", &by_event)] {
            let has_entry = entries(map, topics, &mut Findings::default()).iter().any(|entry| truthy(entry.to));
            if let Some((_, pointer)) = config.raw(name).filter(|_| has_entry) {
                let message =
                    format!("{name} has entries, but enableMultiTopic is off: every event goes to the default topic");
                topics.findings().add(Code::MapSwitchedOff, pointer, message);
            }
        }
        return;
    }
    let mut findings = Findings::default();
    let by_type = entries(&by_type, topics, &mut findings);
    let by_event = entries(&by_event, topics, &mut findings);
    topics.findings().append(findings);
    let of_types = types(by_type, topics.findings());
    let of_events = events(by_event, topics.findings());
    if !of_types.iter().chain(&of_events).any(|entry| truthy(entry.to)) {
        topics.findings().note(Code::MapMissing, switch_pointer);
    }
    for entry in of_types.into_iter().chain(of_events) {
        match if_truthy(entry.to) {
            Some(to) => topics.add(to, &entry.to_pointer),
            None => topics.findings().note(Code::MapToEmpty, entry.pointer),
        }
    }
}

/// Returns the entries of a map, without the entries that the transformation skips. Reports each skipped entry.
fn entries<'a>(map: &[(Raw<'a>, String)], topics: &Topics<'_>, findings: &mut Findings) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    for (entry, pointer) in map {
        if !entry.is_object() {
            findings.note(Code::MapEntryNotAnObject, pointer);
            continue;
        }
        let [from, to] = entry.members(["from", "to"]);
        let from = from.filter(|from| !from.is_null());
        let matched = from.map_or_else(String::new, |from| {
            String::from_utf8_lossy(&JsString::of(Some(from)).into_decoded()).into_owned()
        });
        if trim(matched.as_bytes()).is_empty() {
            findings.note(if truthy(to) { Code::MapFromBlank } else { Code::MapEntryBlank }, pointer);
            continue;
        }
        let from = (!from.is_some_and(|from| topics.is_filled(from))).then_some(matched);
        entries.push(Entry { pointer: pointer.clone(), from, to, to_pointer: step(pointer, "to") });
    }
    entries
}

/// Returns the entries of `eventTypeToTopicMap` that can match an event. Reports the entries that cannot match.
fn types<'a>(entries: Vec<Entry<'a>>, findings: &mut Findings) -> Vec<Entry<'a>> {
    let is_type = |text: &str| MAPPED_TYPES.iter().any(|mapped| mapped.eq_ignore_ascii_case(text));
    let mut effective = Vec::new();
    for entry in entries {
        let message = match &entry.from {
            Some(from) if !is_type(from) => {
                let known = from.trim();
                if known.eq_ignore_ascii_case(BY_NAME) {
                    "track events are routed by name, in eventToTopicMap, not by type".to_owned()
                } else if is_type(known) {
                    format!("{} has spaces around it and matches no event", quoted(from))
                } else {
                    format!("{} is not an event type", quoted(from))
                }
            }
            _ => {
                effective.push(entry);
                continue;
            }
        };
        findings.add(Code::MapTypeNeverMatches, step(&entry.pointer, "from"), message);
    }
    last_of_each(effective, str::to_ascii_lowercase, findings)
}

/// Returns the entries of `eventToTopicMap` that can match an event. Reports the entries that cannot match or are
/// probably unintended.
fn events<'a>(entries: Vec<Entry<'a>>, findings: &mut Findings) -> Vec<Entry<'a>> {
    let effective = last_of_each(entries, str::to_owned, findings);
    let mut alike: HashMap<String, &Entry<'a>> = HashMap::new();
    for entry in &effective {
        let Some(from) = &entry.from else { continue };
        let pointer = step(&entry.pointer, "from");
        if trim(from.as_bytes()).len() != from.len() {
            let message = format!("{} matches only events whose name contains the same spaces", quoted(from));
            findings.add(Code::MapEventBlanks, &pointer, message);
        }
        if MAPPED_TYPES.iter().any(|mapped| mapped.eq_ignore_ascii_case(from)) || from.eq_ignore_ascii_case(BY_NAME) {
            let message = format!("{0} matches track events with the name {0}, not events of type {0}", quoted(from));
            findings.add(Code::MapEventIsType, &pointer, message);
        }
        match alike.get(&from.to_lowercase()) {
            Some(other) if other.to.map(Raw::text) != entry.to.map(Raw::text) => {
                let other = other.from.as_deref().unwrap_or_default();
                let message = format!("{} and {} differ only in letter case", quoted(other), quoted(from));
                findings.add(Code::MapEventLetterCase, pointer, message);
            }
            Some(_) => {}
            None => drop(alike.insert(from.to_lowercase(), entry)),
        }
    }
    effective
}

/// Drops and reports each entry that is overridden by a later entry with the same key.
fn last_of_each<'a>(entries: Vec<Entry<'a>>, key: fn(&str) -> String, findings: &mut Findings) -> Vec<Entry<'a>> {
    let mut last: HashMap<String, usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        if let Some(from) = &entry.from {
            last.insert(key(from), index);
        }
    }
    let mut effective = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        match &entry.from {
            Some(from) if last.get(&key(from)) != Some(&index) => {
                let message = format!("a later entry for {} overrides this entry", quoted(from));
                findings.add(Code::MapFromRepeated, entry.pointer, message);
            }
            _ => effective.push(entry),
        }
    }
    effective
}
