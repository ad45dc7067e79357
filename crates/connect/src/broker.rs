//! The way to one broker: name, connection, encryption, versions, login. Each step waits for the one before.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::network;
use super::problem::Problem;
use super::sasl;
use super::step::{Failure, Stage, Step};
use super::tls::Encryption;
use super::versions::Versions;
use super::wire::Conversation;
use check::destination::{Address, Sasl};

/// How a destination's producer comes to any of its brokers.
pub(super) struct Way<'d> {
    pub(super) security: Security<'d>,
    /// How long each step may take.
    pub(super) patience: Duration,
}

/// What is agreed on once there is a connection.
pub(super) enum Security<'d> {
    /// Nothing: all is sent in the clear.
    Plaintext,
    /// Encryption, and a login if there are credentials.
    Tls(Box<Encryption>, Option<&'d Sasl>),
    /// Encryption, which cannot be done here.
    Unprepared,
}

/// A broker that lets us in.
pub(super) struct Visit {
    pub(super) conversation: Conversation,
    pub(super) versions: Versions,
}

impl Way<'_> {
    /// Goes as far as it can, and adds each step. `None` where one failed.
    pub(super) async fn to(&self, address: &Address, steps: &mut Vec<Step>) -> Option<Visit> {
        let mut conversation = self.talk(address, steps).await?;
        let versions = self.versions(&mut conversation, steps).await?;
        if let Security::Tls(_, Some(credentials)) = &self.security {
            let login = sasl::authenticate(&mut conversation, &versions, credentials);
            let (outcome, took) = self.within(login).await;
            record(steps, Stage::Sasl, outcome, took, |found| found.clone())?;
        }
        Some(Visit { conversation, versions })
    }

    /// The same to a broker that the one at `teller` named, up to its versions: a user of one is a user of all.
    pub(super) async fn to_advertised(&self, address: &Address, teller: &Address) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(mut conversation) = self.talk(address, &mut steps).await {
            self.versions(&mut conversation, &mut steps).await;
        }
        let misleads = network::leads_home(&address.host) && !network::leads_home(&teller.host);
        if let Some(step) = steps.last_mut() {
            if misleads {
                step.cautions.push(format!(
                    "{} is every client's own machine: advertised.listeners of the broker must not name it",
                    address.host
                ));
            } else if step.failure().is_some() {
                step.details.push(
                    "this address comes from advertised.listeners of the broker: producers connect there".to_owned(),
                );
            }
        }
        steps
    }

    /// Waits for what a step waits for, and takes the time.
    ///
    /// # Errors
    /// Those of the step, or that it took too long.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> (Result<T, Failure>, Duration) {
        self.within_or(Problem::ResponseTimeout, "the broker does not answer", work).await
    }

    async fn within_or<T>(
        &self,
        problem: Problem,
        what: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> (Result<T, Failure>, Duration) {
        let start = Instant::now();
        let outcome = match timeout(self.patience, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::new(problem, format!("{what} within {} s", self.patience.as_secs_f64()))),
        };
        (outcome, start.elapsed())
    }

    /// As far as bytes can be exchanged.
    async fn talk(&self, address: &Address, steps: &mut Vec<Step>) -> Option<Conversation> {
        let tcp = self.connect(address, steps).await?;
        let (encryption, tcp) = match &self.security {
            Security::Plaintext => return Some(Conversation::on(tcp)),
            Security::Unprepared => {
                steps.push(Step::skipped(Stage::Tls, "without a CA to trust, no certificate can be checked"));
                return None;
            }
            Security::Tls(encryption, _) => (encryption, tcp),
        };
        let handshake = encryption.handshake(tcp, &address.host);
        let (outcome, took) =
            self.within_or(Problem::TlsTimeout, "the other side does not answer to TLS", handshake).await;
        let details = match &outcome {
            Ok(encrypted) => encrypted.details.clone(),
            Err(failure) if failure.problem == Problem::NotTls && self.speaks_plaintext(address).await => {
                vec!["a second connection, without TLS, was answered: this is a plaintext listener of Kafka".to_owned()]
            }
            Err(_) => Vec::new(),
        };
        let encrypted = record(steps, Stage::Tls, outcome, took, |encrypted| encrypted.found.clone());
        if let Some(step) = steps.last_mut() {
            step.details.extend(details);
            step.cautions.extend(encrypted.iter().flat_map(|encrypted| encrypted.cautions.clone()));
        }
        Some(Conversation::on(encrypted?.stream))
    }

    async fn connect(&self, address: &Address, steps: &mut Vec<Step>) -> Option<TcpStream> {
        let (outcome, took) =
            self.within_or(Problem::DnsTimeout, "the DNS does not answer", network::resolve(address)).await;
        let addresses = record(steps, Stage::Dns, outcome, took, |addresses| {
            addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ")
        })?;
        let what = format!("no answer from {address}");
        let (outcome, took) = self.within_or(Problem::ConnectTimeout, &what, network::connect(&addresses)).await;
        let (stream, refusals) = record(steps, Stage::Tcp, outcome, took, |(stream, _)| {
            stream.peer_addr().map(|peer| peer.to_string()).unwrap_or_default()
        })?;
        if let Some(step) = steps.last_mut() {
            step.cautions.extend(refusals);
        }
        Some(stream)
    }

    async fn versions(&self, conversation: &mut Conversation, steps: &mut Vec<Step>) -> Option<Versions> {
        let (outcome, took) = self.within(Versions::ask(conversation)).await;
        record(steps, Stage::Versions, outcome, took, Versions::summary)
    }

    /// Whether a Kafka broker answers here that wants no encryption.
    async fn speaks_plaintext(&self, address: &Address) -> bool {
        let asked = async {
            let (tcp, _) = network::connect(&network::resolve(address).await?).await?;
            Versions::ask(&mut Conversation::on(tcp)).await
        };
        self.within(asked).await.0.is_ok()
    }
}

/// Adds a step, and hands on what it found.
pub(super) fn record<T>(
    steps: &mut Vec<Step>,
    stage: Stage,
    outcome: Result<T, Failure>,
    took: Duration,
    found: impl FnOnce(&T) -> String,
) -> Option<T> {
    let step = match &outcome {
        Ok(value) => Step::passed(stage, found(value)),
        Err(failure) => Step::failed(stage, failure.clone()),
    };
    steps.push(step.took(took));
    outcome.ok()
}
