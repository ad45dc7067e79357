//! Label values that only metrics use: the results of forwarded requests and of shadow comparisons.

/// The result of a forwarded request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// The complete response was forwarded, whatever its status.
    Responded,
    /// The connection to the upstream failed.
    Unreachable,
    /// The upstream disconnected early, or its response is not valid HTTP.
    Broken,
    /// The upstream did not respond in time.
    TimedOut,
    /// The client disconnected early, or its request cannot be forwarded.
    Abandoned,
    /// This process has forwarded the request before.
    Looped,
}

impl Forwarded {
    /// All results.
    pub const ALL: [Forwarded; 6] =
        [Self::Responded, Self::Unreachable, Self::Broken, Self::TimedOut, Self::Abandoned, Self::Looped];

    /// Returns the value of the label.
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

/// The result of a shadow comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// The responses are equal.
    Equal,
    /// The responses differ, but only by intended differences.
    Intended,
    /// The responses differ.
    Different,
    /// The responses were not compared, because a limit on the requests kept for comparison was reached.
    Dropped,
    /// The responses could not be compared, usually because the upstream was overloaded, unreachable or too slow.
    Failed,
}

impl Compared {
    /// All results.
    pub const ALL: [Compared; 5] = [Self::Equal, Self::Intended, Self::Different, Self::Dropped, Self::Failed];

    /// Returns the value of the label.
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
