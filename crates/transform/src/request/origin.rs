//! The origin of a request: the metric labels that come from the request's first event
//! (docs/contract.md#metric-labels).
//!
//! Responses do not depend on the origin.

use std::borrow::Cow;

use crate::request::event::Metadata;
use json::javascript::JsString;
use json::raw::{Kind, Raw};

/// The fields of the first event that become metric labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The integer part of `destination.version`; `1` if the version is missing or not a number.
    pub destination_version: Label,
    /// `metadata.sourceType`; the text `undefined` if that field is missing or not a string.
    pub source_type: Label,
    /// `metadata.destinationType`; the text `undefined` if that field is missing or not a string.
    pub destination_type: Label,
    /// `metadata.namespace`; the text `undefined` if that field is missing or not a string.
    pub namespace: Label,
}

/// The value of a metric label.
type Label = Cow<'static, str>;

/// The text that JavaScript prints for a missing field.
const UNDEFINED: Label = Cow::Borrowed("undefined");
/// The version label for a destination without a valid version.
const FIRST_VERSION: Label = Cow::Borrowed("1");
/// The maximum size of a label, in bytes. Longer values are truncated.
const MAX_BYTES: usize = 128;

impl Default for Origin {
    fn default() -> Self {
        Self {
            destination_version: FIRST_VERSION,
            source_type: UNDEFINED,
            destination_type: UNDEFINED,
            namespace: UNDEFINED,
        }
    }
}

impl Origin {
    /// Returns the origin of a request. `metadata` is the metadata of the request's first event, and `version` is the
    /// field `version` of that event's destination.
    #[must_use]
    pub fn of(metadata: Option<&Metadata<'_>>, version: Option<Raw<'_>>) -> Self {
        let [source_type, destination_type, namespace] = metadata
            .map_or([None; 3], |metadata| [metadata.source_type, metadata.destination_type, metadata.namespace]);
        Self {
            destination_version: version_label(version),
            source_type: text(source_type),
            destination_type: text(destination_type),
            namespace: text(namespace),
        }
    }

    /// Returns the values of the labels `destVersion`, `sourceType`, `destinationType` and `k8_namespace`, in this
    /// order.
    #[must_use]
    pub fn values(&self) -> [&str; 4] {
        [&self.destination_version, &self.source_type, &self.destination_type, &self.namespace]
    }
}

fn text(value: Option<Raw<'_>>) -> Label {
    let Some(value) = value.filter(|value| value.kind() == Kind::String) else {
        return UNDEFINED;
    };
    let decoded = JsString::of(Some(value)).into_decoded();
    String::from_utf8_lossy(&decoded[..decoded.len().min(MAX_BYTES)]).into_owned().into()
}

/// Returns the integer part of a version that is a number or a numeric string. Any other version becomes `1`.
fn version_label(version: Option<Raw<'_>>) -> Label {
    let Some(version) = version.filter(|version| matches!(version.kind(), Kind::Number | Kind::String)) else {
        return FIRST_VERSION;
    };
    let decoded = JsString::of(Some(version)).into_decoded();
    let number = std::str::from_utf8(&decoded).ok().and_then(|text| text.trim().parse::<f64>().ok());
    match number.filter(|number| number.is_finite()) {
        Some(number) => ryu_js::Buffer::new().format(number.trunc()).to_owned().into(),
        None => FIRST_VERSION,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::KAFKA;
    use crate::processor;
    use crate::request::body::{Limits, PayloadFormat};

    fn origin_in(body: &str, form: PayloadFormat) -> Origin {
        let limits = Limits { events: 10, response_bytes: 1 << 20 };
        processor::respond(&KAFKA, body, form, "", limits).unwrap().origin
    }

    fn origin(body: &str) -> Origin {
        origin_in(body, PayloadFormat::Plain)
    }

    #[test]
    fn metric_labels_come_from_the_first_event_that_is_an_object() {
        let event = |kind: &str| {
            format!(
                r#"{{"message":{{}},"destination":{{"version":2}},"metadata":{{"sourceType":"{kind}","destinationType":"KAFKA","namespace":"n"}}}}"#
            )
        };
        let first = origin(&format!("[null,{},{}]", event("web"), event("cloud")));
        assert_eq!(first.values(), ["2", "web", "KAFKA", "n"]);
        assert_eq!(origin(&format!(r#"[{{"metadata":7}},{}]"#, event("web"))), Origin::default());
        assert_eq!(origin("[null]").values(), ["1", "undefined", "undefined", "undefined"]);
    }

    #[test]
    fn the_source_type_label_is_a_string_of_at_most_128_bytes() {
        let of = |value: &str| origin(&format!(r#"[{{"metadata":{{"sourceType":{value}}}}}]"#)).source_type;
        assert_eq!(of("7"), UNDEFINED);
        assert_eq!(of("null"), UNDEFINED);
        assert_eq!(of(r#""""#), "");
        assert_eq!(of(r#""w\u0065b""#), "web");
        assert_eq!(of(r#""\ud800""#).chars().last(), Some('\u{fffd}'));
        assert_eq!(of(&format!("\"{}\"", "x".repeat(128))).len(), 128);
        assert_eq!(of(&format!("\"{}\"", "x".repeat(129))).len(), 128);
    }

    #[test]
    fn the_destination_version_label_is_an_integer_that_defaults_to_1() {
        for (version, label) in [
            ("2", "2"),
            ("2.9", "2"),
            (r#""3.5""#, "3"),
            (r#"" 4 ""#, "4"),
            ("-1.5", "-1"),
            ("0.5", "0"),
            ("null", "1"),
            (r#""""#, "1"),
            (r#""v2""#, "1"),
            (r#""inf""#, "1"),
            ("1e400", "1"),
            ("true", "1"),
            ("[2]", "1"),
        ] {
            let plain = format!(r#"[{{"metadata":{{}},"destination":{{"version":{version}}}}}]"#);
            assert_eq!(origin(&plain).destination_version, label, "{version}");
            let compacted = format!(
                r#"{{"input":[{{"metadata":{{"destinationId":"d"}}}}],"destinations":{{"d":{{"version":{version}}}}}}}"#
            );
            assert_eq!(origin_in(&compacted, PayloadFormat::Compacted).destination_version, label, "{version}");
        }
        assert_eq!(origin(r#"[{"metadata":{},"destination":{}}]"#).destination_version, "1");
    }
}
