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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::family::KAFKA;
    use crate::transform::processor;
    use crate::transform::request::{Form, Limits};

    fn origin(body: &str) -> Origin {
        let limits = Limits { events: 10, answer_bytes: 1 << 20 };
        processor::answer(&KAFKA, body, Form::Plain, "", limits).unwrap().origin
    }

    #[test]
    fn the_first_event_that_is_one_tells_for_all() {
        let event = |kind: &str| {
            format!(
                r#"{{"message":{{}},"metadata":{{"sourceType":"{kind}","destinationType":"KAFKA","namespace":"n"}}}}"#
            )
        };
        let first = origin(&format!("[null,{},{}]", event("web"), event("cloud")));
        assert_eq!(first.values(), ["web", "KAFKA", "n"]);
        assert_eq!(origin(&format!(r#"[{{"metadata":7}},{}]"#, event("web"))), Origin::default());
        assert_eq!(origin("[null]"), Origin::default());
    }

    #[test]
    fn what_is_no_string_is_empty_and_what_is_long_is_cut() {
        let of = |value: &str| origin(&format!(r#"[{{"metadata":{{"sourceType":{value}}}}}]"#)).source_type;
        assert_eq!(of("7"), "");
        assert_eq!(of("null"), "");
        assert_eq!(of(r#""w\u0065b""#), "web");
        assert_eq!(of(r#""\ud800""#).chars().last(), Some('\u{fffd}'));
        assert_eq!(of(&format!("\"{}\"", "x".repeat(128))).len(), 128);
        assert_eq!(of(&format!("\"{}\"", "x".repeat(129))).len(), 128);
    }
}
