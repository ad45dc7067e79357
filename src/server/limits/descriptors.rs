//! Raises the limit on open file descriptors, because each connection needs a descriptor. Shells and service managers
//! start processes with a soft limit of 1024, because some programs cannot handle descriptors above that number. A
//! process may raise its own soft limit, up to the hard limit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of descriptors that the process needs in addition to connections, such as those of listeners, threads and
/// the log.
const OTHERS: u64 = 64;

/// Raises the soft limit to the hard limit. Logs a warning if the hard limit is too low for `connections` connections.
pub fn allow_for(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let allowed = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let needed = (connections as u64).saturating_add(OTHERS);
    if allowed.is_some_and(|allowed| allowed < needed) {
        tracing::warn!(
            "MAX_CONNECTIONS needs {needed} file descriptors, but the process may open only {}: raise the limit of the \
             process (ulimit -n, LimitNOFILE) or lower MAX_CONNECTIONS",
            allowed.unwrap_or(u64::MAX)
        );
    }
}
