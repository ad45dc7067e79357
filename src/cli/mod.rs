//! The command line: one module per subcommand, each of which returns an exit code.

#[cfg(feature = "tools")]
mod bench;
#[cfg(feature = "tools")]
mod check;
#[cfg(feature = "tools")]
mod completions;
#[cfg(feature = "tools")]
mod destinations;
#[cfg(feature = "tools")]
mod diagnostics;
mod exit_codes;
#[cfg(feature = "tools")]
mod explain;
#[cfg(feature = "tools")]
mod format;
mod health;
mod health_tls;
#[cfg(feature = "tools")]
mod input;
mod logging;
#[cfg(feature = "tools")]
mod man;
#[cfg_attr(not(feature = "otlp"), path = "otlp_left_out.rs")]
mod otlp;
mod print_config;
#[cfg(feature = "tools")]
mod progress;
#[cfg(feature = "tools")]
mod run;
mod serve;
mod stdio;
#[cfg(feature = "tools")]
mod transform;
#[cfg(any(feature = "tools", feature = "otlp"))]
mod trust;
mod usage_error;
#[cfg(feature = "tools")]
mod verify;

use std::process::ExitCode;

use clap::{Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::server::metrics::table;
use crate::server::routes::docs;
use golden::intended;

/// Transforms RudderStack events for Kafka, Azure Event Hubs and Confluent Cloud.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve HTTP; the default without a subcommand
    Serve(Box<serve::Arguments>),
    /// Check whether a running service is up
    Health(Box<health::Arguments>),
    /// Run golden cases against this binary or a transformer's URL, or record new cases
    #[cfg(feature = "tools")]
    Verify(Box<verify::Arguments>),
    /// Report configuration problems of destinations
    #[cfg(feature = "tools")]
    Check(Box<check::Arguments>),
    /// Transform events from files and print the service's responses
    #[cfg(feature = "tools")]
    Transform(Box<transform::Arguments>),
    /// Show where each event would go, and why
    #[cfg(feature = "tools")]
    Explain(Box<explain::Arguments>),
    /// Measure one or two transformers under load like that of rudder-server
    #[cfg(feature = "tools")]
    Bench(Box<bench::Arguments>),
    /// Show events, rejections, topics and hot keys of each destination in a running service
    #[cfg(feature = "tools")]
    Destinations(destinations::Arguments),
    /// Print a completion script for a shell
    #[cfg(feature = "tools")]
    Completions(completions::Arguments),
    /// Print the man page, or write the pages of all commands to a folder
    #[cfg(feature = "tools")]
    Man(man::Arguments),
    /// Print the OpenAPI document
    Openapi,
    /// Print the list of metrics, as Markdown
    Metrics,
    /// Print the intentional differences from rudder-transformer, as Markdown
    Differences,
}

/// Parses arguments and environment, and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let parsed = command().try_get_matches().and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage_error::report(&error),
    };
    match cli.command {
        None => serve::run(cli.serve, &matches),
        Some(Command::Serve(serve)) => serve::run(*serve, matches.subcommand_matches("serve").unwrap_or(&matches)),
        Some(Command::Health(arguments)) => health::run(&arguments),
        #[cfg(feature = "tools")]
        Some(Command::Verify(arguments)) => verify::run(&arguments),
        #[cfg(feature = "tools")]
        Some(Command::Check(arguments)) => check::run(&arguments),
        #[cfg(feature = "tools")]
        Some(Command::Transform(arguments)) => transform::run(&arguments),
        #[cfg(feature = "tools")]
        Some(Command::Explain(arguments)) => explain::run(&arguments),
        #[cfg(feature = "tools")]
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        #[cfg(feature = "tools")]
        Some(Command::Destinations(arguments)) => destinations::run(&arguments),
        #[cfg(feature = "tools")]
        Some(Command::Completions(arguments)) => completions::run(&arguments, command()),
        #[cfg(feature = "tools")]
        Some(Command::Man(arguments)) => man::run(&arguments, command()),
        Some(Command::Openapi) => stdio::print(&docs::document()),
        Some(Command::Metrics) => stdio::print(&table::page()),
        Some(Command::Differences) => stdio::print(&intended::table::page()),
    }
}

/// Builds the command line, with the exit codes of each command in its help.
fn command() -> clap::Command {
    let mut command = Cli::command().mut_args(unless_blank).mut_subcommands(|command| command.mut_args(unless_blank));
    let has = |command: &clap::Command, name: &str| command.get_subcommands().any(|one| one.get_name() == name);
    for name in exit_codes::commands() {
        // Without the feature `tools`, some commands do not exist.
        if !has(&command, name) {
            continue;
        }
        command = command.mut_subcommand(name, |tool| {
            let before = tool.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
            let text = format!("{before}{}", exit_codes::help(name));
            tool.after_help(text)
        });
    }
    command
}

/// Treats an empty environment variable as not set, because compose files and charts often contain such variables.
fn unless_blank(argument: Arg) -> Arg {
    let is_blank = argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    if is_blank { argument.env(None::<&str>) } else { argument }
}
