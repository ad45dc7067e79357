//! The reasons why a transformed event does not reach Kafka, or not as intended, as a table.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use json::raw::Raw;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $text:literal;)*) => {
        /// A reason for which a transformed event does not reach Kafka.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ProblemCode { $($(#[$doc])* $name,)* }

        impl ProblemCode {
            /// Every reason, in the order in which they are reported.
            pub const ALL: &'static [ProblemCode] = &[$(ProblemCode::$name,)*];

            /// The reason as a stable identifier.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(ProblemCode::$name => $code,)* }
            }

            /// The message; `{}` is replaced with the part that depends on the event.
            #[must_use]
            pub fn pattern(self) -> &'static str {
                match self { $(ProblemCode::$name => $text,)* }
            }
        }
    };
}

problems! {
    /// docs/contract.md#config-topic: an empty topic in the Config stops the whole destination.
    ConfigTopicEmpty, "config_topic_empty",
        "Config.topic is empty, so the destination does not start, even for events with a topic of their own; set it";
    /// docs/contract.md#config-topic: the producer cannot read the Config.
    ConfigTopicNotAString, "config_topic_not_a_string",
        "Config.topic is not a string, so the destination does not start; put it in quotes";
    /// docs/contract.md#delivery-by-rudder-server: an event without a topic.
    NoTopic, "no_topic", "the event has no topic, so rudder-server drops it";
    /// docs/contract.md#topic-any-value passes any truthy value on; a topic's name is a string.
    TopicNotAString, "topic_not_a_string", "the topic is not a string";
    /// docs/contract.md#delivery-by-rudder-server: Kafka's rules for names.
    TopicIllegal, "topic_illegal", "Kafka does not allow the name of the topic: {}";
    /// docs/contract.md#delivery-by-rudder-server: the producer's limit.
    RecordTooLarge, "record_too_large", "the record has {} bytes, more than Router.KAFKA.batchBytes allows";
    /// docs/contract.md#delivery-by-rudder-server: no setting says how the message is encoded.
    SchemaIdMissing, "schema_id_missing",
        "Config.convertToAvro is on and the event has no schemaId in its integrations object";
    /// docs/contract.md#config-avro: the schema is not in the Config.
    SchemaIdUnknown, "schema_id_unknown", "Config.convertToAvro is on and Config.avroSchemas has no schema with the event's schemaId";
    /// docs/contract.md#config-avro-schemas: a schema by the rules of goavro.
    AvroSchemaInvalid, "avro_schema_invalid",
        "Config.convertToAvro is on and the producer cannot read a schema of Config.avroSchemas, so the destination does not start: {}";
    /// docs/contract.md#config-avro-schemas: a union's value names its branch.
    AvroUnionValue, "avro_union_value", "the value of a union in the Avro schema has to name its branch: {}";
    /// goavro rejects a record with missing fields.
    AvroFieldMissing, "avro_field_missing", "the event lacks a field of the Avro schema, which has no default for it: {}";
    /// goavro encodes no record with other fields.
    AvroFieldUnknown, "avro_field_unknown", "the event has a field that the Avro schema lacks: {}";
    /// goavro converts no types.
    AvroWrongType, "avro_wrong_type", "a value does not have the type that the Avro schema wants: {}";
    /// goavro encodes it, and consumers read another value.
    AvroNullIsNan, "avro_null_is_nan", "null is encoded as NaN, because the type in the Avro schema is not a union with null: {}";
    /// goavro encodes it, and consumers read another value.
    AvroDecimalIsText, "avro_decimal_is_text",
        "the bytes of the string are encoded as the decimal, so \"1.5\" does not become 1.5: {}";
    /// A limit of this comparison is exceeded.
    AvroNotCompared, "avro_not_compared", "the event was not compared with its Avro schema: {}";
}

impl ProblemCode {
    /// Whether the topic of the event is at fault.
    #[must_use]
    pub fn is_of_the_topic(self) -> bool {
        matches!(self, Self::NoTopic | Self::TopicNotAString | Self::TopicIllegal)
    }

    /// Whether rudder-server produces the event anyway.
    #[must_use]
    pub fn is_warning(self) -> bool {
        matches!(self, Self::AvroNullIsNan | Self::AvroDecimalIsText | Self::AvroNotCompared)
    }
}

/// Why a transformed event does not reach Kafka.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The reason.
    #[serde(serialize_with = "as_word")]
    pub code: ProblemCode,
    /// The reason as text. The only parts of the event in it are an invalid character of a topic name and the paths of
    /// fields.
    pub text: Cow<'static, str>,
}

fn as_word<S: Serializer>(code: &ProblemCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.code())
}

impl Problem {
    pub(super) fn of(code: ProblemCode) -> Self {
        Self { code, text: Cow::Borrowed(code.pattern()) }
    }

    pub(super) fn about(code: ProblemCode, what: &str) -> Self {
        Self { code, text: Cow::Owned(code.pattern().replacen("{}", what, 1)) }
    }
}

/// The problems and warnings of a transformed event.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Why it does not reach Kafka; empty if it does.
    pub problems: Vec<Problem>,
    /// What reaches Kafka differently from what was probably intended, or was not examined.
    pub warnings: Vec<Problem>,
}

/// Returns a field as the producer reads it: by its exact name, otherwise case-insensitively.
pub(super) fn in_any_case<'a>(object: Raw<'a>, name: &str) -> Option<Raw<'a>> {
    let mut found = None;
    object.for_each_member(|key, value| {
        let key = key.decoded();
        if key.eq_ignore_ascii_case(name.as_bytes()) && (*key == *name.as_bytes() || found.is_none()) {
            found = Some(value);
        }
    });
    found
}
