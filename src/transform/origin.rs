//! Where the events of a request come from, as the metadata of its first event tell. No answer depends on it.

use super::event::Metadata;
use super::javascript::JsString;
use super::json::Raw;

/// The members that metrics are told apart by; empty where they are missing or no strings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// `sourceType`.
    pub source_type: String,
    /// `destinationType`.
    pub destination_type: String,
    /// `namespace`.
    pub namespace: String,
}

/// Longer values are cut, a bit above what anybody would tell apart: they may be as large as a request.
const MAX_BYTES: usize = 128;

impl Origin {
    /// What one event's metadata tell.
    #[must_use]
    pub fn of(metadata: &Metadata<'_>) -> Self {
        Self {
            source_type: text(metadata.source_type),
            destination_type: text(metadata.destination_type),
            namespace: text(metadata.namespace),
        }
    }

    /// The three values.
    #[must_use]
    pub fn values(&self) -> [&str; 3] {
        [&self.source_type, &self.destination_type, &self.namespace]
    }
}

fn text(value: Option<Raw<'_>>) -> String {
    let Some(value) = value.filter(|value| value.as_string().is_some()) else {
        return String::new();
    };
    let decoded = JsString::of(Some(value)).into_decoded();
    let text = String::from_utf8_lossy(&decoded[..decoded.len().min(MAX_BYTES)]);
    text.into_owned()
}
