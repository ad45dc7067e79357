//! The command line: one file per subcommand, each returning an exit code.

mod logging;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::server::openapi;
use crate::server::settings::Settings;

/// Transforms RudderStack events for Kafka, Azure Event Hubs and Confluent Cloud.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve HTTP; also without a subcommand
    Serve(Settings),
    /// Print the OpenAPI document
    Openapi,
}

/// Bad configuration, as sysexits.h calls it.
const EXIT_CONFIG: u8 = 78;

/// Does what the arguments and the environment ask for.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => serve::run(&cli.settings),
        Some(Command::Serve(settings)) => serve::run(&settings),
        Some(Command::Openapi) => print_document(),
    }
}

fn print_document() -> ExitCode {
    use std::io::Write as _;
    match std::io::stdout().write_all(openapi::document().as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
