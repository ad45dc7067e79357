//! Whether destinations are configured right: everything the producer and the transformation read of them is compared with
//! docs/contract.md#destination-configuration.
//!
//! The crate `destinations` reads which destinations a file holds, and where.
//!
//! The rules know no HTTP, clock or environment: the bytes of a file and the time go in, findings come out. The crate
//! `connect`, which they do not know, connects to the brokers and checks whether it is so.
//!
//! | module | decides |
//! | --- | --- |
//! | [`code`], [`finding`] | what can be found, how bad it is, what to do |
//! | [`config`] | which fields a Config has, and of which form they are |
//! | [`brokers`], [`services`], [`ssh`] | where the producer connects, also for Azure Event Hubs and Confluent Cloud |
//! | [`security`], [`certificate`], [`pem`] | encryption and credentials |
//! | [`topics`], [`topic_maps`], [`templates`] | which topics can occur |
//! | [`avro`] | how messages are written |
//! | [`destination`] | what a destination comes to, where the rules let it pass |

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

/// Findings that are kept of one file; more are counted. A few bytes of input can cause a finding, which takes hundreds.
const MAX_FINDINGS_KEPT: usize = 100_000;

/// What a file comes to.
#[derive(Debug)]
pub struct Report {
    /// The destinations of ours, each once.
    pub destinations: Vec<Checked>,
    /// How many destinations are of other types, by type; those without one under nothing.
    pub others: BTreeMap<String, usize>,
}

impl Report {
    /// Drops what was found of credentials that are missing, for exports that never have them.
    pub fn forgive_missing_secrets(&mut self) {
        for destination in &mut self.destinations {
            destination.findings.retain(|finding| !finding.code.is_missing_secret());
        }
    }

    /// How many findings there are of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.destinations.iter().map(|destination| destination.findings.count(severity)).sum()
    }
}

/// One destination and what was found.
#[derive(Debug)]
pub struct Checked {
    /// Where it stands in the file: an RFC 6901 pointer.
    pub pointer: String,
    /// Its family.
    pub family: &'static Family,
    /// Its ID, or nothing.
    pub id: String,
    /// Its name, or nothing.
    pub name: String,
    /// Whether it is in use: neither disabled nor deleted.
    pub enabled: bool,
    /// The sources that send to it.
    pub sources: Vec<Source>,
    /// What was found.
    pub findings: Findings,
    /// What the producer makes of it; `None` where that is nothing it could connect with.
    pub settings: Option<Settings>,
}

/// Checks every destination of ours in a file, at `now` in seconds since 1970. `given` is the family of those that do not
/// tell theirs. No bytes make it panic, and no secret gets into what it returns but by [`Checked::settings`].
///
/// # Errors
/// Why there is nothing to check, in one line that shows nothing of the file.
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
                as_in_the_rudder_clis_file(&found.variables(), pointer, &mut findings);
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

/// Replaces what was found of values with variables, which are not known yet, by a hint, and points at the names that the
/// file has.
fn as_in_the_rudder_clis_file(variables: &[String], config: &str, findings: &mut Findings) {
    findings.retain(|finding| !variables.contains(&finding.pointer));
    for pointer in variables {
        findings.note(Code::ValueVariable, pointer);
    }
    findings.map_pointers(|pointer| rudder_cli::pointer_in_file(pointer, config));
}

/// Checks a Config by every rule. Returns what the producer builds from it, or `None` if a part is unusable.
fn settings(config: &Config<'_>, dynamic: bool, now: i64, findings: &mut Findings) -> Option<Settings> {
    let family = config.family;
    // Every rule is asked before any answer counts, so that all problems are told at once.
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
