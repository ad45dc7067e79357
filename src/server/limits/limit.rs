//! The limits of the whole service, above which a request is rejected with a retryable 503.

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// Bytes of requests in memory.
    #[error("too many bytes of requests are in memory")]
    InFlightBytes,
    /// Connections.
    #[error("there are too many connections")]
    Connections,
    /// Time that requests wait for a worker.
    #[error("requests wait too long for a worker")]
    Wait,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Limit; 3] = [Limit::InFlightBytes, Limit::Connections, Limit::Wait];

    /// The limit as a stable word, for metrics.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Limit::InFlightBytes => "in_flight_bytes",
            Limit::Connections => "connections",
            Limit::Wait => "wait",
        }
    }
}
