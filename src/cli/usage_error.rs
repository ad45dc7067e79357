//! Errors of the argument parser. Errors in the service's settings are reported like its other startup errors: in the
//! configured log format, with the variable or flag and its value.

use std::error::Error as _;
use std::ffi::OsStr;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args as _, Command};

use super::exit_codes::EXIT_USAGE;
use super::{logging, stdio};
use crate::server::settings::{LogFormat, Settings};

/// Reports an error of the argument parser, or prints the requested help or version.
pub(super) fn report(said: &clap::Error) -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    let is_service = !arguments.first().is_some_and(|first| !first.starts_with('-') && first != "serve");
    if !said.use_stderr() || !is_service {
        return stdio::of_parser(said);
    }
    let format = format_asked_for(&arguments);
    match invalid_setting(said, &arguments) {
        Some(problem) => logging::report_startup_errors(format, &[problem]),
        None if format == LogFormat::Json => {
            let text = said.to_string();
            let line = text.lines().next().unwrap_or_default();
            logging::report_startup_errors(format, &[line.trim_start_matches("error: ").to_owned()]);
        }
        None => return stdio::of_parser(said),
    }
    ExitCode::from(EXIT_USAGE)
}

/// Finds the log format in the arguments and the environment. The parser has failed, so its result is not available.
fn format_asked_for(arguments: &[String]) -> LogFormat {
    let flag = arguments.iter().enumerate().find_map(|(index, argument)| {
        let value = argument.strip_prefix("--log-format")?;
        value.strip_prefix('=').or_else(|| value.is_empty().then(|| arguments.get(index + 1).map(String::as_str))?)
    });
    let variable = std::env::var("LOG_FORMAT").ok();
    if flag.or(variable.as_deref()) == Some("json") { LogFormat::Json } else { LogFormat::Text }
}

/// Describes what is wrong with the value of a setting. Returns `None` for other errors.
fn invalid_setting(said: &clap::Error, arguments: &[String]) -> Option<String> {
    if !matches!(said.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return None;
    }
    let text = |kind| match said.get(kind)? {
        ContextValue::String(text) => Some(text.as_str()),
        _ => None,
    };
    // The argument, for example `--port <PORT>`.
    let flag = text(ContextKind::InvalidArg)?.split([' ', '[']).next()?;
    let value = text(ContextKind::InvalidValue)?;
    let command = Settings::augment_args(Command::new("settings"));
    let argument = command
        .get_arguments()
        .find(|argument| argument.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)))?;
    let is_flag = arguments.iter().any(|argument| argument.split('=').next() == Some(flag));
    let name = if is_flag { flag } else { argument.get_env().and_then(OsStr::to_str)? };
    let why = match said.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => format!("must be {}", valid.join(" or ")),
        _ => said.source()?.to_string(),
    };
    Some(format!("{name}={value}: {why}"))
}
