//! The configuration findings in the response of `POST /explain`. They come from the crate `check`, which is part of
//! the binary only with the feature `tools`. Builds without this feature report that checks are unavailable.

use serde::Serialize;
use utoipa::ToSchema;

use super::request::CheckedText;

/// The findings for one destination: the destination of the first event that has one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DestinationCheck {
    /// The findings, with the most severe first. Findings of the same severity are in the order of the rules. Missing
    /// credentials are not reported, because a configuration exported from the control plane contains no credentials.
    pub findings: Vec<DestinationFinding>,
    /// The number of findings that are not listed.
    pub left_out: usize,
    /// The reason why nothing was checked, or null if the destination was checked.
    pub unavailable: Option<String>,
}

/// A problem in the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct DestinationFinding {
    /// A stable identifier of the problem (docs/reference/findings.md).
    #[schema(example = "host/missing")]
    pub code: String,
    /// The severity.
    #[schema(pattern = "^(error|warning|hint)$")]
    pub severity: String,
    /// The location, as a JSON pointer (RFC 6901) into `destination`. If `destination` contains several destinations,
    /// the pointer starts at the selected one.
    pub pointer: String,
    /// The problem. Values of secrets are not shown.
    pub message: String,
    /// The recommended fix.
    pub advice: String,
}

/// Checks a destination.
#[cfg(feature = "tools")]
#[must_use]
pub fn findings(checked: &CheckedText) -> DestinationCheck {
    use std::time::{SystemTime, UNIX_EPOCH};

    #[expect(clippy::disallowed_methods, reason = "the validity of certificates depends on the time")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let mut report = match check::check(checked.text.as_bytes(), Some(checked.family), now) {
        Ok(report) => report,
        Err(problem) => return DestinationCheck::unavailable(problem),
    };
    report.drop_missing_secrets();
    let Some(destination) = report.destinations.first() else {
        return DestinationCheck::unavailable(
            "the destination type is not Apache Kafka, Azure Event Hubs or Confluent Cloud",
        );
    };
    let one = |finding: &check::finding::Finding| DestinationFinding {
        code: finding.code.name().to_owned(),
        severity: finding.code.severity().name().to_owned(),
        pointer: finding.pointer.clone(),
        message: finding.message.clone(),
        advice: finding.code.advice().to_owned(),
    };
    DestinationCheck {
        findings: destination.findings.sorted().into_iter().map(one).collect(),
        left_out: destination.findings.left_out(),
        unavailable: None,
    }
}

/// Reports that this build has no checks.
#[cfg(not(feature = "tools"))]
#[must_use]
pub fn findings(_: &CheckedText) -> DestinationCheck {
    DestinationCheck::unavailable("checks are unavailable: this binary was built without the Cargo feature `tools`")
}

impl DestinationCheck {
    fn unavailable(reason: impl Into<String>) -> Self {
        Self { findings: Vec::new(), left_out: 0, unavailable: Some(reason.into()) }
    }
}
