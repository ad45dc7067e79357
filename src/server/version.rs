//! What was built.

/// The version of this service.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit that was built, if it is known.
pub const COMMIT: Option<&str> = option_env!("GIT_COMMIT_SHA");
