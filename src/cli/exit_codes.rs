//! The exit codes of every command: one table, which `--help` and `docs/reference/exit-codes.md` show.

use std::fmt::Write as _;

/// A tool did what it was asked for, and found something that is not as it should be.
#[cfg(feature = "tools")]
pub(in crate::cli) const EXIT_FOUND: u8 = 1;
/// Arguments or input that cannot be worked with; the argument parser ends with it too.
pub(in crate::cli) const EXIT_USAGE: u8 = 2;
/// Bad configuration, as sysexits.h calls it.
pub(in crate::cli) const EXIT_CONFIG: u8 = 78;

/// The exit codes of a command.
struct Row {
    command: &'static str,
    /// Each code, and when the command exits with it.
    codes: &'static [(u8, &'static str)],
}

/// The input or the arguments cannot be used.
const UNUSABLE: &str = "the input or the arguments cannot be used, or the output cannot be written";

static TABLE: [Row; 8] = [
    Row {
        command: "transform",
        codes: &[
            (0, "every event would be produced; also if there are no events"),
            (1, "some events are rejected, or rudder-server would drop them, or some lines are not JSON"),
            (2, UNUSABLE),
        ],
    },
    Row {
        command: "explain",
        codes: &[
            (0, "every event would be produced; also if there are no events"),
            (1, "some events are rejected, or rudder-server would drop them, or some lines are not JSON"),
            (2, UNUSABLE),
        ],
    },
    Row {
        command: "check",
        codes: &[
            (0, "no errors; warnings and hints do not count"),
            (1, "errors; with --strict also warnings; with --connect also steps that failed"),
            (2, "nothing was checked, an input or the arguments cannot be used, or the output cannot be written"),
        ],
    },
    Row {
        command: "verify",
        codes: &[
            (0, "all responses are as expected, or differ on purpose"),
            (1, "some responses differ, or some cases cannot be read"),
            (2, "nothing to verify, the transformer or arguments cannot be used, or output cannot be written"),
        ],
    },
    Row {
        command: "bench",
        codes: &[
            (0, "every request got the expected status"),
            (1, "some requests got another status, a retryable 503 or no response"),
            (2, "a transformer, a file or the arguments cannot be used, or the output cannot be written"),
        ],
    },
    Row {
        command: "health",
        codes: &[(0, "the service is up"), (1, "it is not"), (2, "the arguments cannot be used")],
    },
    Row {
        command: "destinations",
        codes: &[
            (0, "the destinations are shown; with --watch only after a closed pipe"),
            (1, "the service is unreachable, or responds with an error"),
            (2, "the arguments cannot be used, or the output cannot be written"),
        ],
    },
    Row {
        command: "serve",
        codes: &[
            (0, "stopped by a signal"),
            (1, "it cannot go on, such as after a port that is taken"),
            (2, "the arguments cannot be used"),
            (78, "a setting is invalid or conflicts with another"),
        ],
    },
];

/// The commands that have exit codes of their own.
pub(super) fn commands() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.command)
}

/// The exit codes of a command, for its help; empty for a command that is not in the table.
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

    /// The table as Markdown.
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
    fn the_documentation_and_the_help_have_the_table() {
        let page = include_str!("../../docs/reference/exit-codes.md");
        assert!(page.contains(&table()), "docs/reference/exit-codes.md has not this table:\n{}", table());
        let mut command = super::super::command();
        for row in &TABLE {
            let tool = command.find_subcommand_mut(row.command).expect(row.command);
            let shown = tool.render_long_help().to_string();
            assert_eq!(shown.matches("Exit codes:").count(), 1, "{shown}");
            assert!(shown.contains(&help(row.command)), "{shown}");
        }
        assert_eq!((help("completions").as_str(), commands().count()), ("", TABLE.len()));
    }
}
