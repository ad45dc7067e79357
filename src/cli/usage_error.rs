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
pub(super) fn report(error: &clap::Error) -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    let is_service = !arguments.first().is_some_and(|first| !first.starts_with('-') && first != "serve");
    if !error.use_stderr() || !is_service {
        return stdio::print_parser_output(error);
    }
    let format = requested_format(&arguments);
    match invalid_setting(error, &arguments) {
        Some(problem) => logging::report_startup_errors(format, &[problem]),
        None if format == LogFormat::Json => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            logging::report_startup_errors(format, &[line.trim_start_matches("error: ").to_owned()]);
        }
        None => return stdio::print_parser_output(error),
    }
    ExitCode::from(EXIT_USAGE)
}

/// Finds the log format in the arguments and the environment. The parser has failed, so its result is not available.
fn requested_format(arguments: &[String]) -> LogFormat {
    let flag = arguments.iter().enumerate().find_map(|(index, argument)| {
        let value = argument.strip_prefix("--log-format")?;
        value.strip_prefix('=').or_else(|| value.is_empty().then(|| arguments.get(index + 1).map(String::as_str))?)
    });
    let variable = std::env::var("LOG_FORMAT").ok();
    if flag.or(variable.as_deref()) == Some("json") { LogFormat::Json } else { LogFormat::Text }
}

/// Describes the invalid value of a setting. Returns `None` for other errors.
fn invalid_setting(error: &clap::Error, arguments: &[String]) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return None;
    }
    let text = |kind| match error.get(kind)? {
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
    let why = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => format!("must be {}", valid.join(" or ")),
        _ => error.source()?.to_string(),
    };
    Some(format!("{name}={value}: {why}"))
}
