//! Describes the error codes of the Kafka protocol.

use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};

use super::problem::Problem;
use super::step::Failure;

/// Checks the error code of a response.
///
/// # Errors
/// If the code means an error, returns a failure whose text contains the request and the error code.
pub(super) fn check(code: i16, asked_for: &str) -> Result<(), Failure> {
    match code.err() {
        None => Ok(()),
        Some(error) => Err(Failure::new(
            Problem::BrokerError,
            format!("the request for {asked_for} failed with {}", named(error, code)),
        )),
    }
}

/// Formats an error code with its name, such as `LeaderNotAvailable (5)`.
pub(super) fn named(error: ResponseError, code: i16) -> String {
    match error {
        ResponseError::Unknown(_) => format!("error code {code}"),
        known => format!("{known} ({code})"),
    }
}
