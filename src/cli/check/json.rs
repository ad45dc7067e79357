//! Formats the findings as JSON. `docs/guides/check.md` describes the fields. New versions only add fields.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::checked::{Checked, counted, failures, warnings};
use super::connect;
use check;
use check::code::Severity;
use check::destination::Settings;

/// Writes the whole report as one JSON object.
pub(super) fn write(out: &mut impl Write, checked: &[Checked]) -> io::Result<()> {
    let count = |severity| counted(checked, severity);
    let mut document = json!({
        "inputs": checked.iter().map(input).collect::<Vec<_>>(),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "hints": count(Severity::Hint),
    });
    if checked.iter().any(|checked| !checked.connections.is_empty()) {
        document["connectFailures"] = json!(failures(checked));
        document["connectWarnings"] = json!(warnings(checked));
    }
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn input(checked: &Checked) -> Value {
    match &checked.outcome {
        Err(problem) => json!({ "input": checked.name, "error": problem }),
        Ok(report) => json!({
            "input": checked.name,
            "destinations": destinations(report, &checked.connections),
            "others": report.others,
        }),
    }
}

fn destinations(report: &check::Report, connections: &[connect::connection::Connection]) -> Vec<Value> {
    let one = |(at, checked)| {
        let mut value = destination(checked);
        if let Some(connection) = connections.get(at) {
            value["connection"] = connect::value(connection);
        }
        value
    };
    report.destinations.iter().enumerate().map(one).collect()
}

fn destination(destination: &check::Checked) -> Value {
    let sources: Vec<Value> =
        destination.sources.iter().map(|source| json!({ "id": source.id, "name": source.name })).collect();
    let findings: Vec<Value> = destination
        .findings
        .sorted()
        .into_iter()
        .map(|finding| {
            json!({
                "code": finding.code.name(),
                "severity": finding.code.severity().name(),
                "pointer": finding.pointer,
                "message": finding.message,
                "advice": finding.code.advice(),
            })
        })
        .collect();
    json!({
        "id": destination.id,
        "name": destination.name,
        "family": destination.family.name,
        "pointer": destination.pointer,
        "enabled": destination.enabled,
        "sources": sources,
        "resolved": destination.settings.as_ref().map(resolved),
        "findings": findings,
        "findingsLeftOut": destination.findings.left_out(),
    })
}

/// Formats the connection settings that the producer uses for a destination, without secrets.
fn resolved(settings: &Settings) -> Value {
    json!({
        "brokers": settings.brokers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "tls": settings.tls.is_some(),
        "ownCa": settings.tls.as_ref().is_some_and(|tls| tls.ca_pem.is_some()),
        "sasl": settings.sasl.as_ref().map(|sasl| sasl.mechanism.name()),
        "topics": settings.topics,
        "topicsFromEvents": settings.topics_from_events,
        "avro": settings.avro.convert,
        "sshHost": settings.ssh.as_ref().map(|ssh| &ssh.host),
    })
}
