//! `--print-config`: prints the effective settings.

use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::json;

use super::stdio;
use crate::server::settings::{LogFormat, Settings};

/// Prints every setting as `NAME=value` with its source. With `LOG_FORMAT=json`, prints one JSON object instead.
pub(super) fn run(settings: &Settings, matches: &ArgMatches) -> ExitCode {
    let all = settings.in_force(matches);
    let text = match settings.log_format {
        LogFormat::Text => {
            let width = all.iter().map(|setting| setting.name.len() + setting.value.chars().count()).max().unwrap_or(0);
            let line = |name: &str, value: &str, source: &str| {
                let pad = width - name.len() - value.chars().count();
                format!("{name}={value}{:pad$}  # {source}\n", "")
            };
            all.iter().map(|setting| line(&setting.name, &setting.value, setting.source)).collect()
        }
        LogFormat::Json => {
            let entry = |value: &str, source: &str| json!({ "value": value, "source": source });
            let all = all.iter().map(|setting| (setting.name.clone(), entry(&setting.value, setting.source)));
            format!("{}\n", serde_json::Value::Object(all.collect()))
        }
    };
    stdio::print(&text)
}
