//! Raises the limit of file descriptors, because each connection takes one. Shells and service managers start processes
//! with a soft limit of 1024, because some programs cannot handle larger descriptors. A process may raise its own
//! limit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of descriptors that the process needs in addition to connections, such as those of listeners, threads and
/// the log.
const OTHERS: u64 = 64;

/// Raises the soft limit as far as allowed, and warns if that is too little for `connections`.
pub fn allow_for(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let allowed = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let needed = (connections as u64).saturating_add(OTHERS);
    if allowed.is_some_and(|allowed| allowed < needed) {
        tracing::warn!(
            "MAX_CONNECTIONS needs {needed} file descriptors, but the process may open only {}: raise its limit (ulimit -n, \
             LimitNOFILE) or lower MAX_CONNECTIONS",
            allowed.unwrap_or(u64::MAX)
        );
    }
}
