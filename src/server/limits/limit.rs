//! The limits of the whole service, above which a request is rejected with a retryable 503.

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// The memory that requests use.
    #[error("requests in flight use too much memory")]
    InFlightBytes,
    /// The number of connections.
    #[error("too many connections")]
    Connections,
    /// The time that requests wait for a worker.
    #[error("requests wait too long for a worker")]
    Wait,
}

/// The limit that a request exceeds: the setting and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitValue {
    /// The name of the setting.
    pub setting: &'static str,
    /// The limit, in the unit of the setting.
    pub value: u64,
}

impl LimitValue {
    /// Creates the limit of a setting.
    #[must_use]
    pub fn of(setting: &'static str, value: usize) -> Self {
        Self { setting, value: value as u64 }
    }
}

/// The values of all limits, see [`Limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitValues {
    /// `MAX_IN_FLIGHT_BYTES`
    pub in_flight_bytes: usize,
    /// `MAX_CONNECTIONS`
    pub connections: usize,
    /// `MAX_WAIT_MILLISECONDS`
    pub wait_milliseconds: u64,
}

impl LimitValues {
    /// The value of a limit.
    #[must_use]
    pub fn of(&self, limit: Limit) -> LimitValue {
        match limit {
            Limit::InFlightBytes => LimitValue::of("MAX_IN_FLIGHT_BYTES", self.in_flight_bytes),
            Limit::Connections => LimitValue::of("MAX_CONNECTIONS", self.connections),
            Limit::Wait => LimitValue { setting: "MAX_WAIT_MILLISECONDS", value: self.wait_milliseconds },
        }
    }
}

impl Limit {
    /// All limits.
    pub const ALL: [Limit; 3] = [Limit::InFlightBytes, Limit::Connections, Limit::Wait];

    /// A stable identifier of the limit, for metrics.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Limit::InFlightBytes => "in_flight_bytes",
            Limit::Connections => "connections",
            Limit::Wait => "wait",
        }
    }
}
