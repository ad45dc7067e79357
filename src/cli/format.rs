//! How the tools tell what they found: text for people, with colors on a terminal only, or JSON for programs.

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// What a tool writes to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// JSON for programs.
    Json,
}

/// Success.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Errors.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Warnings.
pub(super) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// What matters less.
pub(super) const FAINT: Style = Style::new().dimmed();
