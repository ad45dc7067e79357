//! The shutdown sequence. First, `/ready` fails. After a delay, during which load balancers notice the failure, the
//! listener closes and requests in flight finish.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the service is shutting down.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    stopping: Arc<AtomicBool>,
}

impl Lifecycle {
    /// Starts the shutdown.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether the service is shutting down. During shutdown, it still serves requests, but load balancers should stop
    /// sending it new ones.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
