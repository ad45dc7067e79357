//! stdout and stderr of the tools: a failed write becomes an exit code, never a panic.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use super::exit_codes::EXIT_USAGE;

/// Writes an error to stderr, as one line.
pub(super) fn error(problem: impl Display) {
    note(format_args!("error: {problem}"));
}

/// Writes a line to stderr. Write errors are ignored and do not change the exit code, because there is nowhere left to
/// report them.
pub(super) fn note(line: impl Display) {
    let line = format!("{line}\n");
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Writes a text to stdout and returns the exit code.
pub(super) fn print(text: &str) -> ExitCode {
    print_and_end(text, ExitCode::SUCCESS)
}

/// Writes a text to stdout and returns `code`, unless writing fails.
pub(super) fn print_and_end(text: &str, code: ExitCode) -> ExitCode {
    let mut stdout = io::stdout();
    end(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()), code)
}

/// Returns the exit code of a tool that has written its output: `code`, unless writing failed. A closed pipe is not an
/// error.
pub(super) fn end(written: io::Result<()>, code: ExitCode) -> ExitCode {
    match failure(written) {
        Ok(()) => code,
        Err(problem) => {
            error(problem);
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// Converts a write error to a message. A closed pipe is not an error.
///
/// # Errors
/// Returns the message to report.
pub(super) fn failure(written: io::Result<()>) -> Result<(), String> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write to stdout: {error}")),
        _ => Ok(()),
    }
}

/// Prints the output of the argument parser: help and version to stdout, errors to stderr.
pub(super) fn print_parser_output(error: &clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(EXIT_USAGE));
    let printed = error.print().and_then(|()| io::stdout().flush());
    if error.use_stderr() { code } else { end(printed, code) }
}

/// Reports panics by their location only, because a panic message may contain event data.
#[cfg(feature = "tools")]
pub(super) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        note(format_args!("internal error at {place}"));
    }));
}
