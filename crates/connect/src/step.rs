//! What was tried, what came of it, and how long it took: values that the command line prints and tests compare.

use std::time::Duration;

use super::problem::Problem;
use check::destination::Address;

/// Everything that was tried for one destination, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The steps, by what they were about. None is empty.
    pub sections: Vec<Section>,
}

impl Report {
    /// Every warning, in order: what failed, but does not keep the producer from its work.
    pub fn warnings(&self) -> impl Iterator<Item = &Failure> {
        self.sections.iter().flat_map(|section| &section.steps).filter_map(Step::warning)
    }

    /// Every failure, in order.
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

/// Steps that were about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What they were about.
    pub subject: Subject,
    /// The steps, in the order in which they were tried.
    pub steps: Vec<Step>,
}

/// What steps are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Certificates and keys of our own, before anything is connected.
    OwnSide,
    /// A broker that the destination names.
    Bootstrap(Address),
    /// The topics, as this broker reported.
    Topics(Address),
    /// A broker that the cluster names: producers connect there next.
    Advertised {
        /// The broker's id.
        id: i32,
        /// Where it says that it is.
        address: Address,
    },
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which one.
    pub stage: Stage,
    /// What it was tried on where the section does not say it: a topic, a file.
    pub about: Option<String>,
    /// How long it took; `None` where nothing was waited for.
    pub took: Option<Duration>,
    /// What came of it.
    pub outcome: Outcome,
    /// What else was seen, one per line.
    pub details: Vec<String>,
    /// What is fine now and may not be later, or could not be found out, one per line.
    pub cautions: Vec<String>,
}

impl Step {
    /// A step that went well.
    pub(super) fn passed(stage: Stage, found: impl Into<String>) -> Self {
        Self::of(stage, Outcome::Passed(found.into()))
    }

    /// A step that failed.
    pub(super) fn failed(stage: Stage, failure: Failure) -> Self {
        Self::of(stage, Outcome::Failed(failure))
    }

    /// A step that failed, but does not keep the producer from its work.
    pub(super) fn tolerated(stage: Stage, failure: Failure) -> Self {
        Self::of(stage, Outcome::Tolerated(failure))
    }

    /// The same step; a failure becomes a warning, with the reason why it is no more than that.
    pub(super) fn tolerate(mut self, why: &str) -> Self {
        if let Outcome::Failed(failure) = self.outcome {
            self.outcome = Outcome::Tolerated(failure);
            self.details.push(why.to_owned());
        }
        self
    }

    /// A step that was not tried.
    pub(super) fn skipped(stage: Stage, why: impl Into<String>) -> Self {
        Self::of(stage, Outcome::Skipped(why.into()))
    }

    fn of(stage: Stage, outcome: Outcome) -> Self {
        Self { stage, about: None, took: None, outcome, details: Vec::new(), cautions: Vec::new() }
    }

    /// The same step, with what it was tried on.
    pub(super) fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// The same step, with the time that it took.
    pub(super) fn took(mut self, took: Duration) -> Self {
        self.took = Some(took);
        self
    }

    /// The same step, with more that was seen.
    pub(super) fn with_details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// The same step, with more that may matter later.
    pub(super) fn with_cautions(mut self, cautions: impl IntoIterator<Item = String>) -> Self {
        self.cautions.extend(cautions);
        self
    }

    /// The failure, if it was one.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Passed(_) | Outcome::Tolerated(_) | Outcome::Skipped(_) => None,
        }
    }

    /// The failure, if it was one that does not keep the producer from its work.
    #[must_use]
    pub fn warning(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Tolerated(failure) => Some(failure),
            Outcome::Passed(_) | Outcome::Failed(_) | Outcome::Skipped(_) => None,
        }
    }
}

/// The steps there are, in the order of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The certificates that the broker's has to be issued by.
    Trust,
    /// The certificate and key that show the broker who comes.
    ClientCertificate,
    /// The host that connections go through.
    Ssh,
    /// From a name to addresses.
    Dns,
    /// A connection.
    Tcp,
    /// Encryption, and the broker's certificate.
    Tls,
    /// Which requests the broker understands.
    Versions,
    /// User and password.
    Sasl,
    /// The brokers of the cluster.
    Metadata,
    /// One topic.
    Topic,
}

impl Stage {
    /// The step as a stable word.
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

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It went well, and this was found.
    Passed(String),
    /// It failed.
    Failed(Failure),
    /// It failed, but the producer works all the same.
    Tolerated(Failure),
    /// It was not tried, for this reason.
    Skipped(String),
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind, with what to do about it.
    pub problem: Problem,
    /// What happened, in a sentence without its full stop. It never holds a password or a key.
    pub text: String,
    /// What to do about it here, if more can be said than [`Problem::advice`] does.
    advice: Option<String>,
}

impl Failure {
    /// A failure of this kind.
    pub(super) fn new(problem: Problem, text: impl Into<String>) -> Self {
        Self { problem, text: text.into(), advice: None }
    }

    /// The same failure, with advice for this very case.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> &str {
        self.advice.as_deref().unwrap_or_else(|| self.problem.advice())
    }
}
