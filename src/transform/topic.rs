//! Which topic an event goes to (contract, section 3.4).

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::decision::TopicRule;
use super::event::Message;
use super::family::Family;
use super::integrations::Integrations;
use super::javascript::{JsString, if_truthy, trim, truthy};
use super::json::{Kind, Raw};
use super::observer::Observer;
use super::partition::as_received;
use super::reason::Reason;

/// The members of a destination's Config that choose topics, in the order of [`RoutingMembers::NAMES`].
#[derive(Debug, Clone, Copy, Default)]
pub struct RoutingMembers<'a>(pub [Option<Raw<'a>>; 4]);

impl RoutingMembers<'_> {
    /// The names of the members.
    pub const NAMES: [&'static str; 4] = ["topic", "enableMultiTopic", "eventTypeToTopicMap", "eventToTopicMap"];
}

impl<'a> RoutingMembers<'a> {
    /// Finds the members in a Config; a Config that is no object has none.
    #[must_use]
    pub fn of(config: Raw<'a>) -> Self {
        Self(config.members(Self::NAMES))
    }
}

/// How a destination chooses topics.
#[derive(Debug, Default)]
pub struct Routing<'a> {
    default: Option<Raw<'a>>,
    maps: Option<Rc<Maps<'a>>>,
}

/// The message types that `eventTypeToTopicMap` can route.
const MAPPED_TYPES: [&str; 5] = ["identify", "screen", "page", "group", "alias"];

#[derive(Debug)]
struct Maps<'a> {
    /// The outer `None` is no entry, the inner one an entry without `to`.
    by_type: [Option<Option<Raw<'a>>>; MAPPED_TYPES.len()],
    by_event: HashMap<Cow<'a, [u8]>, Option<Raw<'a>>>,
}

/// The topic of an event: any JSON value, and the rule that gave it.
#[derive(Debug, Clone, Copy)]
pub struct Topic<'a> {
    /// The value for the output; `None` leaves the member out.
    pub value: Option<Raw<'a>>,
    /// The rule that gave it; [`TopicRule::None`] where the value is not truthy.
    pub rule: TopicRule,
}

impl<'a> Routing<'a> {
    /// Reads the routing members once per destination.
    #[must_use]
    pub fn read(
        RoutingMembers([default, multi_topic, by_type, by_event]): RoutingMembers<'a>,
        family: &Family,
    ) -> Self {
        let maps = (family.multi_topic && truthy(multi_topic)).then(|| Rc::new(Maps::read(by_type, by_event)));
        Self { default, maps }
    }

    /// This routing with another default, which is what a template for the topic comes to.
    #[must_use]
    pub fn with_default(&self, default: Option<Raw<'a>>) -> Self {
        Self { default, maps: self.maps.clone() }
    }

    /// The topic for a message that asks for `integrations`.
    #[must_use]
    pub fn decide(
        &self,
        family: &Family,
        message: &Message<'_>,
        integrations: &Integrations<'a>,
        observer: &mut impl Observer,
    ) -> Topic<'a> {
        let topic = self.choose(family, message, integrations, observer);
        observer.routed(&topic);
        topic
    }

    #[inline]
    fn choose(
        &self,
        family: &Family,
        message: &Message<'_>,
        integrations: &Integrations<'a>,
        observer: &mut impl Observer,
    ) -> Topic<'a> {
        if let Some(value) = if_truthy(integrations.topic) {
            return Topic { value: Some(value), rule: TopicRule::Integrations };
        }
        observer.passed_over(TopicRule::Integrations, || integrations.why_no_topic(message, family));
        match &self.maps {
            Some(maps) => {
                if let Some((value, rule)) = maps.look_up(message, observer) {
                    return Topic { value: Some(value), rule };
                }
            }
            None => pass_over_maps(observer, || match family.multi_topic {
                true => (Reason::MultiTopicOff, String::new()),
                false => (Reason::MapsNotSupported, family.name.to_owned()),
            }),
        }
        if let Some(value) = if_truthy(self.default) {
            return Topic { value: Some(value), rule: TopicRule::Default };
        }
        observer.passed_over(TopicRule::Default, || match self.default {
            None => (Reason::TopicMissing, String::new()),
            Some(_) => (Reason::TopicNotTruthy, String::new()),
        });
        // The last value looked up stays in the output, unless it is nothing at all.
        let value = self.default.filter(|value| family.keeps_null_topic || !value.is_null());
        Topic { value, rule: TopicRule::None }
    }
}

