//! The error codes of Kafka's protocol, in words.

use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};

use super::problem::Problem;
use super::step::Failure;

/// Nothing, where the code says that all is well.
///
/// # Errors
/// What was asked for, rejected with this code.
pub(super) fn check(code: i16, asked_for: &str) -> Result<(), Failure> {
    match code.err() {
        None => Ok(()),
        Some(error) => Err(Failure::new(
            Problem::BrokerError,
            format!("the broker was asked for {asked_for} and answers with {}", named(error, code)),
        )),
    }
}

/// The code as Kafka's documentation writes it, such as `LeaderNotAvailable (5)`.
pub(super) fn named(error: ResponseError, code: i16) -> String {
    match error {
        ResponseError::Unknown(_) => format!("error code {code}"),
        known => format!("{known} ({code})"),
    }
}
