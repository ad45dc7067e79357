//! Formats the connection steps as text: one step per line, with its details and advice on the lines below.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::Style;

use super::connection::Connection;
use crate::cli::format::{BAD, DOUBTFUL, FAINT, GOOD};
use connect::step::{Outcome, Report, Stage, Step, Subject};

/// The total width, in characters, of the columns before the text: indent, step, result, time.
const BEFORE_TEXT: usize = 4 + 8 + 1 + 7 + 1 + 10 + 2;

/// Writes the result for one destination.
pub(in crate::cli::check) fn write(out: &mut impl Write, connection: &Connection) -> io::Result<()> {
    match connection {
        Connection::Tried(report) => sections(out, report),
        Connection::NoSettings => {
            writeln!(out, "  {BAD}not connected{BAD:#}, because the destination's configuration has errors")
        }
        Connection::Failed(problem) => writeln!(out, "  {BAD}not connected{BAD:#}: {problem}"),
    }
}

fn sections(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for section in &report.sections {
        let title = match &section.subject {
            Subject::Client => "before connecting".to_owned(),
            Subject::Bootstrap(address) => format!("broker {address}"),
            Subject::Topics(address) => format!("topics, as reported by {address}"),
            Subject::Advertised { id, address } => format!("broker {id}, which advertises {address}"),
        };
        let bold = Style::new().bold();
        writeln!(out, "  {bold}{title}{bold:#}")?;
        for step in &section.steps {
            write_step(out, step)?;
        }
    }
    Ok(())
}

fn write_step(out: &mut impl Write, step: &Step) -> io::Result<()> {
    let (style, word, text) = match &step.outcome {
        Outcome::Passed(found) => (GOOD, "ok", found.as_str()),
        Outcome::Failed(failure) => (BAD, "failed", failure.text.as_str()),
        Outcome::Tolerated(failure) => (DOUBTFUL, "warning", failure.text.as_str()),
        Outcome::Skipped(why) => (FAINT, "skipped", why.as_str()),
    };
    let took = step.took.map(milliseconds).unwrap_or_default();
    let about = step.about.as_ref().map(|about| format!("{about}: ")).unwrap_or_default();
    let name = short(step.stage);
    writeln!(out, "    {name:<8} {style}{word:<7}{style:#} {FAINT}{took:>10}{FAINT:#}  {about}{text}")?;
    let below = |out: &mut dyn Write, style: Style, mark: &str, text: &str| {
        writeln!(out, "{:BEFORE_TEXT$}{style}{mark}{style:#}{text}", "")
    };
    let failure = step.failure().or(step.warning());
    if let Some(failure) = failure {
        below(out, FAINT, failure.problem.code(), "")?;
    }
    for detail in &step.details {
        below(out, FAINT, "", detail)?;
    }
    for caution in &step.cautions {
        below(out, DOUBTFUL, "but ", caution)?;
    }
    if let Some(failure) = failure {
        below(out, GOOD, "→ ", failure.advice())?;
    }
    Ok(())
}

/// Returns the name of a step, short enough for its column.
fn short(stage: Stage) -> &'static str {
    match stage {
        Stage::ClientCertificate => "client",
        stage => stage.name(),
    }
}

fn milliseconds(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}
