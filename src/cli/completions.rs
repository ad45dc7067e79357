//! `completions`: prints shell completion scripts.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::stdio::print;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The shell to print the script for
    #[arg(value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  source <(rudder-kafka-transformer completions bash)
  rudder-kafka-transformer completions zsh > ~/.zfunc/_rudder-kafka-transformer
  rudder-kafka-transformer completions fish \\
    > ~/.config/fish/completions/rudder-kafka-transformer.fish";

/// Prints the completion script for `command`.
pub(super) fn run(arguments: &Arguments, mut command: Command) -> ExitCode {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, name, &mut script);
    print(&String::from_utf8_lossy(&script))
}
