//! Formats the connection steps as JSON. `docs/guides/check.md` describes the fields. New versions only add fields.

use serde_json::{Value, json};

use super::connection::Connection;
use connect::step::{Outcome, Section, Step, Subject};

/// Formats the result for one destination.
pub(in crate::cli::check) fn value(connection: &Connection) -> Value {
    match connection {
        Connection::Tried(report) => json!({
            "tried": true,
            "failures": connection.failures(),
            "warnings": connection.warnings(),
            "sections": report.sections.iter().map(section).collect::<Vec<_>>(),
        }),
        Connection::NoSettings => {
            json!({
                "tried": false,
                "failures": connection.failures(),
                "why": "not connected, because the destination's configuration has errors",
            })
        }
        Connection::Failed(problem) => json!({ "tried": false, "failures": connection.failures(), "why": problem }),
    }
}

fn section(section: &Section) -> Value {
    let steps: Vec<Value> = section.steps.iter().map(step).collect();
    match &section.subject {
        Subject::Client => json!({ "about": "client", "steps": steps }),
        Subject::Bootstrap(address) => json!({ "about": "bootstrap", "broker": address.to_string(), "steps": steps }),
        Subject::Topics(address) => json!({ "about": "topics", "broker": address.to_string(), "steps": steps }),
        Subject::Advertised { id, address } => {
            json!({ "about": "advertised", "broker": address.to_string(), "brokerId": id, "steps": steps })
        }
    }
}

fn step(step: &Step) -> Value {
    let (outcome, text) = match &step.outcome {
        Outcome::Passed(found) => ("ok", found),
        Outcome::Failed(failure) => ("failed", &failure.text),
        Outcome::Tolerated(failure) => ("warning", &failure.text),
        Outcome::Skipped(why) => ("skipped", why),
    };
    let mut value = json!({
        "step": step.stage.name(),
        "outcome": outcome,
        "text": text,
        "milliseconds": step.took.map(|took| (took.as_secs_f64() * 10_000.0).round() / 10.0),
        "details": step.details,
        "cautions": step.cautions,
    });
    if let Some(about) = &step.about {
        value["on"] = json!(about);
    }
    if let Some(failure) = step.failure().or(step.warning()) {
        value["code"] = json!(failure.problem.code());
        value["advice"] = json!(failure.advice());
    }
    value
}
