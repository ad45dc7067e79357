//! A table of the reasons why a transformed event does not reach Kafka, or is not produced as intended.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use json::raw::Raw;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $text:literal;)*) => {
        /// A reason why a transformed event does not reach Kafka or is not produced as intended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ProblemCode { $($(#[$doc])* $name,)* }

        impl ProblemCode {
            /// All reasons, in the order in which they are reported.
            pub const ALL: &'static [ProblemCode] = &[$(ProblemCode::$name,)*];

            /// The reason as a stable identifier.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(ProblemCode::$name => $code,)* }
            }

            /// The message, in which `{}` stands for the part that depends on the event.
            #[must_use]
            pub fn pattern(self) -> &'static str {
                match self { $(ProblemCode::$name => $text,)* }
            }
        }
    };
}

problems! {
    /// docs/contract.md#config-topic: a destination with an empty topic does not start.
    ConfigTopicEmpty, "config_topic_empty",
        "Config.topic is empty, so the destination does not start, even if every event has its own topic; set it";
    /// docs/contract.md#config-topic: the producer cannot read the Config.
    ConfigTopicNotAString, "config_topic_not_a_string",
        "Config.topic is not a string, so the destination does not start; put it in quotes";
    /// docs/contract.md#delivery-by-rudder-server: an event without a topic.
    NoTopic, "no_topic", "the event has no topic, so rudder-server drops it";
    /// docs/contract.md#topic-any-value: any truthy value is passed on, but the name of a topic is a string.
    TopicNotAString, "topic_not_a_string", "the topic is not a string";
    /// docs/contract.md#delivery-by-rudder-server: Kafka's rules for topic names.
    TopicIllegal, "topic_illegal", "Kafka does not allow the name of the topic: {}";
    /// docs/contract.md#delivery-by-rudder-server: the producer's maximum record size.
    RecordTooLarge, "record_too_large", "the record has {} bytes, more than Router.KAFKA.batchBytes allows";
    /// docs/contract.md#delivery-by-rudder-server: the event does not name its schema.
    SchemaIdMissing, "schema_id_missing",
        "Config.convertToAvro is on, but the event has no schemaId in its integrations object";
    /// docs/contract.md#config-avro: the schema is not in the Config.
    SchemaIdUnknown, "schema_id_unknown",
        "Config.convertToAvro is on, but Config.avroSchemas has no schema with the event's schemaId";
    /// docs/contract.md#config-avro-schemas: a schema must follow the rules of goavro.
    AvroSchemaInvalid, "avro_schema_invalid",
        "Config.convertToAvro is on, but the producer cannot read a schema of Config.avroSchemas, so the destination does not start: {}";
    /// docs/contract.md#config-avro-schemas: the value of a union names its branch.
    AvroUnionValue, "avro_union_value", "the value of a union in the Avro schema must name its branch: {}";
    /// goavro rejects a record with missing fields.
    AvroFieldMissing, "avro_field_missing", "the event lacks a field of the Avro schema, which has no default for it: {}";
    /// goavro rejects a record with fields that the schema does not have.
    AvroFieldUnknown, "avro_field_unknown", "the event has a field that the Avro schema lacks: {}";
    /// goavro does not convert types.
    AvroWrongType, "avro_wrong_type", "a value does not have the type that the Avro schema requires: {}";
    /// goavro encodes the value, but consumers read another one.
    AvroNullIsNan, "avro_null_is_nan", "null is encoded as NaN, because the type in the Avro schema is not a union with null: {}";
    /// goavro encodes the value, but consumers read another one.
    AvroDecimalIsText, "avro_decimal_is_text",
        "the bytes of the string are encoded as the decimal, so \"1.5\" does not become 1.5: {}";
    /// The comparison exceeds a limit.
    AvroNotCompared, "avro_not_compared", "the event was not compared with its Avro schema: {}";
}

impl ProblemCode {
    /// Whether the event's topic is the problem.
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

/// A problem or warning of a transformed event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The reason.
    #[serde(serialize_with = "as_word")]
    pub code: ProblemCode,
    /// The reason as text. The only parts of the event that it contains are an invalid character of a topic name and
    /// the paths of fields.
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
    /// Why the event does not reach Kafka; empty if the event does reach it.
    pub problems: Vec<Problem>,
    /// Parts of the record that are probably unintended, or that were not checked against its Avro schema.
    pub warnings: Vec<Problem>,
}

/// Returns a field the way the producer looks it up: by its exact name, or else ignoring case.
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
