//! The limits of a request to `POST /explain`.

/// The maximum value of `partitions`: Kafka numbers partitions with 31 bits.
pub const MAX_PARTITIONS: u32 = 0x7fff_ffff;

/// The maximum value of `batchBytes`: Kafka stores the size of a record in 31 bits.
pub const MAX_BATCH_BYTES: u32 = 0x7fff_ffff;

/// The maximum size of a body, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// The maximum number of events in a request.
pub const MAX_EVENTS: usize = 100;
/// The maximum size of all events with the destination filled in, and of all explanations, in bytes.
pub const MAX_WORKING_BYTES: usize = 8 << 20;

/// The limits of one request.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    /// The maximum number of events.
    pub events: usize,
    /// The maximum size of all events with defaults filled in, in bytes.
    pub filled_bytes: usize,
}
