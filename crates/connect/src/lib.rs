//! Connects to a destination's brokers as its producer does, step by step, and reports what came of each.
//!
//! The part of [`check`] that waits for others: it opens sockets, looks at the clock and reads the system's roots.
//! Nothing is written: no message is produced, no topic is made.

mod broker;
mod broker_error;
mod certificate;
pub mod client_certificate;
mod metadata;
mod network;
pub mod os_error;
pub mod problem;
mod sanitize;
mod sasl;
mod shape;
pub mod step;
mod tls;
mod topic_config;
mod trust;
mod versions;
mod wire;

use std::io;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::timeout;

use broker::{Security, Visit, Way, record};
use client_certificate::ClientFiles;
use metadata::{Cluster, TOPICS_AT_ONCE, Who, counted};
use problem::Problem;
use step::{Failure, Report, Stage, Step, Subject};
use tls::Encryption;

use check::destination::{Address, Settings};
use transform::family::KAFKA;

/// What `Router.KAFKA.batchBytes` is where nobody sets it: 1 MB.
pub const DEFAULT_BATCH_BYTES: u64 = 1 << 20;

/// Brokers that are connected to at the same time.
const AT_ONCE: usize = 16;

/// What does not stand in the destination.
#[derive(Debug)]
pub struct Surroundings {
    /// What is shown to brokers that ask for a certificate.
    pub client: ClientFiles,
    /// Topics to look at in addition to those of the destination.
    pub topics: Vec<String>,
    /// How long each step may take.
    pub patience: Duration,
    /// Whether any certificate of a broker is accepted: `Router.KAFKA.tlsInsecureSkipVerify`.
    pub accepts_any_certificate: bool,
    /// The largest batch that the producer makes, in bytes: `Router.KAFKA.batchBytes`.
    pub batch_bytes: u64,
}

/// Connects, and reports of each step.
///
/// # Errors
/// This process cannot wait for sockets. Whatever is wrong with the brokers is in the report.
pub fn run(settings: &Settings, surroundings: &Surroundings) -> io::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(connect(settings, surroundings));
    // A look-up that takes longer than anybody waits for it must not hold the process.
    runtime.shutdown_background();
    Ok(report)
}

async fn connect(settings: &Settings, surroundings: &Surroundings) -> Report {
    let mut report = Report::default();
    if let Some(ssh) = &settings.ssh {
        let text = format!(
            "not tried: rudder-server comes to the brokers through {}, and this check does not",
            sanitize::sanitize(&ssh.host)
        );
        report.add(Subject::OwnSide, vec![Step::skipped(Stage::Ssh, text)]);
        return report;
    }
    let (security, steps) = prepare(settings, surroundings);
    report.add(Subject::OwnSide, steps);
    let way = Way { security, patience: surroundings.patience };

    let mut first: Option<(&Address, Visit, Cluster)> = None;
    let mut tried = Vec::new();
    let mut visits = stream::iter(&settings.brokers).map(|address| bootstrap(&way, address)).buffered(AT_ONCE);
    while let Some((address, mut steps, arrived)) = visits.next().await {
        let failed = arrived.is_none();
        if let Some((visit, cluster)) = arrived {
            match &first {
                None => first = Some((address, visit, cluster)),
                Some((other, _, known)) if known.id != cluster.id => steps.push(another_cluster(other)),
                Some(_) => {}
            }
        }
        tried.push((address, steps, failed));
    }
    for (address, mut steps, failed) in tried {
        // The producer starts with any broker of the list. It needs this one only if the cluster names it.
        let is_needed = |cluster: &Cluster| cluster.brokers.iter().any(|(_, advertised)| advertised == address);
        if failed && first.as_ref().is_some_and(|(_, _, cluster)| !is_needed(cluster)) {
            let tolerate =
                |step: Step| step.tolerate("a warning only: the producer starts with another broker of the list");
            steps = steps.into_iter().map(tolerate).collect();
        }
        report.add(Subject::Bootstrap(address.clone()), steps);
    }

    if let Some((address, visit, cluster)) = first {
        let who = Who { broker: address.to_string(), principal: principal(settings) };
        let topics = topics(&way, visit, &all_topics(settings, surroundings), &who, surroundings.batch_bytes).await;
        report.add(Subject::Topics(address.clone()), topics);
        let elsewhere = cluster.brokers.iter().filter(|(_, advertised)| !settings.brokers.contains(advertised));
        let (way, teller) = (&way, address);
        let mut visits = stream::iter(elsewhere)
            .map(|(id, address)| async move { (*id, address, way.to_advertised(address, teller).await) })
            .buffered(AT_ONCE);
        while let Some((id, address, steps)) = visits.next().await {
            report.add(Subject::Advertised { id, address: address.clone() }, steps);
        }
    }
    report
}

