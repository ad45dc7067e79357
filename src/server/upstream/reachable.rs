//! Whether the upstream can be reached, for who must not get requests while it cannot. Probes are many: it is asked
//! once a second at most.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Upstream;

/// How long a response holds.
const FRESH: Duration = Duration::from_secs(1);
/// How long the upstream may take. A probe that waits longer is taken for a failed one by most orchestrators.
const PATIENCE: Duration = Duration::from_millis(900);
/// The body of its response does not matter.
const MAX_BYTES: usize = 64 * 1024;

/// What was last found.
#[derive(Debug, Default)]
pub struct Reachable(Mutex<Option<(Instant, bool)>>);

impl Reachable {
    /// Whether the upstream answers `/health` with a status below 500.
    pub async fn is(&self, upstream: &Upstream) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, found)) = *last
            && at.elapsed() < FRESH
        {
            return found;
        }
        let answer = upstream.get("/health", MAX_BYTES, PATIENCE).await;
        let found = answer.is_ok_and(|answer| answer.status < 500);
        *last = Some((Instant::now(), found));
        found
    }
}
