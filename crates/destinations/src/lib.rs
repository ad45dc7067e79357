//! The forms in which people keep destinations, read in one place for every tool: `check`, `transform`, `explain` and
//! `POST /explain`.
//!
//! | module | decides |
//! | --- | --- |
//! | [`source`] | what text a file holds: UTF-8, JSON or YAML |
//! | [`yaml`] | what a YAML file is as JSON |
//! | [`rudder_cli`] | how the Rudder CLI's snake_case names map to those of a Config |
//! | [`find`] | which destinations a text holds, and where |
//! | [`select`] | which of them a tool works with, and its form on the wire |
//! | [`known`] | the fields of a Config that count |

pub mod find;
pub mod known;
pub mod rudder_cli;
pub mod select;
pub mod source;
pub mod yaml;

use json::raw::Raw;

/// The forms that are read, for errors and help texts.
pub const FORMS: &str = "a destination with Config or config, an array of destinations, a workspaceConfig.json, \
                         a destination of the Rudder CLI (kind: destination, YAML or JSON), or a Config alone";

/// Returns the field of an object that is called `name`: exactly, or else in another letter case; of several the last
/// one. Its name as written comes with it.
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
    fn an_exact_name_wins_over_other_letter_case() {
        let raw = |text| Raw::parse(text).unwrap();
        let found = |text, name: &str| field(raw(text), name).map(|(name, value)| (name, value.text().to_owned()));
        assert_eq!(found(r#"{"config":1}"#, "Config"), Some(("config".to_owned(), "1".to_owned())));
        assert_eq!(found(r#"{"Config":1,"config":2}"#, "Config"), Some(("Config".to_owned(), "1".to_owned())));
        assert_eq!(found(r#"{"config":2,"Config":1}"#, "Config"), Some(("Config".to_owned(), "1".to_owned())));
        assert_eq!(found(r#"{"ID":1,"ID":2}"#, "ID"), Some(("ID".to_owned(), "2".to_owned())));
        assert_eq!(found("[]", "ID"), None);
    }
}
