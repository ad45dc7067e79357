//! What the message itself asks of the destination (contract, section 3.3).

use super::event::Message;
use super::family::Family;
use super::javascript::if_truthy;
use super::json::Raw;

/// The members of the integrations object that count.
#[derive(Debug, Clone, Copy, Default)]
pub struct Integrations<'a> {
    /// `topic`.
    pub topic: Option<Raw<'a>>,
    /// `schemaId`.
    pub schema_id: Option<Raw<'a>>,
}

impl<'a> Integrations<'a> {
    /// Reads the first truthy integrations object under one of the family's names. Only an object can carry anything,
    /// but any truthy value hides the ones behind it.
    #[must_use]
    pub fn of(message: &Message<'a>, family: &Family) -> Self {
        if message.integrations.is_none() && message.dotted_integrations.is_empty() {
            return Self::default();
        }
        let nested = message.integrations.map_or([None; 3], |integrations| integrations.members(family.integrations));
        let found = (0..nested.len()).find_map(|index| {
            let literal = literal(message, family.integrations[index]);
            if_truthy(literal.or(nested[index]))
        });
        let [topic, schema_id] = found.map_or([None; 2], |object| object.members(["topic", "schemaId"]));
        Self { topic, schema_id }
    }
}

/// The member of the message that is literally named `integrations.<name>`: it hides the nested one.
fn literal<'a>(message: &Message<'a>, name: &str) -> Option<Raw<'a>> {
    let is_literal = |key: &[u8]| key.strip_prefix(b"integrations.") == Some(name.as_bytes());
    message.dotted_integrations.iter().rev().find(|(key, _)| is_literal(&key.decoded())).map(|(_, value)| *value)
}