/// Neither map is looked at.
fn pass_over_maps(observer: &mut impl Observer, why: impl Fn() -> (Reason, String)) {
    observer.passed_over(TopicRule::EventType, &why);
    observer.passed_over(TopicRule::EventName, &why);
}

impl<'a> Maps<'a> {
    fn read(by_type: Option<Raw<'a>>, by_event: Option<Raw<'a>>) -> Self {
        let mut maps = Maps { by_type: [None; MAPPED_TYPES.len()], by_event: HashMap::new() };
        for_each_entry(by_type, |from, to| {
            // The types are plain ASCII, and no other letter's lower case is one of theirs.
            if let Some(index) = MAPPED_TYPES.iter().position(|kind| from.eq_ignore_ascii_case(kind.as_bytes())) {
                maps.by_type[index] = Some(to);
            }
        });
        for_each_entry(by_event, |from, to| {
            maps.by_event.insert(from, to);
        });
        maps
    }

    fn look_up(&self, message: &Message<'_>, observer: &mut impl Observer) -> Option<(Raw<'a>, TopicRule)> {
        let Some(kind) = message.kind.and_then(Raw::as_string) else {
            pass_over_maps(observer, || (Reason::TypeMissing, String::new()));
            return None;
        };
        if kind.is("track") {
            observer.passed_over(TopicRule::EventType, || (Reason::TypeIsTrack, String::new()));
            let Some(event) = if_truthy(message.event) else {
                observer.passed_over(TopicRule::EventName, || (Reason::EventMissing, String::new()));
                return None;
            };
            let name = JsString::of(Some(event)).into_decoded();
            let entry = self.by_event.get(&name);
            let to = entry.and_then(|to| if_truthy(*to));
            if to.is_none() {
                let reason = if entry.is_some() { Reason::EventEntryEmpty } else { Reason::EventWithoutEntry };
                observer.passed_over(TopicRule::EventName, || (reason, as_received(&name)));
            }
            return Some((to?, TopicRule::EventName));
        }
        let entry = MAPPED_TYPES.iter().position(|mapped| kind.is(mapped)).map(|index| self.by_type[index]);
        let to = entry.and_then(|entry| if_truthy(entry?));
        if to.is_none() {
            let name = || as_received(&kind.decoded());
            let reason = match entry {
                None => Reason::TypeNotMapped,
                Some(None) => Reason::TypeWithoutEntry,
                Some(Some(_)) => Reason::TypeEntryEmpty,
            };
            observer.passed_over(TopicRule::EventType, || (reason, name()));
            observer.passed_over(TopicRule::EventName, || (Reason::TypeIsNotTrack, name()));
        }
        Some((to?, TopicRule::EventType))
    }
}

/// Calls `on_entry` with `String(from)` and `to` of each usable entry of a topic map.
fn for_each_entry<'a>(map: Option<Raw<'a>>, mut on_entry: impl FnMut(Cow<'a, [u8]>, Option<Raw<'a>>)) {
    let Some(map) = map else { return };
    map.for_each_element(|entry| {
        let [from, to] = entry.members(["from", "to"]);
        let Some(from) = from.filter(|from| from.kind() != Kind::Null) else {
            return;
        };
        let from = JsString::of(Some(from)).into_decoded();
        if !trim(&from).is_empty() {
            on_entry(from, to);
        }
    });
}
