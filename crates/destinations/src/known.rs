//! The fields of a Config, as a table (docs/contract.md#destination-configuration).

use strsim::levenshtein;
use transform::family::{AZURE_EVENT_HUB, CONFLUENT_CLOUD, FAMILIES, Family, KAFKA};

/// The type of value that a field must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A string.
    Text,
    /// `true` or `false`.
    Flag,
    /// An array.
    List,
}

impl ValueKind {
    /// Returns the type as a noun, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ValueKind::Text => "a string",
            ValueKind::Flag => "true or false",
            ValueKind::List => "an array",
        }
    }
}

/// The component that reads a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The transformation, which replaces templates with values and matches names exactly. The producer also reads the
    /// field `topic`.
    Routing,
    /// The producer, which uses values verbatim and matches names case-insensitively.
    Producer,
    /// The producer, as with `Producer`. In addition, the value is a secret.
    Secret,
}

/// A field of a Config.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// The name of the field.
    pub name: &'static str,
    /// The required type of the value.
    pub form: ValueKind,
    /// The component that reads the field.
    pub role: Role,
    /// The destination types that have the field.
    pub families: &'static [&'static Family],
}

const fn known(name: &'static str, form: ValueKind, role: Role, families: &'static [&'static Family]) -> Known {
    Known { name, form, role, families }
}

static SERVICES: [&Family; 2] = [&AZURE_EVENT_HUB, &CONFLUENT_CLOUD];
static OF_KAFKA: [&Family; 1] = [&KAFKA];
static OF_AZURE: [&Family; 1] = [&AZURE_EVENT_HUB];
static OF_CONFLUENT: [&Family; 1] = [&CONFLUENT_CLOUD];

/// All fields of a Config.
pub static MEMBERS: [Known; 23] = [
    known("topic", ValueKind::Text, Role::Routing, &FAMILIES),
    known("hostName", ValueKind::Text, Role::Producer, &OF_KAFKA),
    known("port", ValueKind::Text, Role::Producer, &OF_KAFKA),
    known("sslEnabled", ValueKind::Flag, Role::Producer, &OF_KAFKA),
    known("caCertificate", ValueKind::Text, Role::Producer, &OF_KAFKA),
    known("useSASL", ValueKind::Flag, Role::Producer, &OF_KAFKA),
    known("saslType", ValueKind::Text, Role::Producer, &OF_KAFKA),
    known("username", ValueKind::Text, Role::Secret, &OF_KAFKA),
    known("password", ValueKind::Text, Role::Secret, &OF_KAFKA),
    known("convertToAvro", ValueKind::Flag, Role::Producer, &OF_KAFKA),
    known("embedAvroSchemaID", ValueKind::Flag, Role::Producer, &OF_KAFKA),
    known("avroSchemas", ValueKind::List, Role::Producer, &OF_KAFKA),
    known("enableMultiTopic", ValueKind::Flag, Role::Routing, &OF_KAFKA),
    known("eventTypeToTopicMap", ValueKind::List, Role::Routing, &OF_KAFKA),
    known("eventToTopicMap", ValueKind::List, Role::Routing, &OF_KAFKA),
    known("useSSH", ValueKind::Flag, Role::Producer, &OF_KAFKA),
    known("sshHost", ValueKind::Text, Role::Producer, &OF_KAFKA),
    known("sshPort", ValueKind::Text, Role::Producer, &OF_KAFKA),
    known("sshUser", ValueKind::Text, Role::Producer, &OF_KAFKA),
    known("bootstrapServer", ValueKind::Text, Role::Producer, &SERVICES),
    known("eventHubsConnectionString", ValueKind::Text, Role::Secret, &OF_AZURE),
    known("apiKey", ValueKind::Text, Role::Secret, &OF_CONFLUENT),
    known("apiSecret", ValueKind::Text, Role::Secret, &OF_CONFLUENT),
];

impl Known {
    /// Returns the field called `name`, ignoring case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Known> {
        MEMBERS.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }

    /// Returns the field of `family` whose name was probably misspelled as `name`. The two names differ by at most two
    /// edits.
    #[must_use]
    pub fn like(name: &str, family: &Family) -> Option<&'static Known> {
        if name.len() > 40 {
            return None;
        }
        let name = name.to_lowercase();
        MEMBERS
            .iter()
            .filter(|known| known.is_of(family))
            .map(|known| (levenshtein(&name, &known.name.to_lowercase()), known))
            .filter(|(edits, known)| *edits <= if known.name.len() < 8 { 1 } else { 2 })
            .min_by_key(|(edits, _)| *edits)
            .map(|(_, known)| known)
    }

    /// Whether a Config of `family` can have this field.
    #[must_use]
    pub fn is_of(&self, family: &Family) -> bool {
        self.families.contains(&family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_name_most_similar_to_a_misspelled_config_field_name_is_found() {
        for (name, expected) in [
            ("hostNames", Some("hostName")),
            ("eventToTopicsMap", Some("eventToTopicMap")),
            ("topics", Some("topic")),
            ("sslEnable", Some("sslEnabled")),
            ("connectionMode", None),
            ("useNativeSDK", None),
            ("host", None),
            ("consentManagement", None),
        ] {
            assert_eq!(Known::like(name, &KAFKA).map(|known| known.name), expected, "{name}");
        }
        assert_eq!(Known::like("apiKeys", &KAFKA), None);
    }
}
