//! How settings were given, so that an error names the variable or flag to change, with its value.

use std::collections::BTreeSet;
use std::fmt::Display;

/// The settings that were given as flags, by the names of their variables. All others come from the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    flags: BTreeSet<String>,
}

impl Given {
    /// Creates the set from the variable names of the settings that were given as flags.
    #[must_use]
    pub fn as_flags(variables: impl IntoIterator<Item = String>) -> Self {
        Self { flags: variables.into_iter().collect() }
    }

    /// The variable or flag that the setting was given with.
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
