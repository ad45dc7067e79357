//! The destinations that this service transforms. Requests for other destinations go to the upstream.

use std::fmt;

use transform::family::{FAMILIES, Family};

/// The text that stands for an empty list. A blank environment variable cannot stand for an empty list, because it is
/// treated as not set.
const NONE: &str = "none";

/// A subset of the destinations that this service supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NativeDestinations([bool; FAMILIES.len()]);

/// The error for a list that contains the name of an unsupported destination. The error does not repeat that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownName;

impl NativeDestinations {
    /// All destinations that this service supports.
    pub const ALL: Self = Self([true; FAMILIES.len()]);

    /// Parses a comma-separated list of names, case-insensitively. Blank entries are ignored, and `none` stands for an
    /// empty list.
    ///
    /// # Errors
    /// [`UnknownName`] if the list contains the name of an unsupported destination.
    pub fn parse(list: &str) -> Result<Self, UnknownName> {
        let mut chosen = [false; FAMILIES.len()];
        let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.len() == 1 && names[0].eq_ignore_ascii_case(NONE) {
            return Ok(Self(chosen));
        }
        for name in names {
            let index = FAMILIES.iter().position(|family| family.is_called(name)).ok_or(UnknownName)?;
            chosen[index] = true;
        }
        Ok(Self(chosen))
    }

    /// Returns the destinations in this subset.
    pub fn families(self) -> impl Iterator<Item = &'static Family> {
        FAMILIES.into_iter().zip(self.0).filter_map(|(family, chosen)| chosen.then_some(family))
    }

    /// Returns the destination with this name, if the subset contains it. Names are compared case-insensitively.
    #[must_use]
    pub fn by_name(self, name: &str) -> Option<&'static Family> {
        self.families().find(|family| family.is_called(name))
    }

    /// Whether the subset is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.families().next().is_none()
    }
}

impl fmt::Display for NativeDestinations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str(NONE);
        }
        let names: Vec<&str> = self.families().map(|family| family.name).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_destinations_setting_ignores_case_and_spaces_and_rejects_other_names() {
        assert_eq!(NativeDestinations::parse("kafka,azure_event_hub,confluent_cloud"), Ok(NativeDestinations::ALL));
        let two = NativeDestinations::parse(" Kafka, CONFLUENT_CLOUD ,").unwrap();
        assert_eq!(two.to_string(), "kafka,confluent_cloud");
        assert!(two.by_name("KAFKA").is_some() && two.by_name("azure_event_hub").is_none());
        for empty in ["", " , ", "none", "NONE"] {
            assert_eq!(NativeDestinations::parse(empty).map(NativeDestinations::is_empty), Ok(true), "{empty:?}");
        }
        for unknown in ["kafka,kinesis", "kafka;confluent_cloud", "none,kafka", "kafk"] {
            assert_eq!(NativeDestinations::parse(unknown), Err(UnknownName), "{unknown}");
        }
        assert_eq!(NativeDestinations::parse("none").unwrap().to_string(), "none");
    }
}
