//! Reads destinations in all supported formats: workspace exports, API responses, Rudder CLI projects, single
//! destinations and standalone Configs.
//!
//! `check`, `transform`, `explain` and `POST /explain` use this crate.
//!
//! ```
//! use destinations::select::{Selector, from_text};
//!
//! let text = r#"{"id": "d1", "destinationDefinition": {"name": "KAFKA"}, "config": {"topic": "orders"}}"#;
//! let selected = from_text(text, None, &Selector::default()).unwrap();
//! assert_eq!(selected.family.name, "kafka");
//! assert!(selected.text.contains(r#"{"topic": "orders"}"#));
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | [`source`] | decodes a file: UTF-8, JSON or YAML |
//! | [`yaml`] | converts YAML to JSON |
//! | [`rudder_cli`] | converts the snake_case names of the Rudder CLI to those of a Config |
//! | [`find`] | finds the destinations in a text |
//! | [`select`] | selects one destination, and formats it as rudder-server sends it |
//! | [`known`] | the fields of a Config, as a table |

pub mod find;
pub mod known;
pub mod rudder_cli;
pub mod select;
pub mod source;
pub mod yaml;

use json::raw::Raw;

/// The supported formats, for errors and help texts.
pub const FORMS: &str = "a destination with Config or config, an array of destinations, a workspaceConfig.json, \
                         a destination of the Rudder CLI (kind: destination, YAML or JSON), or only a Config";

/// Returns an object's field called `name`, ignoring letter case: its name as written, and its value.
///
/// A field with exactly this name takes precedence. If several fields match equally well, the last one wins.
#[must_use]
pub fn field<'a>(object: Raw<'a>, name: &str) -> Option<(String, Raw<'a>)> {
    let mut found: Option<(String, Raw<'a>)> = None;
    object.for_each_member(|key, value| {
        let key = key.decoded();
        if !key.eq_ignore_ascii_case(name.as_bytes()) {
            return;
        }
        let is_exact = *key == *name.as_bytes();
        if is_exact || found.as_ref().is_none_or(|(found, _)| found != name) {
            found = Some((String::from_utf8_lossy(&key).into_owned(), value));
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_with_the_exact_name_is_preferred_to_one_that_differs_in_case() {
        let raw = |text| Raw::parse(text).unwrap();
        let found = |text, name: &str| field(raw(text), name).map(|(name, value)| (name, value.text().to_owned()));
        assert_eq!(found(r#"{"config":1}"#, "Config"), Some(("config".to_owned(), "1".to_owned())));
        assert_eq!(found(r#"{"Config":1,"config":2}"#, "Config"), Some(("Config".to_owned(), "1".to_owned())));
        assert_eq!(found(r#"{"config":2,"Config":1}"#, "Config"), Some(("Config".to_owned(), "1".to_owned())));
        assert_eq!(found(r#"{"ID":1,"ID":2}"#, "ID"), Some(("ID".to_owned(), "2".to_owned())));
        assert_eq!(found("[]", "ID"), None);
    }
}
