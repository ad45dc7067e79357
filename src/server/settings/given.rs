//! How settings were given: a problem names the variable or the flag that has to be changed, with its value.

use std::collections::BTreeSet;
use std::fmt::Display;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, Command};

use super::Settings;

/// The settings that were given as flags, by the names of their variables. All others come from the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    flags: BTreeSet<String>,
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// The name of its variable.
    pub name: String,
    /// Its value; empty if it has none.
    pub value: String,
    /// `flag`, `environment`, `default` or `computed`.
    pub source: &'static str,
}

impl Given {
    /// How the settings of `matches` were given.
    #[must_use]
    pub fn of(matches: &ArgMatches) -> Self {
        let is_flag = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let flags = variables().into_iter().filter(|(id, _)| is_flag(id)).map(|(_, name)| name).collect();
        Self { flags }
    }

    /// The setting as it was given: the variable, or the flag.
    #[must_use]
    pub fn name(&self, variable: &str) -> String {
        if self.flags.contains(variable) { flag_of(variable) } else { variable.to_owned() }
    }

    /// [`Self::name`] with the value.
    #[must_use]
    pub fn shown(&self, variable: &str, value: impl Display) -> String {
        format!("{}={value}", self.name(variable))
    }
}

fn flag_of(variable: &str) -> String {
    format!("--{}", variable.to_ascii_lowercase().replace('_', "-"))
}

/// The id of every setting, and the name of its variable.
fn variables() -> Vec<(String, String)> {
    let command = Settings::augment_args(Command::new("settings"));
    let named = command
        .get_arguments()
        .filter_map(|argument| Some((argument.get_id().to_string(), argument.get_env()?.to_str()?.to_owned())));
    named.collect()
}

impl Settings {
    /// Every setting in force, in the order of `--help`. Settings hold no secrets: those are in files.
    #[must_use]
    pub fn in_force(&self, matches: &ArgMatches) -> Vec<InForce> {
        let computed = |name: &str| match name {
            "WORKERS" => self.worker_threads().to_string(),
            "MAX_IN_FLIGHT_BYTES" => self.in_flight_bytes().to_string(),
            "METRICS_HOST" => self.host.clone(),
            _ => String::new(),
        };
        let of = |(id, name): (String, String)| {
            let values = matches.get_raw(&id).into_iter().flatten();
            let value = values.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",");
            match matches.value_source(&id) {
                None => InForce { value: computed(&name), name, source: "computed" },
                Some(source) => InForce {
                    name,
                    value,
                    source: match source {
                        ValueSource::CommandLine => "flag",
                        ValueSource::EnvVariable => "environment",
                        _ => "default",
                    },
                },
            }
        };
        let mut all: Vec<InForce> = variables().into_iter().map(of).collect();
        for setting in all.iter_mut().filter(|setting| setting.source == "computed" && setting.value.is_empty()) {
            setting.source = "default";
        }
        all
    }
}
