//! The output formats of the tools: text for people, colored on a terminal, or JSON for programs.

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// The format of a tool's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// Text for people
    #[default]
    Text,
    /// JSON for programs
    Json,
}

/// The style for successful results.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// The style for errors.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// The style for warnings.
pub(super) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// The style for secondary text.
pub(super) const FAINT: Style = Style::new().dimmed();

/// Formats a number with its noun, and appends an `s` to the noun unless the number is 1: `1 case`, `2 cases`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
