//! The reasons why a rule did not apply, as a table. Only explanations show these reasons; responses do not depend on
//! them.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $text:literal;)*) => {
        /// The reason why a rule was skipped.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All reasons.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The reason as a stable identifier.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)* }
            }

            /// The message, in which `{}` is a placeholder for the name that the message refers to.
            fn pattern(self) -> &'static str {
                match self { $(Reason::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// docs/contract.md#integrations-object: the message has no options for any destination.
    IntegrationsMissing, "integrations_missing", "the message has no integrations";
    /// docs/contract.md#integrations-order: the message has no options for this destination.
    IntegrationsNotNamed, "integrations_not_named", "message.integrations has no truthy field {}";
    /// docs/contract.md#integrations-truthy: a truthy value that is not an object contains no options, and no further
    /// names are tried.
    IntegrationsNotAnObject, "integrations_not_an_object",
        "message.integrations.{} is not an object, so it contains no topic";
    /// docs/contract.md#topic-integrations: the options have no truthy topic.
    IntegrationsWithoutTopic, "integrations_without_topic", "message.integrations.{} has no truthy topic";
    /// docs/contract.md#family-no-maps: only Kafka destinations use topic maps.
    MapsNotSupported, "maps_not_supported", "topic maps are read for Kafka only, not for {}";
    /// docs/contract.md#topic-multi-topic: the Config does not enable topic maps.
    MultiTopicOff, "multi_topic_off", "Config.enableMultiTopic is not truthy";
    /// docs/contract.md#topic-multi-topic: neither topic map is used for a message without a type.
    TypeMissing, "type_missing", "message.type is missing or not a string";
    /// docs/contract.md#topic-event-type: `track` events use `eventToTopicMap`.
    TypeIsTrack, "type_is_track", "message.type is \"track\"; track events are looked up by name in eventToTopicMap instead";
    /// docs/contract.md#topic-event-name: only `track` events use `eventToTopicMap`.
    TypeIsNotTrack, "type_is_not_track", "message.type is \"{}\", but event names are looked up only for the type \"track\"";
    /// docs/contract.md#topic-event-type: `eventTypeToTopicMap` does not support the type of the message.
    TypeNotMapped, "type_not_mapped",
        "message.type is \"{}\", but eventTypeToTopicMap supports only identify, screen, page, group and alias (lowercase)";
    /// docs/contract.md#topic-event-type: the map has no entry for the type of the message.
    TypeWithoutEntry, "type_without_entry", "eventTypeToTopicMap has no entry for \"{}\"";
    /// docs/contract.md#topic-maps: the last entry for a name wins, even if it has no topic.
    TypeEntryEmpty, "type_entry_empty", "the last entry for \"{}\" in eventTypeToTopicMap has no truthy `to`";
    /// docs/contract.md#topic-event-name: the `track` event has no name to look up.
    EventMissing, "event_missing", "message.event is missing or not truthy";
    /// docs/contract.md#topic-event-name: the map has no entry for the name of the event.
    EventWithoutEntry, "event_without_entry", "eventToTopicMap has no entry for \"{}\"";
    /// docs/contract.md#topic-maps: the last entry for a name wins, even if it has no topic.
    EventEntryEmpty, "event_entry_empty", "the last entry for \"{}\" in eventToTopicMap has no truthy `to`";
    /// docs/contract.md#topic-falsy-kept: the Config has no default topic.
    TopicMissing, "topic_missing", "Config has no topic";
    /// docs/contract.md#topic-falsy-kept: a topic that is not truthy is still part of the output.
    TopicNotTruthy, "topic_not_truthy", "Config.topic is not truthy";
    /// docs/contract.md#timestamp-channel: the timestamp is set only for reverse-ETL events.
    ChannelNotSources, "channel_not_sources", "message.channel is not \"sources\", so it is not a reverse-ETL event";
    /// docs/contract.md#timestamp-types: the timestamp is set only for `identify` and `track` events.
    TypeNotStamped, "type_not_stamped", "message.type is neither identify nor track";
    /// docs/contract.md#timestamp-mapped: a message with this flag keeps its timestamp.
    MappedToDestination, "mapped_to_destination", "message.context.mappedToDestination is truthy";
}

/// The maximum length of a name that a message quotes from the event, in characters.
const MAX_NAME_CHARACTERS: usize = 100;

impl Reason {
    /// Returns the message. `about` is the name that the message refers to, if any. A long name is truncated.
    #[must_use]
    pub fn text(self, about: &str) -> String {
        let Some((before, after)) = self.pattern().split_once("{}") else { return self.pattern().to_owned() };
        match about.char_indices().nth(MAX_NAME_CHARACTERS) {
            Some((end, _)) => format!("{before}{}…{after}", &about[..end]),
            None => format!("{before}{about}{after}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn reason_codes_are_unique_and_reason_texts_truncate_long_names() {
        let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        assert_eq!(Reason::TypeWithoutEntry.text("page"), "eventTypeToTopicMap has no entry for \"page\"");
        assert_eq!(Reason::MultiTopicOff.text("page"), "Config.enableMultiTopic is not truthy");
        for reason in Reason::ALL {
            assert!(reason.text(&"ü".repeat(1000)).chars().count() < 250, "{}", reason.code());
        }
    }
}
