//! The limits of the whole service, above which a request is rejected with a retryable 503.

/// A limit of the whole service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// The limit on the memory that requests in flight use.
    #[error("requests in flight use too much memory")]
    InFlightBytes,
    /// The limit on the number of connections.
    #[error("too many connections")]
    Connections,
    /// The limit on the time for which requests wait for a worker.
    #[error("requests wait too long for a worker")]
    Wait,
}

/// A limit, as the name and the value of its setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitValue {
    /// The name of the setting.
    pub setting: &'static str,
    /// The limit, in the unit of the setting.
    pub value: u64,
}

impl LimitValue {
    /// Creates a limit from the name and the value of its setting.
    #[must_use]
    pub fn of(setting: &'static str, value: usize) -> Self {
        Self { setting, value: value as u64 }
    }
}

/// The value of each [`Limit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitValues {
    /// The value of `MAX_IN_FLIGHT_BYTES`.
    pub in_flight_bytes: usize,
    /// The value of `MAX_CONNECTIONS`.
    pub connections: usize,
    /// The value of `MAX_WAIT_MILLISECONDS`.
    pub wait_milliseconds: u64,
}

impl LimitValues {
    /// Returns the setting and the value of a limit.
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
