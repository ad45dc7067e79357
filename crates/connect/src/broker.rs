//! Connects to one broker in steps: name resolution, TCP, TLS, versions, login. A step runs only if the previous step
//! succeeded.

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
use super::wire::BrokerConnection;
use check::destination::{Address, Sasl};

/// Connects to brokers with the settings of a destination's producer.
pub(super) struct Connector<'d> {
    pub(super) security: Security<'d>,
    /// The timeout of each step.
    pub(super) timeout: Duration,
}

/// The encryption and authentication of connections.
pub(super) enum Security<'d> {
    /// No encryption and no login.
    Plaintext,
    /// TLS, and a login if there are credentials.
    Tls(Box<Encryption>, Option<&'d Sasl>),
    /// TLS, but without usable CA certificates. The check then stops before the TLS handshake.
    Unprepared,
}

/// An established connection to a broker.
pub(super) struct Session {
    pub(super) connection: BrokerConnection,
    pub(super) versions: Versions,
}

impl Connector<'_> {
    /// Runs the steps of connecting to a broker, and adds each of them to `steps`. Stops and returns `None` if a step
    /// fails.
    pub(super) async fn to(&self, address: &Address, steps: &mut Vec<Step>) -> Option<Session> {
        let mut connection = self.open(address, steps).await?;
        let versions = self.versions(&mut connection, steps).await?;
        if let Security::Tls(_, Some(credentials)) = &self.security {
            let login = sasl::authenticate(&mut connection, &versions, credentials);
            let (outcome, took) = self.within(login).await;
            record(steps, Stage::Sasl, outcome, took, |found| found.clone())?;
        }
        Some(Session { connection, versions })
    }

    /// Connects to the broker at `address`, which the broker at `advertiser` advertised, and requests the supported
    /// versions. Does not log in, because all brokers of a cluster have the same users.
    pub(super) async fn to_advertised(&self, address: &Address, advertiser: &Address) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(mut connection) = self.open(address, &mut steps).await {
            self.versions(&mut connection, &mut steps).await;
        }
        let is_misleading = network::is_loopback(&address.host) && !network::is_loopback(&advertiser.host);
        if let Some(step) = steps.last_mut() {
            if is_misleading {
                step.cautions.push(format!(
                    "{} refers to the client's own machine: remove it from advertised.listeners of the broker",
                    address.host
                ));
            } else if step.failure().is_some() {
                step.details.push(
                    "the broker advertises this address in advertised.listeners, and producers connect to this address"
                        .to_owned(),
                );
            }
        }
        steps
    }

    /// Runs a step with a timeout, and measures its duration.
    ///
    /// # Errors
    /// Returns the error of the step, or [`Problem::ResponseTimeout`] if the step takes too long.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> (Result<T, Failure>, Duration) {
        self.within_or(Problem::ResponseTimeout, "the broker does not respond", work).await
    }

    async fn within_or<T>(
        &self,
        problem: Problem,
        what: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> (Result<T, Failure>, Duration) {
        let start = Instant::now();
        let outcome = match timeout(self.timeout, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::new(problem, format!("{what} within {} s", self.timeout.as_secs_f64()))),
        };
        (outcome, start.elapsed())
    }

    /// Opens a connection for Kafka requests. Uses TLS if the destination uses TLS, and otherwise plain TCP.
    async fn open(&self, address: &Address, steps: &mut Vec<Step>) -> Option<BrokerConnection> {
        let tcp = self.connect(address, steps).await?;
        let (encryption, tcp) = match &self.security {
            Security::Plaintext => return Some(BrokerConnection::on(tcp)),
            Security::Unprepared => {
                steps.push(Step::skipped(Stage::Tls, "without a trusted CA, no certificate can be verified"));
                return None;
            }
            Security::Tls(encryption, _) => (encryption, tcp),
        };
        let handshake = encryption.handshake(tcp, &address.host);
        let (outcome, took) =
            self.within_or(Problem::TlsTimeout, "the server does not respond to the TLS handshake", handshake).await;
        let details = match &outcome {
            Ok(encrypted) => encrypted.details.clone(),
            Err(failure) if failure.problem == Problem::NotTls && self.speaks_plaintext(address).await => {
                vec!["a second connection without TLS got a response: this is a plaintext Kafka listener".to_owned()]
            }
            Err(_) => Vec::new(),
        };
        let encrypted = record(steps, Stage::Tls, outcome, took, |encrypted| encrypted.found.clone());
        if let Some(step) = steps.last_mut() {
            step.details.extend(details);
            step.cautions.extend(encrypted.iter().flat_map(|encrypted| encrypted.cautions.clone()));
        }
        Some(BrokerConnection::on(encrypted?.stream))
    }

    async fn connect(&self, address: &Address, steps: &mut Vec<Step>) -> Option<TcpStream> {
        let (outcome, took) =
            self.within_or(Problem::DnsTimeout, "the DNS server does not respond", network::resolve(address)).await;
        let addresses = record(steps, Stage::Dns, outcome, took, |addresses| {
            addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ")
        })?;
        let what = format!("no response from {address}");
        let (outcome, took) = self.within_or(Problem::ConnectTimeout, &what, network::connect(&addresses)).await;
        let (stream, refusals) = record(steps, Stage::Tcp, outcome, took, |(stream, _)| {
            stream.peer_addr().map(|peer| peer.to_string()).unwrap_or_default()
        })?;
        if let Some(step) = steps.last_mut() {
            step.cautions.extend(refusals);
        }
        Some(stream)
    }

    async fn versions(&self, connection: &mut BrokerConnection, steps: &mut Vec<Step>) -> Option<Versions> {
        let (outcome, took) = self.within(Versions::ask(connection)).await;
        record(steps, Stage::Versions, outcome, took, Versions::summary)
    }

    /// Whether a Kafka broker responds on this address without TLS.
    async fn speaks_plaintext(&self, address: &Address) -> bool {
        let response = async {
            let (tcp, _) = network::connect(&network::resolve(address).await?).await?;
            Versions::ask(&mut BrokerConnection::on(tcp)).await
        };
        self.within(response).await.0.is_ok()
    }
}

/// Adds a step with this outcome to `steps`. Returns the value in `outcome` if the step succeeded.
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
