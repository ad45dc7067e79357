//! The errors of `POST /explain`.

use super::limits::{MAX_BATCH_BYTES, MAX_PARTITIONS};
use crate::server::http::error::RequestError;
use destinations::select::{Choice, SelectError};

/// Why a request is rejected. The messages contain nothing from the body except line and column numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The body is not valid JSON. The string contains the reason and the position.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// The body is not an object.
    #[error(
        "the body must be a JSON object with the field events and the optional fields destination, destinationId, destinationName, connection, family, partitions, batchBytes and check"
    )]
    NotAnObject,
    /// `events` is missing or not an array.
    #[error("the field events is missing or not an array")]
    EventsNotAnArray,
    /// `family` is not the name of a supported destination type.
    #[error("family must be kafka, azure_event_hub or confluent_cloud")]
    FamilyUnknown,
    /// The destination cannot be used. The string contains the reason.
    #[error("destination: {0}")]
    DestinationUnusable(String),
    /// `destination` contains several destinations.
    #[error("destination: {}", SelectError::Ambiguous(.0.clone()).text("destinationId or destinationName"))]
    DestinationAmbiguous(Vec<Choice>),
    /// `destinationId` or `destinationName` is not a string.
    #[error("destinationId and destinationName must be strings")]
    SelectorInvalid,
    /// `batchBytes` is not a whole number in the supported range.
    #[error("batchBytes must be a whole number from 1 to {MAX_BATCH_BYTES}")]
    BatchBytesInvalid,
    /// `check` is not a boolean.
    #[error("the field check must be true or false")]
    CheckInvalid,
    /// `partitions` is not a whole number in the supported range.
    #[error("partitions must be a whole number from 1 to {MAX_PARTITIONS}")]
    PartitionsInvalid,
    /// The request has more events than [`RequestLimits::events`](super::limits::RequestLimits::events) allows.
    #[error("the request has more than {0} events")]
    TooManyEvents(usize),
    /// The events are larger than [`RequestLimits::filled_bytes`](super::limits::RequestLimits::filled_bytes) allows.
    #[error("the events are larger than {0} bytes after the destination has been added to each event that has none")]
    TooLarge(usize),
}

impl From<SelectError> for ExplainError {
    fn from(error: SelectError) -> Self {
        match error {
            SelectError::Unusable(reason) => Self::DestinationUnusable(reason),
            SelectError::Ambiguous(choices) => Self::DestinationAmbiguous(choices),
        }
    }
}

impl From<ExplainError> for RequestError {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::TooManyEvents(_) | ExplainError::TooLarge(_) => {
                Self::PayloadTooLarge(error.to_string(), None)
            }
            ExplainError::DestinationAmbiguous(ref choices) => {
                Self::DestinationAmbiguous(error.to_string(), choices.clone())
            }
            ExplainError::NotJson(_)
            | ExplainError::NotAnObject
            | ExplainError::EventsNotAnArray
            | ExplainError::FamilyUnknown
            | ExplainError::DestinationUnusable(_)
            | ExplainError::SelectorInvalid
            | ExplainError::BatchBytesInvalid
            | ExplainError::CheckInvalid
            | ExplainError::PartitionsInvalid => Self::BadRequest(error.to_string()),
        }
    }
}
