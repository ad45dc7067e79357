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

            /// Returns the stable identifier of the reason.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(ProblemCode::$name => $code,)* }
            }

            /// Returns the reason as text, in which `{}` stands for the part that depends on the event or the
            /// destination.
            #[must_use]
            pub fn pattern(self) -> &'static str {
                match self { $(ProblemCode::$name => $text,)* }
            }
        }
    };
}

problems! {
    /// `Config.topic` is empty, so the destination does not start (docs/contract.md#config-topic).
    ConfigTopicEmpty, "config_topic_empty",
        "Config.topic is empty, so the destination does not start, even if every event has its own topic; set Config.topic";
    /// `Config.topic` is not a string, so the producer cannot read the Config (docs/contract.md#config-topic).
    ConfigTopicNotAString, "config_topic_not_a_string",
        "Config.topic is not a string, so the destination does not start; put the value in quotes";
    /// The event has no topic (docs/contract.md#delivery-by-rudder-server).
    NoTopic, "no_topic", "the event has no topic, so rudder-server drops it";
    /// The topic is not a string. The transformation passes on any truthy topic, but Kafka needs a string
    /// (docs/contract.md#topic-any-value).
    TopicNotAString, "topic_not_a_string", "the topic is not a string";
    /// The topic violates Kafka's rules for topic names (docs/contract.md#delivery-by-rudder-server).
    TopicIllegal, "topic_illegal", "Kafka does not allow the name of the topic: {}";
    /// The record exceeds the producer's maximum record size (docs/contract.md#delivery-by-rudder-server).
    RecordTooLarge, "record_too_large", "the record has {} bytes, more than Router.KAFKA.batchBytes allows";
    /// The event does not name its Avro schema (docs/contract.md#delivery-by-rudder-server).
    SchemaIdMissing, "schema_id_missing",
        "Config.convertToAvro is on, but the event has no schemaId in its integrations object";
    /// The Config does not contain the Avro schema that the event refers to (docs/contract.md#config-avro).
    SchemaIdUnknown, "schema_id_unknown",
        "Config.convertToAvro is on, but Config.avroSchemas has no schema with the event's schemaId";
    /// A schema in the Config violates the rules of goavro, the producer's Avro library
    /// (docs/contract.md#config-avro-schemas).
    AvroSchemaInvalid, "avro_schema_invalid",
        "Config.convertToAvro is on, but the producer cannot read a schema of Config.avroSchemas, so the destination does not start: {}";
    /// The value of a union does not name its branch (docs/contract.md#config-avro-schemas).
    AvroUnionValue, "avro_union_value", "the value of a union in the Avro schema must name its branch: {}";
    /// The event lacks a field that the schema requires, so goavro rejects the event.
    AvroFieldMissing, "avro_field_missing", "the event lacks a field that has no default in the Avro schema: {}";
    /// The event has a field that the schema lacks, so goavro rejects the event.
    AvroFieldUnknown, "avro_field_unknown", "the event has a field that the Avro schema lacks: {}";
    /// A value does not have the type that the schema requires. goavro does not convert types.
    AvroWrongType, "avro_wrong_type", "a value does not have the type that the Avro schema requires: {}";
    /// goavro encodes `null` as NaN, so consumers read a value that the event does not contain.
    AvroNullIsNan, "avro_null_is_nan", "null is encoded as NaN, because the type in the Avro schema is not a union with null: {}";
    /// For a decimal that is given as a string, goavro encodes the bytes of the string, so consumers read a different
    /// number.
    AvroDecimalIsText, "avro_decimal_is_text",
        "the bytes of the string become the bytes of the decimal, so the string \"1.5\" does not become the number 1.5: {}";
    /// The event was not compared with its schema, for example because the schema exceeds a limit.
    AvroNotCompared, "avro_not_compared", "the event was not compared with its Avro schema: {}";
}

impl ProblemCode {
    /// Whether the event's topic is the problem.
    #[must_use]
    pub fn is_of_the_topic(self) -> bool {
        matches!(self, Self::NoTopic | Self::TopicNotAString | Self::TopicIllegal)
    }

    /// Whether this is only a warning: rudder-server is expected to produce the event in spite of it.
    #[must_use]
    pub fn is_warning(self) -> bool {
        matches!(self, Self::AvroNullIsNan | Self::AvroDecimalIsText | Self::AvroNotCompared)
    }
}

/// A problem or warning of a transformed event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The reason, which is serialized as its stable identifier.
    #[serde(serialize_with = "as_word")]
    pub code: ProblemCode,
    /// The reason as text. The only parts of the event in this text are paths of fields and an invalid character of the
    /// topic.
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
    /// The reasons why the event does not reach Kafka; empty if the event reaches Kafka.
    pub problems: Vec<Problem>,
    /// The warnings. Each warning means that a value in the record is probably unintended, or that the event was not
    /// completely checked against the Avro schema.
    pub warnings: Vec<Problem>,
}

/// Looks up a field as the producer does: by its exact name or, if no field has that name, ignoring case.
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
