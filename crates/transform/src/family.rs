//! The destination types that this service supports, as a table (docs/contract.md#processor-transformation,
//! docs/contract.md#azure-event-hubs-and-confluent-cloud).

/// A destination type, and how it differs from the other destination types.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// The name in URL paths and in the field `destType` of requests, in lowercase. Requests may use any letter case.
    pub name: &'static str,
    /// The name in `statTags.destType`.
    pub dest_type: &'static str,
    /// The names under which `message.integrations` can contain options for this destination type. The first name with
    /// a truthy value wins (docs/contract.md#integrations-order, docs/contract.md#family-integrations).
    pub integrations: [&'static str; 3],
    /// Whether the `schemaId` of the integrations object is part of the output.
    pub schema_id: bool,
    /// Whether the topic maps of the Config are used (docs/contract.md#topic-multi-topic,
    /// docs/contract.md#family-no-maps).
    pub multi_topic: bool,
    /// Whether a `null` topic of the Config is part of the output.
    pub keeps_null_topic: bool,
    /// Whether `/batch` groups events (docs/contract.md#batch-groups, docs/contract.md#family-batch).
    pub batches: bool,
}

/// Apache Kafka.
pub static KAFKA: Family = Family {
    name: "kafka",
    dest_type: "KAFKA",
    integrations: ["KAFKA", "kafka", "Kafka"],
    schema_id: true,
    multi_topic: true,
    keeps_null_topic: false,
    batches: true,
};

/// Azure Event Hubs.
pub static AZURE_EVENT_HUB: Family = Family {
    name: "azure_event_hub",
    dest_type: "AZURE_EVENT_HUB",
    integrations: ["AZURE_EVENT_HUB", "azure_event_hub", "AzureEventHub"],
    schema_id: false,
    multi_topic: false,
    keeps_null_topic: true,
    batches: false,
};

/// Confluent Cloud.
pub static CONFLUENT_CLOUD: Family = Family {
    name: "confluent_cloud",
    dest_type: "CONFLUENT_CLOUD",
    integrations: ["CONFLUENT_CLOUD", "confluent_cloud", "ConfluentCloud"],
    schema_id: false,
    multi_topic: false,
    keeps_null_topic: true,
    batches: false,
};

/// All destination types.
pub static FAMILIES: [&Family; 3] = [&KAFKA, &AZURE_EVENT_HUB, &CONFLUENT_CLOUD];

impl Family {
    /// Returns the destination type called `name`, ignoring case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Family> {
        FAMILIES.into_iter().find(|family| family.is_called(name))
    }

    /// Returns the destination type for a user's spelling of its name, such as `Confluent Cloud`, `azure-event-hubs` or
    /// `KAFKA`. Case, `_`, `-`, spaces, `Apache` at the start and `s` at the end are ignored.
    #[must_use]
    pub fn by_spelling(name: &str) -> Option<&'static Family> {
        let letters = |name: &str| -> String {
            let letters = name.chars().filter(|letter| !matches!(letter, '_' | '-' | ' '));
            letters.map(|letter| letter.to_ascii_lowercase()).collect()
        };
        let name = letters(name);
        let name = name.strip_prefix("apache").unwrap_or(&name);
        let name = name.strip_suffix('s').unwrap_or(name);
        FAMILIES.into_iter().find(|family| letters(family.name) == name)
    }

    /// Whether `name` is the name of the destination type, ignoring case.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_found_by_different_spellings_of_its_name() {
        for (spelled, family) in [
            ("kafka", Some(&KAFKA)),
            ("KAFKA", Some(&KAFKA)),
            ("Apache Kafka", Some(&KAFKA)),
            ("confluent-cloud", Some(&CONFLUENT_CLOUD)),
            ("ConfluentCloud", Some(&CONFLUENT_CLOUD)),
            ("Azure Event Hubs", Some(&AZURE_EVENT_HUB)),
            ("AZURE_EVENT_HUB", Some(&AZURE_EVENT_HUB)),
            ("kinesis", None),
            ("", None),
        ] {
            assert_eq!(Family::by_spelling(spelled), family, "{spelled}");
        }
        assert_eq!(Family::by_name("Apache Kafka"), None);
    }
}
