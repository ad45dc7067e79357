//! Connects to a destination's brokers the way its producer does, step by step, and reports the result of each step.
//!
//! Unlike [`check`], this crate does I/O: it opens sockets, reads the clock and loads the system's CA certificates. It
//! writes nothing to Kafka: it produces no messages and creates no topics.

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

use broker::{Connector, Security, Session, record};
use client_certificate::ClientFiles;
use metadata::{AdviceContext, Cluster, TOPICS_AT_ONCE, counted};
use problem::Problem;
use step::{Failure, Report, Stage, Step, Subject};
use tls::Encryption;

use check::destination::{Address, Settings};
use transform::family::KAFKA;

/// The default of `Router.KAFKA.batchBytes`: 1 MiB.
pub const DEFAULT_BATCH_BYTES: u64 = 1 << 20;

/// The maximum number of concurrent connections.
const AT_ONCE: usize = 16;

/// Options that are not part of the destination.
#[derive(Debug)]
pub struct ConnectOptions {
    /// The client certificate for brokers that request one.
    pub client: ClientFiles,
    /// Topics to check in addition to the destination's topics.
    pub topics: Vec<String>,
    /// The timeout of each step.
    pub timeout: Duration,
    /// Whether every broker certificate is accepted, as with `Router.KAFKA.tlsInsecureSkipVerify`.
    pub accepts_any_certificate: bool,
    /// The maximum batch size of the producer in bytes, as set by `Router.KAFKA.batchBytes`.
    pub batch_bytes: u64,
}

/// Connects to the brokers of a destination, and reports each step.
///
/// # Errors
/// Fails if the event loop cannot be started. Problems with the brokers are in the report.
pub fn run(settings: &Settings, options: &ConnectOptions) -> io::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(connect(settings, options));
    // A DNS lookup that is still running must not keep the process alive.
    runtime.shutdown_background();
    Ok(report)
}

async fn connect(settings: &Settings, options: &ConnectOptions) -> Report {
    let mut report = Report::default();
    if let Some(ssh) = &settings.ssh {
        let text = format!(
            "not tried: rudder-server connects through the SSH server {}, but this check does not support SSH",
            sanitize::sanitize(&ssh.host)
        );
        report.add(Subject::Client, vec![Step::skipped(Stage::Ssh, text)]);
        return report;
    }
    let (security, steps) = prepare(settings, options);
    report.add(Subject::Client, steps);
    let connector = Connector { security, timeout: options.timeout };

    let mut first: Option<(&Address, Session, Cluster)> = None;
    let mut tried = Vec::new();
    let mut attempts = stream::iter(&settings.brokers).map(|address| bootstrap(&connector, address)).buffered(AT_ONCE);
    while let Some((address, mut steps, connected)) = attempts.next().await {
        let failed = connected.is_none();
        if let Some((session, cluster)) = connected {
            match &first {
                None => first = Some((address, session, cluster)),
                Some((other, _, known)) if known.id != cluster.id => steps.push(another_cluster(other)),
                Some(_) => {}
            }
        }
        tried.push((address, steps, failed));
    }
    for (address, mut steps, failed) in tried {
        // The producer can start with any broker in the list. Therefore, the failure of one broker matters only if the
        // cluster advertises the address of this broker.
        let is_needed = |cluster: &Cluster| cluster.brokers.iter().any(|(_, advertised)| advertised == address);
        if failed && first.as_ref().is_some_and(|(_, _, cluster)| !is_needed(cluster)) {
            let tolerate =
                |step: Step| step.tolerate("only a warning: the producer starts with another broker in the list");
            steps = steps.into_iter().map(tolerate).collect();
        }
        report.add(Subject::Bootstrap(address.clone()), steps);
    }

    if let Some((address, session, cluster)) = first {
        let context = AdviceContext { broker: address.to_string(), principal: principal(settings) };
        let topics = topics(&connector, session, &all_topics(settings, options), &context, options.batch_bytes).await;
        report.add(Subject::Topics(address.clone()), topics);
        let elsewhere = cluster.brokers.iter().filter(|(_, advertised)| !settings.brokers.contains(advertised));
        let (connector, advertiser) = (&connector, address);
        let mut attempts = stream::iter(elsewhere)
            .map(|(id, address)| async move { (*id, address, connector.to_advertised(address, advertiser).await) })
            .buffered(AT_ONCE);
        while let Some((id, address, steps)) = attempts.next().await {
            report.add(Subject::Advertised { id, address: address.clone() }, steps);
        }
    }
    report
}

