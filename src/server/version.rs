//! The version and commit of this build.

/// The version of this service.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The Git commit of this build, or `None` if it is unknown.
pub const COMMIT: Option<&str> = option_env!("GIT_COMMIT_SHA");
