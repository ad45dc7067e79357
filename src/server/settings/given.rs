//! Names settings in errors by the variable or flag that was set, so that operators know what to change.

use std::collections::BTreeSet;
use std::fmt::Display;

/// The names by which errors refer to settings: flags for those that were set by flags, and variables for all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingNames {
    flags: BTreeSet<String>,
}

impl SettingNames {
    /// Creates the names, given the variable names of the settings that were set by flags.
    #[must_use]
    pub fn with_flags(variables: impl IntoIterator<Item = String>) -> Self {
        Self { flags: variables.into_iter().collect() }
    }

    /// Returns the variable or flag that the setting was set with.
    #[must_use]
    pub fn name(&self, variable: &str) -> String {
        if self.flags.contains(variable) { flag_of(variable) } else { variable.to_owned() }
    }

    /// Like [`Self::name`], with the value.
    #[must_use]
    pub fn shown(&self, variable: &str, value: impl Display) -> String {
        format!("{}={value}", self.name(variable))
    }
}

fn flag_of(variable: &str) -> String {
    format!("--{}", variable.to_ascii_lowercase().replace('_', "-"))
}