/// Gets certificates ready, where there is encryption.
fn prepare<'d>(settings: &'d Settings, surroundings: &Surroundings) -> (Security<'d>, Vec<Step>) {
    let Some(tls) = &settings.tls else {
        let text = "sslEnabled is off: all is sent in the clear, and useSASL, if it is on, has no effect";
        return (Security::Plaintext, vec![Step::skipped(Stage::Tls, text)]);
    };
    let (encryption, steps) =
        Encryption::prepare(tls.ca_pem.as_deref(), &surroundings.client, surroundings.accepts_any_certificate);
    let security = match encryption {
        Some(encryption) => Security::Tls(Box::new(encryption), settings.sasl.as_ref()),
        None => Security::Unprepared,
    };
    (security, steps)
}

type Arrived = (Visit, Cluster);

/// The way to a broker that the destination names, and what it reports of its cluster.
async fn bootstrap<'d>(way: &Way<'_>, address: &'d Address) -> (&'d Address, Vec<Step>, Option<Arrived>) {
    let mut steps = Vec::new();
    let Some(mut visit) = way.to(address, &mut steps).await else { return (address, steps, None) };
    let asked = metadata::cluster(&mut visit.conversation, &visit.versions);
    let (outcome, took) = way.within(asked).await;
    // Whoever has not logged in where that is needed is hung up on without a word.
    let logged_in = matches!(way.security, Security::Tls(_, Some(_)));
    let outcome = outcome.map_err(|failure| match failure.problem {
        Problem::ConnectionClosed if !logged_in => Failure::new(
            Problem::SaslRequired,
            "the broker closes the connection on the first request after its versions: this listener most likely wants a login (SASL)",
        ),
        _ => failure,
    });
    let cluster = record(&mut steps, Stage::Metadata, outcome, took, |cluster| {
        let brokers = counted(cluster.count, "broker");
        match &cluster.id {
            Some(id) => format!("cluster {id} of {brokers}"),
            None => format!("a cluster of {brokers}"),
        }
    });
    (address, steps, cluster.map(|cluster| (visit, cluster)))
}

fn another_cluster(other: &Address) -> Step {
    Step::failed(
        Stage::Metadata,
        Failure::new(Problem::ClustersDiffer, format!("this broker belongs to another cluster than {other}")),
    )
}

/// The principal that ACLs of a cluster are made for. Of a certificate it is the distinguished name, in a form that
/// the broker decides; Confluent Cloud and Azure have no such ACLs, and their user names are keys.
fn principal(settings: &Settings) -> Option<String> {
    if *settings.family != KAFKA {
        return None;
    }
    match (&settings.sasl, &settings.tls) {
        (Some(sasl), _) => Some(format!("User:{}", sanitize::sanitize(sasl.username.reveal()))),
        (None, None) => Some("User:ANONYMOUS".to_owned()),
        (None, Some(_)) => None,
    }
}

/// The topics that the destination can name, and those that were asked for, each once.
fn all_topics(settings: &Settings, surroundings: &Surroundings) -> Vec<String> {
    let mut topics = Vec::new();
    for topic in settings.topics.iter().chain(&surroundings.topics) {
        if !topics.contains(topic) {
            topics.push(topic.clone());
        }
    }
    topics
}

/// A step for each topic.
async fn topics(way: &Way<'_>, mut visit: Visit, topics: &[String], who: &Who, batch_bytes: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    for topics in topics.chunks(TOPICS_AT_ONCE) {
        let asked = metadata::topics(&mut visit.conversation, &visit.versions, topics, who);
        match way.within(asked).await {
            (Ok(told), took) => {
                let told = told.into_iter().map(|step| step.took(took)).collect();
                let limited = topic_config::compare(&mut visit.conversation, &visit.versions, told, batch_bytes);
                match timeout(way.patience, limited).await {
                    Ok(told) => steps.extend(told),
                    Err(_) => {
                        let text = "the broker does not answer when asked for max.message.bytes";
                        steps.push(Step::failed(Stage::Topic, Failure::new(Problem::ResponseTimeout, text)));
                        break;
                    }
                }
            }
            (Err(failure), took) => {
                let about = topics.iter().map(String::as_str);
                steps.push(Step::failed(Stage::Topic, failure).about(sanitize::listed(about)).took(took));
                break;
            }
        }
    }
    steps
}
