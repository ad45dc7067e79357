//! The steps of a check with their results and durations, as values that the command line prints and tests compare.

use std::time::Duration;

use super::problem::Problem;
use check::destination::Address;

/// All steps for one destination, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The steps by subject. No section is empty.
    pub sections: Vec<Section>,
}

impl Report {
    /// All warnings, in order: failures that do not stop the producer from working.
    pub fn warnings(&self) -> impl Iterator<Item = &Failure> {
        self.sections.iter().flat_map(|section| &section.steps).filter_map(Step::warning)
    }

    /// All failures, in order.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.sections.iter().flat_map(|section| &section.steps).filter_map(Step::failure)
    }

    /// Adds a section, unless it is empty.
    pub(super) fn add(&mut self, subject: Subject, steps: Vec<Step>) {
        if !steps.is_empty() {
            self.sections.push(Section { subject, steps });
        }
    }
}

/// The steps for one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The subject.
    pub subject: Subject,
    /// The steps, in the order in which they were tried.
    pub steps: Vec<Step>,
}

/// The subject of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The client's certificates and keys, before connecting.
    Client,
    /// A broker that the destination names.
    Bootstrap(Address),
    /// The topics, as this broker reports them.
    Topics(Address),
    /// A broker that the cluster advertises: producers connect to it next.
    Advertised {
        /// The broker's ID.
        id: i32,
        /// The advertised address.
        address: Address,
    },
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The stage of connecting that the step belongs to.
    pub stage: Stage,
    /// The topic or file that the step is about, unless the section names it.
    pub about: Option<String>,
    /// The duration. `None` means that the step did not wait for anything.
    pub took: Option<Duration>,
    /// The result.
    pub outcome: Outcome,
    /// Further observations, one per line.
    pub details: Vec<String>,
    /// Potential problems, and facts that could not be determined, one per line.
    pub cautions: Vec<String>,
}

impl Step {
    /// Creates a successful step.
    pub(super) fn passed(stage: Stage, found: impl Into<String>) -> Self {
        Self::of(stage, Outcome::Passed(found.into()))
    }

    /// Creates a failed step.
    pub(super) fn failed(stage: Stage, failure: Failure) -> Self {
        Self::of(stage, Outcome::Failed(failure))
    }

    /// Creates a failed step that does not stop the producer from working.
    pub(super) fn tolerated(stage: Stage, failure: Failure) -> Self {
        Self::of(stage, Outcome::Tolerated(failure))
    }

    /// Turns a failure into a warning, and adds the reason as a detail.
    pub(super) fn tolerate(mut self, why: &str) -> Self {
        if let Outcome::Failed(failure) = self.outcome {
            self.outcome = Outcome::Tolerated(failure);
            self.details.push(why.to_owned());
        }
        self
    }

    /// Creates a step that was not tried.
    pub(super) fn skipped(stage: Stage, why: impl Into<String>) -> Self {
        Self::of(stage, Outcome::Skipped(why.into()))
    }

    fn of(stage: Stage, outcome: Outcome) -> Self {
        Self { stage, about: None, took: None, outcome, details: Vec::new(), cautions: Vec::new() }
    }

    /// Sets the topic or file that the step is about.
    pub(super) fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// Sets the duration of the step.
    pub(super) fn took(mut self, took: Duration) -> Self {
        self.took = Some(took);
        self
    }

    /// Adds further observations to the step.
    pub(super) fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// Adds cautions to the step.
    pub(super) fn with_cautions(mut self, cautions: impl IntoIterator<Item = String>) -> Self {
        self.cautions.extend(cautions);
        self
    }

    /// The failure, if the step failed.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Passed(_) | Outcome::Tolerated(_) | Outcome::Skipped(_) => None,
        }
    }

    /// The warning, if the step failed without stopping the producer from working.
    #[must_use]
    pub fn warning(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Tolerated(failure) => Some(failure),
            Outcome::Passed(_) | Outcome::Failed(_) | Outcome::Skipped(_) => None,
        }
    }
}

/// The stages of connecting, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The CA certificates for verifying the broker.
    Trust,
    /// The client certificate and its key.
    ClientCertificate,
    /// The SSH tunnel.
    Ssh,
    /// Name resolution.
    Dns,
    /// The TCP connection.
    Tcp,
    /// Encryption, and verification of the broker's certificate.
    Tls,
    /// The requests and versions that the broker supports.
    Versions,
    /// Authentication with user and password.
    Sasl,
    /// The brokers of the cluster.
    Metadata,
    /// One topic.
    Topic,
}

impl Stage {
    /// A stable identifier of the step.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Trust => "trust",
            Stage::ClientCertificate => "client certificate",
            Stage::Ssh => "ssh",
            Stage::Dns => "dns",
            Stage::Tcp => "tcp",
            Stage::Tls => "tls",
            Stage::Versions => "versions",
            Stage::Sasl => "sasl",
            Stage::Metadata => "metadata",
            Stage::Topic => "topic",
        }
    }
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The step succeeded, with this result.
    Passed(String),
    /// The step failed.
    Failed(Failure),
    /// The step failed, but the producer works without it.
    Tolerated(Failure),
    /// The step was not tried, for this reason.
    Skipped(String),
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind of problem, with advice.
    pub problem: Problem,
    /// A description of the failure, as a sentence without a period. The text never contains a password or a key.
    pub text: String,
    /// Specific advice, which replaces [`Problem::advice`].
    advice: Option<String>,
}

impl Failure {
    /// Creates a failure.
    pub(super) fn new(problem: Problem, text: impl Into<String>) -> Self {
        Self { problem, text: text.into(), advice: None }
    }

    /// Sets specific advice.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The advice.
    #[must_use]
    pub fn advice(&self) -> &str {
        self.advice.as_deref().unwrap_or_else(|| self.problem.advice())
    }
}
