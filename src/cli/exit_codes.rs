//! The exit codes of every command. This table is shown in `--help` and in `docs/reference/exit-codes.md`.

use std::fmt::Write as _;

/// The tool ran successfully and found problems.
#[cfg(feature = "tools")]
pub(in crate::cli) const EXIT_FOUND: u8 = 1;
/// The arguments or the input cannot be used. The argument parser also exits with this code.
pub(in crate::cli) const EXIT_USAGE: u8 = 2;
/// Invalid configuration, as defined in sysexits.h.
pub(in crate::cli) const EXIT_CONFIG: u8 = 78;

/// The exit codes of one command.
struct Row {
    command: &'static str,
    /// Each code, and the cases in which the command exits with it.
    codes: &'static [(u8, &'static str)],
}

/// The meaning of exit code 2 for several commands.
const UNUSABLE: &str = "the input or the arguments cannot be used, or the output cannot be written";

static TABLE: [Row; 8] = [
    Row {
        command: "transform",
        codes: &[
            (0, "every event would be produced, or there are no events"),
            (1, "some events are rejected, or rudder-server would drop them, or some lines are not JSON"),
            (2, UNUSABLE),
        ],
    },
    Row {
        command: "explain",
        codes: &[
            (0, "every event would be produced, or there are no events"),
            (1, "some events are rejected, or rudder-server would drop them, or some lines are not JSON"),
            (2, UNUSABLE),
        ],
    },
    Row {
        command: "check",
        codes: &[
            (0, "no errors; warnings and hints do not affect the exit code"),
            (1, "errors were found; with --strict, also warnings; with --connect, also failed steps"),
            (2, "nothing was checked, an input or the arguments cannot be used, or the output cannot be written"),
        ],
    },
    Row {
        command: "verify",
        codes: &[
            (0, "all responses are as expected, or differ intentionally"),
            (1, "some responses differ, or some cases cannot be read"),
            (2, "nothing to verify, the transformer or arguments cannot be used, or output cannot be written"),
        ],
    },
    Row {
        command: "bench",
        codes: &[
            (0, "every request got the expected status"),
            (1, "some requests got an unexpected status, a retryable 503 or no response"),
            (2, "a transformer, a file or the arguments cannot be used, or the output cannot be written"),
        ],
    },
    Row {
        command: "health",
        codes: &[
            (0, "the service is up"),
            (1, "the service is down or does not respond with 200"),
            (2, "the arguments cannot be used"),
        ],
    },
    Row {
        command: "destinations",
        codes: &[
            (0, "the destinations were shown; with --watch, the reader closed the pipe"),
            (1, "the service is unreachable, or responds with an error"),
            (2, "the arguments cannot be used, or the output cannot be written"),
        ],
    },
    Row {
        command: "serve",
        codes: &[
            (0, "stopped by a signal"),
            (1, "a fatal error, such as a port that is already in use, or a second signal during shutdown"),
            (2, "the arguments cannot be used"),
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
    fn the_documentation_and_the_help_match_the_table() {
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
