//! The version and commit of this build.

/// The version of this service.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit of this build, if it is known.
pub const COMMIT: Option<&str> = option_env!("GIT_COMMIT_SHA");
