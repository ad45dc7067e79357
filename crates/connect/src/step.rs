//! The steps of a check with their results and durations, which the command line prints and which tests compare.

use std::time::Duration;

use super::problem::Problem;
use check::destination::Address;

/// All steps for one destination, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The steps, grouped by subject. Every section has at least one step.
    pub sections: Vec<Section>,
}

impl Report {
    /// Returns all warnings, in order. A warning is a failure that does not stop the producer from working.
    pub fn warnings(&self) -> impl Iterator<Item = &Failure> {
        self.sections.iter().flat_map(|section| &section.steps).filter_map(Step::warning)
    }

    /// Returns all failures, in order, without the warnings.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.sections.iter().flat_map(|section| &section.steps).filter_map(Step::failure)
    }

    /// Adds a section, unless there are no steps.
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

/// The subject of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The client itself, which loads certificates and keys before it connects.
    Client,
    /// A broker listed in the destination's settings.
    Bootstrap(Address),
    /// The topics, as the broker with this address reports them.
    Topics(Address),
    /// A broker that the cluster advertises. Producers send messages to the advertised addresses.
    Advertised {
        /// The broker's ID.
        id: i32,
        /// The advertised address.
        address: Address,
    },
}

/// A step of a check, with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The stage that the step belongs to.
    pub stage: Stage,
    /// The topic or file that the step is about, unless the section's subject already names it.
    pub about: Option<String>,
    /// The duration of the step. `None` means that the step did not wait for anything.
    pub took: Option<Duration>,
    /// The result.
    pub outcome: Outcome,
    /// Further observations, each as one line of text.
    pub details: Vec<String>,
    /// Potential problems, and facts that could not be determined, each as one line of text.
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

    /// Creates a warning: a failed step that does not stop the producer from working.
    pub(super) fn tolerated(stage: Stage, failure: Failure) -> Self {
        Self::of(stage, Outcome::Tolerated(failure))
    }

    /// Turns a failed step into a warning, and adds `why` as a detail. Does not change any other step.
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

    /// Returns the failure of a failed step. Returns `None` for a warning.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Passed(_) | Outcome::Tolerated(_) | Outcome::Skipped(_) => None,
        }
    }

    /// Returns the failure of a warning. Returns `None` for any other step.
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
    /// Returns the stable identifier of the stage.
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
    /// The step failed, but this does not stop the producer from working.
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
    /// Advice for this failure, if it replaces the general [`Problem::advice`].
    advice: Option<String>,
}

impl Failure {
    /// Creates a failure.
    pub(super) fn new(problem: Problem, text: impl Into<String>) -> Self {
        Self { problem, text: text.into(), advice: None }
    }

    /// Sets advice for this failure, which replaces the general [`Problem::advice`].
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Returns the advice for this failure, or else the general advice on the problem.
    #[must_use]
    pub fn advice(&self) -> &str {
        self.advice.as_deref().unwrap_or_else(|| self.problem.advice())
    }
}
