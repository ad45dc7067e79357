//! Chooses the topic of an event (docs/contract.md#topic).

use crate::decision::{Topic, TopicRule};
use crate::family::Family;
use crate::meter::{Halt, Usage};
use crate::observer::Observer;
use crate::partition::as_received;
use crate::reason::Reason;
use crate::request::event::Message;
use crate::rules::config_value::{Holes, Part};
use crate::rules::integrations::Integrations;
use crate::rules::topic_map::{Entry, TopicMap};
use crate::rules::topic_setting::{Filling, MAPPED_TYPES, RoutingMembers, Setting};
use json::javascript::{JsString, if_truthy, truthy};
use json::raw::Raw;

/// The topic settings of a destination, parsed once for all events.
#[derive(Debug, Default)]
pub struct Routing<'a> {
    default: Option<Setting<'a>>,
    maps: Option<Maps<'a>>,
}

#[derive(Debug)]
struct Maps<'a> {
    /// The value of `enableMultiTopic`, if it contains a template.
    switch: Option<Raw<'a>>,
    by_type: TopicMap<'a>,
    by_event: TopicMap<'a>,
}

impl<'a> Routing<'a> {
    /// Reads the topic settings of a Config.
    ///
    /// # Errors
    /// Fails if the meter halts the request.
    pub fn read(
        RoutingMembers([default, multi_topic, by_type, by_event]): RoutingMembers<'a>,
        family: &Family,
        holes: &Holes,
        usage: &Usage<'_>,
    ) -> Result<Self, Halt> {
        let switch = multi_topic.filter(|value| holes.are_in(*value));
        let has_maps = family.multi_topic && (switch.is_some() || truthy(multi_topic));
        let maps = if has_maps {
            Some(Maps {
                switch,
                by_type: TopicMap::of_types(by_type, holes, usage)?,
                by_event: TopicMap::of_events(by_event, holes, usage)?,
            })
        } else {
            None
        };
        Ok(Self { default: default.map(|default| Setting::of(default, holes)), maps })
    }

    /// The cost of choosing a topic, in units of work. The cost is the same for every event. It covers comparing entry
    /// names that contain templates, and filling values of which only a part is a template.
    #[must_use]
    pub fn work(&self) -> u64 {
        let of_default = self.default.as_ref().map_or(0, Setting::mixed_bytes);
        let of_maps = self.maps.as_ref().map_or(0, |maps| maps.by_type.work() + maps.by_event.work());
        of_default as u64 + of_maps
    }

    /// Chooses the topic of a message, and reports it to `observer`. `integrations` are the options from the same
    /// message.
    #[must_use]
    pub fn decide<'t>(
        &'t self,
        filling: Filling<'t>,
        family: &Family,
        message: &Message<'_>,
        integrations: &Integrations<'t>,
        usage: &Usage<'_>,
        observer: &mut impl Observer,
    ) -> Topic<'t> {
        let topic = self.choose(filling, family, message, integrations, usage, observer);
        observer.routed(&topic);
        topic
    }

    #[inline]
    fn choose<'t>(
        &'t self,
        filling: Filling<'t>,
        family: &Family,
        message: &Message<'_>,
        integrations: &Integrations<'t>,
        usage: &Usage<'_>,
        observer: &mut impl Observer,
    ) -> Topic<'t> {
        if let Some(value) = if_truthy(integrations.topic) {
            let text = Some(JsString::of(Some(value)));
            return Topic { value: Some(value), text, rule: TopicRule::Integrations };
        }
        observer.skipped(TopicRule::Integrations, || integrations.why_no_topic(message, family));
        match self.maps.as_ref().filter(|maps| maps.are_on(filling)) {
            Some(maps) => {
                if let Some((value, text, rule)) = maps.look_up(filling, message, usage, observer) {
                    return Topic { value: Some(value), text: Some(text), rule };
                }
            }
            None => skip_maps(observer, || match family.multi_topic {
                true => (Reason::MultiTopicOff, String::new()),
                false => (Reason::MapsNotSupported, family.name.to_owned()),
            }),
        }
        let Some((value, text)) = self.default.as_ref().map(|default| default.fill(filling, Part::Default, usage))
        else {
            observer.skipped(TopicRule::Default, || (Reason::TopicMissing, String::new()));
            return Topic { value: None, text: None, rule: TopicRule::None };
        };
        if text.is_some() {
            return Topic { value: Some(value), text, rule: TopicRule::Default };
        }
        observer.skipped(TopicRule::Default, || (Reason::TopicNotTruthy, String::new()));
        // A value that is not truthy is also part of the output, except `null` for some families.
        let value = Some(value).filter(|value| family.keeps_null_topic || !value.is_null());
        Topic { value, text: None, rule: TopicRule::None }
    }
}

