//! The effective settings, and where each value comes from.

use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, Command};

use super::Settings;
use super::given::SettingNames;
use super::units::{self, Size};

/// An effective setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// The name of the environment variable.
    pub name: String,
    /// The value of the setting, or an empty text if the setting has no value.
    pub value: String,
    /// Where the value comes from: `flag`, `environment`, `default` or `computed`.
    pub source: &'static str,
}

/// Returns the names of settings in error messages, given the parsed arguments `matches`.
#[must_use]
pub fn given(matches: &ArgMatches) -> SettingNames {
    let is_flag = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    SettingNames::with_flags(variables().into_iter().filter(|(id, _)| is_flag(id)).map(|(_, name)| name))
}

/// Returns the argument ID and the variable name of every setting.
fn variables() -> Vec<(String, String)> {
    let command = Settings::augment_args(Command::new("settings"));
    let named = command
        .get_arguments()
        .filter_map(|argument| Some((argument.get_id().to_string(), argument.get_env()?.to_str()?.to_owned())));
    named.collect()
}

/// Returns the value of a setting as text. Sizes and durations are in the format of [`super::units`]. All other values
/// are returned as the operator wrote them.
fn value_of(matches: &ArgMatches, id: &str) -> String {
    if let Ok(Some(size)) = matches.try_get_one::<Size>(id) {
        return size.to_string();
    }
    if let Ok(Some(duration)) = matches.try_get_one::<Duration>(id) {
        return units::shown(*duration);
    }
    let values = matches.get_raw(id).into_iter().flatten();
    values.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(",")
}

impl Settings {
    /// Returns all effective settings, in the order of `--help`. The values contain no secrets, because secrets are in
    /// files.
    #[must_use]
    pub fn in_force(&self, matches: &ArgMatches) -> Vec<EffectiveSetting> {
        let computed = |name: &str| match name {
            "WORKERS" => self.worker_threads().to_string(),
            "MAX_IN_FLIGHT_BYTES" => Size(self.in_flight_bytes()).to_string(),
            "METRICS_HOST" => self.host.clone(),
            _ => String::new(),
        };
        let of = |(id, name): (String, String)| {
            let value = value_of(matches, &id);
            match matches.value_source(&id) {
                None => EffectiveSetting { value: computed(&name), name, source: "computed" },
                Some(source) => EffectiveSetting {
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
        let mut all: Vec<EffectiveSetting> = variables().into_iter().map(of).collect();
        for setting in all.iter_mut().filter(|setting| setting.source == "computed" && setting.value.is_empty()) {
            setting.source = "default";
        }
        all
    }
}
