//! Checks the configuration of destinations against the rules in docs/contract.md#destination-configuration. The checks
//! cover every field that the producer or the transformation reads.
//!
//! The crate `destinations` finds the destinations in a file.
//!
//! The checks use no network, clock or environment variables. They take the bytes of a file and the current time, and
//! return findings. The crate `connect` uses this crate, and tests the settings by connecting to the brokers.
//!
//! | module | responsibility |
//! | --- | --- |
//! | [`code`], [`finding`] | kinds of findings, their severity and advice |
//! | [`config`] | the fields of a Config and their types |
//! | [`brokers`], [`services`], [`ssh`] | where the producer connects, including Azure Event Hubs and Confluent Cloud |
//! | [`security`], [`certificate`], [`pem`] | encryption and credentials |
//! | [`topics`], [`topic_maps`], [`templates`] | the possible topics |
//! | [`avro`] | the message format |
//! | [`destination`] | the resulting connection settings, if there are no blocking errors |

pub mod avro;
pub mod brokers;
pub mod certificate;
pub mod code;
pub mod config;
pub mod destination;
pub mod finding;
pub mod pem;
pub mod security;
pub mod services;
pub mod ssh;
pub mod templates;
pub mod topic_list;
pub mod topic_maps;
pub mod topics;

use std::collections::BTreeMap;

use json::raw::Raw;
use transform::family::{AZURE_EVENT_HUB, CONFLUENT_CLOUD, Family};

use code::{Code, Severity};
use config::{Config, kind};
use destination::{Avro, Settings, Tls};
use destinations::find::{Found, Origin, Source, destinations};
use destinations::{rudder_cli, source};
use finding::Findings;

/// The maximum number of findings kept per file. Further findings are only counted. This maximum bounds the memory use:
/// a few bytes of input can cause a finding that takes hundreds of bytes.
const MAX_FINDINGS_KEPT: usize = 100_000;

/// The result of checking a file.
#[derive(Debug)]
pub struct Report {
    /// The supported destinations with their findings, without duplicates.
    pub destinations: Vec<Checked>,
    /// The number of unsupported destinations of each type. Destinations without a type are counted under the empty
    /// string.
    pub others: BTreeMap<String, usize>,
}

impl Report {
    /// Drops the findings about missing credentials. Use this method for exports that never contain credentials.
    pub fn drop_missing_secrets(&mut self) {
        for destination in &mut self.destinations {
            destination.findings.retain(|finding| !finding.code.is_missing_secret());
        }
    }

    /// Returns the number of findings with this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.destinations.iter().map(|destination| destination.findings.count(severity)).sum()
    }
}

/// A destination and its findings.
#[derive(Debug)]
pub struct Checked {
    /// The location of the destination in the file, as an RFC 6901 pointer.
    pub pointer: String,
    /// The destination type.
    pub family: &'static Family,
    /// The ID of the destination; empty if missing.
    pub id: String,
    /// The name of the destination; empty if missing.
    pub name: String,
    /// Whether the destination is in use: neither disabled nor deleted.
    pub enabled: bool,
    /// The sources that send to the destination.
    pub sources: Vec<Source>,
    /// The findings for the destination.
    pub findings: Findings,
    /// The connection settings, or `None` if the configuration has blocking errors.
    pub settings: Option<Settings>,
}

/// Checks every supported destination in a file. `now` is a Unix timestamp in seconds. `given` is the family that is
/// assumed for destinations without a type. The function never panics. Secrets from the file are returned only in
/// [`Checked::settings`].
///
/// # Errors
/// Returns a one-line reason if there is nothing to check. The reason contains nothing from the file.
pub fn check(bytes: &[u8], given: Option<&'static Family>, now: i64) -> Result<Report, String> {
    let text = source::read(bytes)?;
    let Ok(root) = Raw::parse(&text) else { return Err("it is not JSON".to_owned()) };
    let found = destinations(root, given)?;
    let mut room = MAX_FINDINGS_KEPT;
    let one = |found| {
        let checked = checked(found, now, room);
        room -= checked.findings.kept().min(room);
        checked
    };
    let checked = found.ours.into_iter().map(one).collect();
    Ok(Report { destinations: checked, others: found.others })
}

fn checked(found: Found<'_>, now: i64, room: usize) -> Checked {
    let mut findings = Findings::with_room(room);
    if found.differs {
        findings.note(Code::DestinationTwice, &found.pointer);
    }
    let settings = match &found.config {
        Some((config, pointer)) if config.is_object() => {
            let config = Config::read(*config, pointer, found.family, &mut findings);
            let settings = settings(&config, found.is_dynamic(), now, &mut findings);
            if found.origin == Origin::RudderCli {
                adapt_to_rudder_cli(&found.variables(), pointer, &mut findings);
            }
            settings
        }
        Some((config, pointer)) => {
            findings.add(Code::ConfigMissing, pointer, format!("the Config is {}, not an object", kind(*config)));
            None
        }
        None => {
            findings.add(Code::ConfigMissing, &found.pointer, "the destination has no Config");
            None
        }
    };
    let Found { pointer, family, id, name, enabled, sources, .. } = found;
    Checked { pointer, family, id, name, enabled, sources, findings, settings }
}

/// If a value contains a Rudder CLI variable, replaces all findings about this value with one hint, because the value
/// of the variable is not known yet. In all pointers, replaces the field names with the names that the file uses.
fn adapt_to_rudder_cli(variables: &[String], config: &str, findings: &mut Findings) {
    findings.retain(|finding| !variables.contains(&finding.pointer));
    for pointer in variables {
        findings.note(Code::ValueVariable, pointer);
    }
    findings.map_pointers(|pointer| rudder_cli::pointer_in_file(pointer, config));
}

/// Checks a Config against all rules. Returns the connection settings, or `None` if any of them is unusable.
fn settings(config: &Config<'_>, dynamic: bool, now: i64, findings: &mut Findings) -> Option<Settings> {
    let family = config.family;
    // All rules run before any result is used, so that all problems are reported at once.
    let connection = if *family == AZURE_EVENT_HUB || *family == CONFLUENT_CLOUD {
        let service = if *family == AZURE_EVENT_HUB { services::azure } else { services::confluent };
        let connection = service(config, findings);
        connection.map(|(brokers, sasl)| (brokers, Some(Tls { ca_pem: None }), Some(sasl), None, Avro::default()))
    } else {
        let brokers = brokers::of_host_and_port(config, findings);
        let tls = security::tls(config, now, findings);
        let sasl = security::sasl(config, findings);
        let ssh = ssh::tunnel(config, findings);
        let avro = avro::read(config, findings);
        (|| Some((brokers?, tls?, sasl?, ssh?, avro?)))()
    };
    let topics = topics::read(config, dynamic, findings);
    templates::check(config, dynamic, findings);
    let ((brokers, tls, sasl, ssh, avro), (topics, topics_from_events)) = (connection?, topics?);
    Some(Settings { family, brokers, tls, sasl, topics, topics_from_events, avro, ssh })
}
