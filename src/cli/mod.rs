//! The command line: one file per subcommand, each returning an exit code.

mod bench;
mod check;
mod completions;
mod destinations;
mod exit_codes;
mod explain;
mod format;
mod health;
mod health_tls;
mod input;
mod logging;
mod man;
#[cfg_attr(not(feature = "otlp"), path = "otlp_left_out.rs")]
mod otlp;
mod print_config;
mod progress;
mod run;
mod serve;
mod stdio;
mod transform;
mod troubles;
mod usage_error;
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
    /// Run golden cases against this binary or a transformer's URL, or record some
    Verify(Box<verify::Arguments>),
    /// Report what is wrong with the settings of destinations
    Check(Box<check::Arguments>),
    /// Print the service's responses to events in files
    Transform(Box<transform::Arguments>),
    /// Show where each event would go, and why
    Explain(Box<explain::Arguments>),
    /// Measure one or two transformers under the load that rudder-server sends
    Bench(Box<bench::Arguments>),
    /// Show what a running service does for each destination: events, rejections, topics, hot keys
    Destinations(destinations::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
    /// Print the man page, or write the pages of all commands to a folder
    Man(man::Arguments),
    /// Print the OpenAPI document
    Openapi,
    /// Print the list of metrics, as Markdown
    Metrics,
    /// Print the intended differences from rudder-transformer, as Markdown
    Differences,
}

/// Does what the arguments and the environment ask for.
#[must_use]
pub fn main() -> ExitCode {
    let parsed = command().try_get_matches().and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(said) => return usage_error::report(&said),
    };
    match cli.command {
        None => serve::run(cli.serve, &matches),
        Some(Command::Serve(serve)) => serve::run(*serve, matches.subcommand_matches("serve").unwrap_or(&matches)),
        Some(Command::Health(arguments)) => health::run(&arguments),
        Some(Command::Verify(arguments)) => verify::run(&arguments),
        Some(Command::Check(arguments)) => check::run(&arguments),
        Some(Command::Transform(arguments)) => transform::run(&arguments),
        Some(Command::Explain(arguments)) => explain::run(&arguments),
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        Some(Command::Destinations(arguments)) => destinations::run(&arguments),
        Some(Command::Completions(arguments)) => completions::run(&arguments, command()),
        Some(Command::Man(arguments)) => man::run(&arguments, command()),
        Some(Command::Openapi) => stdio::print(&docs::document()),
        Some(Command::Metrics) => stdio::print(&table::page()),
        Some(Command::Differences) => stdio::print(&intended::table::page()),
    }
}

/// The command line with the exit codes of each command in its help.
fn command() -> clap::Command {
    let mut command = Cli::command().mut_args(unless_blank).mut_subcommands(|command| command.mut_args(unless_blank));
    for name in exit_codes::commands() {
        command = command.mut_subcommand(name, |tool| {
            let before = tool.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
            let text = format!("{before}{}", exit_codes::help(name));
            tool.after_help(text)
        });
    }
    command
}

/// A variable that is set to nothing counts as not set: compose files and charts are full of those.
fn unless_blank(argument: Arg) -> Arg {
    let is_blank = argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    if is_blank { argument.env(None::<&str>) } else { argument }
}
