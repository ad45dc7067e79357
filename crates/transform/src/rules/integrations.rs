//! Reads the options for the destination from the message's integrations object (docs/contract.md#integrations-object).

use crate::family::Family;
use crate::reason::Reason;
use crate::request::event::Message;
use json::javascript::if_truthy;
use json::raw::Raw;

/// The options for one destination in the message's integrations object.
#[derive(Debug, Clone, Copy, Default)]
pub struct Integrations<'a> {
    /// The option `topic`.
    pub topic: Option<Raw<'a>>,
    /// The option `schemaId`.
    pub schema_id: Option<Raw<'a>>,
    /// The first name in [`Family::integrations`] whose value is truthy, and that value.
    found: Option<(&'static str, Raw<'a>)>,
}

impl<'a> Integrations<'a> {
    /// Reads the options under the first name in [`Family::integrations`] whose value is truthy. After a truthy value,
    /// no further names are tried, even if the value is not an object and therefore contains no options.
    #[must_use]
    pub fn of(message: &Message<'a>, family: &Family) -> Self {
        if message.integrations.is_none() && message.dotted_integrations.is_empty() {
            return Self::default();
        }
        // Fast path: SDKs send this unless an application sets other integrations.
        let integrations = message.integrations.filter(|integrations| integrations.text() != r#"{"All":true}"#);
        let nested = integrations.map_or([None; 3], |integrations| integrations.members(family.integrations));
        let found = (0..nested.len()).find_map(|index| {
            let name = family.integrations[index];
            Some((name, if_truthy(literal(message, name).or(nested[index]))?))
        });
        let [topic, schema_id] = found.map_or([None; 2], |(_, object)| object.members(["topic", "schemaId"]));
        Self { topic, schema_id, found }
    }

    /// Returns the reason why the integrations set no topic, and the name that the reason refers to.
    #[must_use]
    pub fn why_no_topic(&self, message: &Message<'_>, family: &Family) -> (Reason, String) {
        match self.found {
            Some((name, object)) if object.is_object() => (Reason::IntegrationsWithoutTopic, name.to_owned()),
            Some((name, _)) => (Reason::IntegrationsNotAnObject, name.to_owned()),
            None if message.integrations.is_none() => (Reason::IntegrationsMissing, String::new()),
            None => {
                let [first, second, third] = family.integrations;
                (Reason::IntegrationsNotNamed, format!("{first}, {second} or {third}"))
            }
        }
    }
}

/// Returns the value of the message's field that is literally called `integrations.<name>`. Such a field hides the
/// field `<name>` inside `integrations`.
fn literal<'a>(message: &Message<'a>, name: &str) -> Option<Raw<'a>> {
    message.dotted_integrations.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}
