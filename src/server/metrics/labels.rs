//! Values of labels that belong to no other part of the service.

/// How a forwarded request ended, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// The whole response was passed on, whatever its status.
    Responded,
    /// No connection.
    Unreachable,
    /// The upstream broke off, or its response is not valid HTTP.
    Broken,
    /// The upstream was silent for too long.
    TimedOut,
    /// The client broke off, or sent what cannot be forwarded.
    Abandoned,
    /// The request had been here before.
    Looped,
}

impl Forwarded {
    /// Every end.
    pub const ALL: [Forwarded; 6] =
        [Self::Responded, Self::Unreachable, Self::Broken, Self::TimedOut, Self::Abandoned, Self::Looped];

    /// The value of the label.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Responded => "responded",
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::TimedOut => "timeout",
            Self::Abandoned => "abandoned",
            Self::Looped => "loop",
        }
    }
}

/// How a comparison ended, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// The responses are the same.
    Equal,
    /// They differ as it is intended, and in nothing else.
    Intended,
    /// They are not.
    Different,
    /// There was no room to keep the request for it.
    Dropped,
    /// There was no response of the upstream to compare with, or no time: it was overloaded or out of reach.
    Failed,
}

impl Compared {
    /// Every end.
    pub const ALL: [Compared; 5] = [Self::Equal, Self::Intended, Self::Different, Self::Dropped, Self::Failed];

    /// The value of the label.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Intended => "intended",
            Self::Different => "different",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}
