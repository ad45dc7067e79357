//! Decides how error messages name a setting: by its variable or by its flag, depending on which of them was set, so
//! that operators know what to change.

use std::collections::BTreeSet;
use std::fmt::Display;

/// The names of settings in error messages. A setting that was set by a flag is named by its flag, and any other
/// setting by its variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingNames {
    flags: BTreeSet<String>,
}

impl SettingNames {
    /// Creates the names. `variables` contains the variable name of each setting that was set by a flag.
    #[must_use]
    pub fn with_flags(variables: impl IntoIterator<Item = String>) -> Self {
        Self { flags: variables.into_iter().collect() }
    }

    /// Returns the name of the setting `variable` in error messages, such as `PORT` or `--port`.
    #[must_use]
    pub fn name(&self, variable: &str) -> String {
        if self.flags.contains(variable) { flag_of(variable) } else { variable.to_owned() }
    }

    /// Returns the name (see [`Self::name`]) and the value of the setting `variable`, as `NAME=value`.
    #[must_use]
    pub fn shown(&self, variable: &str, value: impl Display) -> String {
        format!("{}={value}", self.name(variable))
    }
}

fn flag_of(variable: &str) -> String {
    format!("--{}", variable.to_ascii_lowercase().replace('_', "-"))
}
