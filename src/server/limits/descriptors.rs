//! File descriptors: a connection takes one. Shells and service managers start a process with 1024, for the sake of programs
//! that cannot cope with more, and let it raise that itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process needs besides connections: listeners, threads, the log.
const OTHERS: u64 = 64;

/// Raises the limit as far as the process may, and warns where that is too little for `connections`.
pub fn allow_for(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let allowed = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let needed = (connections as u64).saturating_add(OTHERS);
    if allowed.is_some_and(|allowed| allowed < needed) {
        tracing::warn!(
            "MAX_CONNECTIONS needs {needed} file descriptors, and the process may open {}: raise its limit (ulimit -n, \
             LimitNOFILE) or lower MAX_CONNECTIONS",
            allowed.unwrap_or(u64::MAX)
        );
    }
}
