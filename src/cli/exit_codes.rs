//! The exit codes of every command. This table is shown in `--help` and in `docs/reference/exit-codes.md`.

use std::fmt::Write as _;

/// The exit code of a tool that ran successfully and found problems.
#[cfg(feature = "tools")]
pub(in crate::cli) const EXIT_FOUND: u8 = 1;
/// The exit code for invalid arguments or unusable input. The argument parser exits with the same code.
pub(in crate::cli) const EXIT_USAGE: u8 = 2;
/// The exit code for an invalid configuration, as defined in sysexits.h.
pub(in crate::cli) const EXIT_CONFIG: u8 = 78;

/// The exit codes of one command.
struct Row {
    command: &'static str,
    /// Each code, and the cases in which the command exits with it.
    codes: &'static [(u8, &'static str)],
}

/// The meaning of exit code 2, shared by several commands.
const UNUSABLE: &str = "invalid arguments, unusable input, or the output cannot be written";

static TABLE: [Row; 8] = [
    Row {
        command: "transform",
        codes: &[
            (0, "every event would be produced, or there are no events"),
            (1, "an event is rejected, rudder-server would drop an event, or a line is not JSON"),
            (2, UNUSABLE),
        ],
    },
    Row {
        command: "explain",
        codes: &[
            (0, "every event would be produced, or there are no events"),
            (1, "an event is rejected, rudder-server would drop an event, or a line is not JSON"),
            (2, UNUSABLE),
        ],
    },
    Row {
        command: "check",
        codes: &[
            (0, "no errors, no failed connection steps and, with --strict, no warnings; hints have no effect"),
            (1, "errors or failed connection steps; with --strict, also warnings"),
            (2, "invalid arguments, unusable input, no destination to check, or the output cannot be written"),
        ],
    },
    Row {
        command: "verify",
        codes: &[
            (0, "all responses are as expected or differ intentionally; with --record, each was recorded"),
            (1, "some responses differ or are missing, or some cases cannot be read"),
            (2, "invalid arguments, no case could be verified or recorded, or the output cannot be written"),
        ],
    },
    Row {
        command: "bench",
        codes: &[
            (0, "every request got the expected status"),
            (1, "some requests got an unexpected status, a retryable 503 or no response"),
            (2, "invalid arguments, a file or a transformer cannot be used, or the output cannot be written"),
        ],
    },
    Row {
        command: "health",
        codes: &[
            (0, "the service is up"),
            (1, "the service is down or does not respond with 200"),
            (2, "invalid arguments"),
        ],
    },
    Row {
        command: "destinations",
        codes: &[
            (0, "the destinations were shown; with --watch, the program that reads the output has exited"),
            (1, "the service is unreachable, or responds with an error"),
            (2, "invalid arguments, or the output cannot be written"),
        ],
    },
    Row {
        command: "serve",
        codes: &[
            (0, "stopped by a signal, or --print-config printed the settings"),
            (1, "a second signal during shutdown, or a fatal error, such as a port that is already in use"),
            (2, "invalid arguments, or the output of --print-config cannot be written"),
            (78, "a setting is invalid or conflicts with another"),
        ],
    },
];

/// The commands in the table.
pub(super) fn commands() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.command)
}

/// Formats the exit codes of a command for its help. Returns an empty string for a command that is not in the table.
pub(super) fn help(command: &str) -> String {
    let Some(row) = TABLE.iter().find(|row| row.command == command) else { return String::new() };
    let mut text = String::from("Exit codes:");
    for (code, meaning) in row.codes {
        let _ = write!(text, "\n  {code:<3} {meaning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Formats the table as Markdown.
    fn table() -> String {
        let mut out = String::from("| command | code | meaning |\n| --- | --- | --- |\n");
        for Row { command, codes } in &TABLE {
            for (code, meaning) in *codes {
                let _ = writeln!(out, "| `{command}` | {code} | {meaning} |");
            }
        }
        out
    }

    #[test]
    fn exit_codes_in_the_documentation_and_help_match_the_table() {
        let page = include_str!("../../docs/reference/exit-codes.md");
        assert!(page.contains(&table()), "docs/reference/exit-codes.md lacks this table:\n{}", table());
        let mut command = super::super::command();
        for row in &TABLE {
            let tool = command.find_subcommand_mut(row.command).expect(row.command);
            let text = tool.render_long_help().to_string();
            assert_eq!(text.matches("Exit codes:").count(), 1, "{text}");
            assert!(text.contains(&help(row.command)), "{text}");
        }
        assert_eq!((help("completions").as_str(), commands().count()), ("", TABLE.len()));
    }
}