/// Reports that neither topic map is used, and why.
fn skip_maps(observer: &mut impl Observer, why: impl Fn() -> (Reason, String)) {
    observer.skipped(TopicRule::EventType, &why);
    observer.skipped(TopicRule::EventName, &why);
}

impl Maps<'_> {
    fn are_on(&self, filling: Filling<'_>) -> bool {
        let Some(switch) = self.switch else { return true };
        // Arrays and objects are truthy, regardless of the values of their templates.
        let template = filling.holes.template_at(switch);
        template.is_none_or(|template| truthy(filling.values.of_template(template)))
    }

    fn look_up<'t>(
        &'t self,
        filling: Filling<'t>,
        message: &Message<'_>,
        usage: &Usage<'_>,
        observer: &mut impl Observer,
    ) -> Option<(Raw<'t>, JsString<'t>, TopicRule)> {
        let Some(kind) = message.kind.and_then(Raw::as_string) else {
            skip_maps(observer, || (Reason::TypeMissing, String::new()));
            return None;
        };
        if kind.is("track") {
            observer.skipped(TopicRule::EventType, || (Reason::TypeIsTrack, String::new()));
            let Some(event) = if_truthy(message.event) else {
                observer.skipped(TopicRule::EventName, || (Reason::EventMissing, String::new()));
                return None;
            };
            let name = JsString::of(Some(event)).into_decoded();
            let entry = self.by_event.find(&name, filling);
            let to = entry.as_ref().and_then(|entry| entry.topic(filling, usage));
            if to.is_none() {
                let reason = if entry.is_some() { Reason::EventEntryEmpty } else { Reason::EventWithoutEntry };
                observer.skipped(TopicRule::EventName, || (reason, as_received(&name)));
            }
            return to.map(|(value, text)| (value, text, TopicRule::EventName));
        }
        let mapped = MAPPED_TYPES.into_iter().find(|mapped| kind.is(mapped));
        let entry = mapped.map(|name| self.by_type.find(name.as_bytes(), filling));
        let to = entry.as_ref().and_then(|entry| entry.as_ref()?.topic(filling, usage));
        if to.is_none() {
            let name = || as_received(&kind.decoded());
            let reason = match entry {
                None => Reason::TypeNotMapped,
                Some(None) => Reason::TypeWithoutEntry,
                Some(Some(_)) => Reason::TypeEntryEmpty,
            };
            observer.skipped(TopicRule::EventType, || (reason, name()));
            observer.skipped(TopicRule::EventName, || (Reason::TypeIsNotTrack, name()));
        }
        to.map(|(value, text)| (value, text, TopicRule::EventType))
    }
}

impl<'t> Entry<'t> {
    /// Returns the value of the topic and the result of `String(value)`, if the value is truthy.
    fn topic(&self, filling: Filling<'t>, usage: &Usage<'_>) -> Option<(Raw<'t>, JsString<'t>)> {
        match self {
            Entry::Setting(setting) => {
                let (value, text) = setting.as_ref()?.fill(filling, Part::Entry, usage);
                Some((value, text?))
            }
            Entry::FromEvent(to) => if_truthy(*to).map(|value| (value, JsString::of(Some(value)))),
        }
    }
}