/// Loads the certificates if the destination uses TLS. Returns the encryption and authentication to use for
/// connections, and the steps to report.
fn prepare<'d>(settings: &'d Settings, options: &ConnectOptions) -> (Security<'d>, Vec<Step>) {
    let Some(tls) = &settings.tls else {
        let text = "sslEnabled is off: the connection is not encrypted, and useSASL has no effect";
        return (Security::Plaintext, vec![Step::skipped(Stage::Tls, text)]);
    };
    let (encryption, steps) =
        Encryption::prepare(tls.ca_pem.as_deref(), &options.client, options.accepts_any_certificate);
    let security = match encryption {
        Some(encryption) => Security::Tls(Box::new(encryption), settings.sasl.as_ref()),
        None => Security::Unprepared,
    };
    (security, steps)
}

type Connected = (Session, Cluster);

/// Connects to a bootstrap broker, and requests the metadata of the broker's cluster.
async fn bootstrap<'d>(connector: &Connector<'_>, address: &'d Address) -> (&'d Address, Vec<Step>, Option<Connected>) {
    let mut steps = Vec::new();
    let Some(mut session) = connector.to(address, &mut steps).await else { return (address, steps, None) };
    let response = metadata::cluster(&mut session.connection, &session.versions);
    let (outcome, took) = connector.within(response).await;
    // A broker that requires a login closes the connection of an unauthenticated client without sending an error.
    let logged_in = matches!(connector.security, Security::Tls(_, Some(_)));
    let outcome = outcome.map_err(|failure| match failure.problem {
        Problem::ConnectionClosed if !logged_in => Failure::new(
            Problem::SaslRequired,
            "the broker closes the connection on the first request after ApiVersions: this listener most likely requires a login (SASL)",
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
    (address, steps, cluster.map(|cluster| (session, cluster)))
}

fn another_cluster(other: &Address) -> Step {
    Step::failed(
        Stage::Metadata,
        Failure::new(Problem::ClustersDiffer, format!("this broker belongs to a different cluster than {other}")),
    )
}

/// Returns the principal that Kafka's ACLs use for the destination's user, such as `User:rudder`. Returns `None` for
/// TLS without a login, because each broker has its own rules for deriving the principal from a client certificate.
/// Also returns `None` for Confluent Cloud and Azure Event Hubs, because they have no such ACLs, and because their user
/// names are not principals.
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

/// Returns the destination's topics and the topics in `options`, without duplicates.
fn all_topics(settings: &Settings, options: &ConnectOptions) -> Vec<String> {
    let mut topics = Vec::new();
    for topic in settings.topics.iter().chain(&options.topics) {
        if !topics.contains(topic) {
            topics.push(topic.clone());
        }
    }
    topics
}

/// Checks the topics, and returns the steps.
async fn topics(
    connector: &Connector<'_>,
    mut session: Session,
    topics: &[String],
    context: &AdviceContext,
    batch_bytes: u64,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for topics in topics.chunks(TOPICS_AT_ONCE) {
        let response = metadata::topics(&mut session.connection, &session.versions, topics, context);
        match connector.within(response).await {
            (Ok(reported), took) => {
                let reported = reported.into_iter().map(|step| step.took(took)).collect();
                let limited = topic_config::compare(&mut session.connection, &session.versions, reported, batch_bytes);
                match timeout(connector.timeout, limited).await {
                    Ok(reported) => steps.extend(reported),
                    Err(_) => {
                        let text = "the broker does not respond to the request for max.message.bytes";
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
