//! `man`: writes the man pages of the command line, one page per command.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_mangen::Man;

use super::exit_codes::EXIT_USAGE;
use super::stdio::{error, print};

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Folder to write the pages of all commands to; created if it does not exist [default: print the main page]
    folder: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  rudder-kafka-transformer man | man -l -
  rudder-kafka-transformer man ~/.local/share/man/man1";

/// Writes the man pages.
pub(super) fn run(arguments: &Arguments, command: Command) -> ExitCode {
    let command = without_help(command);
    match &arguments.folder {
        Some(folder) => match write_all(command, folder) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                error(format_args!("cannot write man pages to {}: {problem}", folder.display()));
                ExitCode::from(EXIT_USAGE)
            }
        },
        None => match main_page(command) {
            Ok(page) => print(&page),
            Err(problem) => {
                error(format_args!("cannot print the man page: {problem}"));
                ExitCode::from(EXIT_USAGE)
            }
        },
    }
}

fn main_page(command: Command) -> io::Result<String> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Writes `rudder-kafka-transformer.1`, and a page for each command such as `rudder-kafka-transformer-check.1`.
fn write_all(command: Command, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}

/// Removes the subcommand `help`, which would add a page per command.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true)
}
