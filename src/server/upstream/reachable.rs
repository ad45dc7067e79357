//! For `/ready`, checks whether the upstream can be reached. Because probes are frequent, the upstream is checked at
//! most once per second.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Upstream;

/// How long a result is cached.
const FRESH: Duration = Duration::from_secs(1);
/// The timeout of the check. Most orchestrators treat a probe that takes longer than a second as failed.
const PATIENCE: Duration = Duration::from_millis(900);
/// The maximum size of the response of `/health`, in bytes. The content of the response is ignored.
const MAX_BYTES: usize = 64 * 1024;

/// The latest result, with the time of the check.
#[derive(Debug, Default)]
pub struct Reachable(Mutex<Option<(Instant, bool)>>);

impl Reachable {
    /// Whether the upstream responds to `/health` with a status below 500.
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
