//! The limits of a request to `POST /explain`.

/// The maximum value of `partitions`. Kafka represents a partition number as a signed 32-bit integer.
pub const MAX_PARTITIONS: u32 = 0x7fff_ffff;

/// The maximum value of `batchBytes`. Kafka represents the size of a record as a signed 32-bit integer.
pub const MAX_BATCH_BYTES: u32 = 0x7fff_ffff;

/// The maximum size of a request's body, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// The maximum number of events in a request.
pub const MAX_EVENTS: usize = 100;
/// The maximum total size of all events in bytes, after the destination has been added to each event without one. This
/// is also the maximum total size of all explanations.
pub const MAX_WORKING_BYTES: usize = 8 << 20;

/// The limits of one request to `POST /explain`.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// The maximum number of events.
    pub events: usize,
    /// The maximum total size of all events in bytes, after the defaults of the request have been added to the events.
    pub filled_bytes: usize,
}
