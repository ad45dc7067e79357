//! Formats the findings as text, by input and destination. For each destination, the most severe finding comes first.

use json::display::{self, shorten};
use std::io::{self, Write};

use anstyle::Style;

use super::checked::{Checked, counted, failures, warnings};
use super::connect;
use crate::cli::format::{BAD, DOUBTFUL, FAINT, GOOD, count};
use check;
use check::code::Severity;
use check::config::label;
use check::destination::Settings;
use check::finding::Finding;

/// The maximum number of topics and brokers that are listed by name. The rest are counted.
const MOST_NAMED: usize = 5;
/// The maximum number of sources that are listed by name.
const MOST_SOURCES: usize = 10;

/// Writes the whole report.
pub(super) fn write(out: &mut impl Write, checked: &[Checked]) -> io::Result<()> {
    for input in checked {
        if let Ok(report) = &input.outcome {
            for (at, destination) in report.destinations.iter().enumerate() {
                one(out, &input.name, destination, input.connections.get(at))?;
            }
        }
    }
    summary(out, checked)
}

fn one(
    out: &mut impl Write,
    input: &str,
    destination: &check::Checked,
    connection: Option<&connect::connection::Connection>,
) -> io::Result<()> {
    let bold = Style::new().bold();
    let name = if destination.name.is_empty() { "destination".to_owned() } else { quoted(&destination.name) };
    write!(out, "{bold}{name}{bold:#} ({}", label(destination.family))?;
    if !destination.id.is_empty() {
        write!(out, ", ID {}", quoted(&destination.id))?;
    }
    if !destination.enabled {
        write!(out, ", disabled")?;
    }
    write!(out, "){FAINT} in {}{FAINT:#}", sanitize(input))?;
    let sources: Vec<String> = destination
        .sources
        .iter()
        .map(|source| if source.name.is_empty() { &source.id } else { &source.name })
        .filter(|source| !source.is_empty())
        .map(|source| quoted(source))
        .collect();
    if !sources.is_empty() {
        write!(out, "; sources: {}", some(&sources, MOST_SOURCES))?;
    }
    writeln!(out)?;
    if let Some(settings) = &destination.settings {
        writeln!(out, "  {FAINT}{}{FAINT:#}", describe(settings))?;
    }
    let findings = destination.findings.sorted();
    if findings.is_empty() {
        writeln!(out, "  configuration: {GOOD}no problems{GOOD:#}")?;
    }
    let width = findings.iter().map(|finding| finding.code.name().len()).max().unwrap_or(0);
    for finding in findings {
        write_finding(out, finding, width)?;
    }
    match destination.findings.left_out() {
        0 => {}
        more => writeln!(out, "  and {more} more")?,
    }
    if let Some(connection) = connection {
        connect::write(out, connection)?;
    }
    writeln!(out)
}

fn write_finding(out: &mut impl Write, finding: &Finding, width: usize) -> io::Result<()> {
    let style = style(finding.code.severity());
    let (severity, code) = (finding.code.severity().name(), finding.code.name());
    let pointer = if finding.pointer.is_empty() { "(the whole file)" } else { &finding.pointer };
    writeln!(out, "  {style}{severity:<7}{style:#}  {code:<width$}  {FAINT}{}{FAINT:#}", sanitize(pointer))?;
    writeln!(out, "           {}", sanitize(&finding.message))?;
    writeln!(out, "           {GOOD}→{GOOD:#} {}", finding.code.advice())
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => BAD,
        Severity::Warning => DOUBTFUL,
        Severity::Hint => FAINT,
    }
}

/// Describes in one line how the producer would connect.
fn describe(settings: &Settings) -> String {
    let protocol = match (&settings.tls, &settings.sasl) {
        (Some(_), Some(sasl)) => format!("SASL_SSL ({})", sasl.mechanism.name()),
        (Some(_), None) => "SSL".to_owned(),
        (None, _) => "PLAINTEXT".to_owned(),
    };
    let brokers: Vec<String> = settings.brokers.iter().map(ToString::to_string).collect();
    let tunnel = settings.ssh.as_ref().map(|ssh| format!(" through {}:{}", sanitize(&ssh.host), ssh.port));
    let others = if settings.topics_from_events { ", and topics taken from events" } else { "" };
    let form = if settings.avro.convert { "Avro" } else { "JSON" };
    let topics = if settings.topics.is_empty() { "(none)".to_owned() } else { some(&settings.topics, MOST_NAMED) };
    let (brokers, tunnel) = (some(&brokers, MOST_NAMED), tunnel.unwrap_or_default());
    format!("{protocol} to {brokers}{tunnel}, {form} to these topics: {topics}{others}")
}

/// Formats the first `most` entries of a list, and the number of remaining entries.
fn some(list: &[String], most: usize) -> String {
    let named = list.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    match list.len().saturating_sub(most) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn summary(out: &mut impl Write, checked: &[Checked]) -> io::Result<()> {
    let reports = || checked.iter().filter_map(|input| input.outcome.as_ref().ok());
    if reports().next().is_none() {
        return Ok(());
    }
    let destinations: usize = reports().map(|report| report.destinations.len()).sum();
    write!(out, "{}", count(destinations, "destination"))?;
    for severity in Severity::ALL {
        let found = counted(checked, severity);
        let (style, before) = (style(severity), if severity == Severity::Error { ": " } else { ", " });
        let text = count(found, severity.name());
        if found > 0 { write!(out, "{before}{style}{text}{style:#}")? } else { write!(out, "{before}{text}")? }
    }
    if checked.iter().any(|input| !input.connections.is_empty()) {
        let failed = failures(checked);
        let text = format!("{} failed", count(failed, "connection step"));
        if failed > 0 {
            write!(out, "; {BAD}{text}{BAD:#}")?
        } else {
            write!(out, "; {text}")?
        }
        match warnings(checked) {
            0 => {}
            warned => write!(out, ", {DOUBTFUL}{}{DOUBTFUL:#}", count(warned, "connection warning"))?,
        }
    }
    let mut others = std::collections::BTreeMap::new();
    for (kind, count) in reports().flat_map(|report| &report.others) {
        *others.entry(if kind.is_empty() { "without a type" } else { kind }).or_insert(0) += count;
    }
    if !others.is_empty() {
        let kinds: Vec<String> = others.iter().map(|(kind, count)| format!("{count} {}", sanitize(kind))).collect();
        write!(out, "; skipped: {}", some(&kinds, MOST_SOURCES))?;
    }
    writeln!(out)
}

/// Sanitizes text from a file for a terminal: shortens it, and replaces characters that the terminal would interpret.
fn sanitize(text: &str) -> String {
    display::sanitize(&shorten(text, 500))
}

/// Puts a name from a file in quotes, and sanitizes it for a terminal.
fn quoted(name: &str) -> String {
    format!("\"{}\"", sanitize(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_check_output_are_escaped() {
        assert_eq!(sanitize("a\u{1b}]0;x\u{7}\nb"), r"a\u{1b}]0;x\u{7}\nb");
        assert_eq!(sanitize(&"x".repeat(1000)).chars().count(), 501);
    }

    #[test]
    fn a_long_list_in_check_output_is_truncated_with_a_count() {
        let list: Vec<String> = (0..7).map(|at| at.to_string()).collect();
        assert_eq!(
            (some(&list, 5), some(&list, 7)),
            ("0, 1, 2, 3, 4 and 2 more".to_owned(), "0, 1, 2, 3, 4, 5, 6".to_owned())
        );
    }
}
