//! The built-in transformer: the same application as in production, with almost all settings at their defaults. It runs
//! in this process, on a free port of the loopback interface.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use crate::server::config::UnservedPolicy;
use crate::server::settings::Settings;
use crate::server::{Listeners, run};

/// A running transformer, which stops when dropped.
#[derive(Debug)]
pub struct Engine {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts a transformer.
    ///
    /// # Errors
    /// Returns an error if the transformer cannot be started.
    pub fn start() -> Result<Self, String> {
        let mut settings = Settings::defaults().map_err(|error| error.to_string())?;
        // Requests are sent one at a time.
        settings.workers = Some(1);
        // For destinations that this service does not support, cases expect the response of rudder-transformer, which
        // is a 404 response.
        settings.unserved = UnservedPolicy::Reject;
        let listen =
            || TcpListener::bind("127.0.0.1:0").map_err(|error| format!("cannot listen on 127.0.0.1: {error}"));
        let listeners = Listeners { service: listen()?, metrics: listen()?, tls: None };
        let address = listeners.service.local_addr().map_err(|error| error.to_string())?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
            // If the service fails, the client reports that there is no response.
            actix_web::rt::System::new()
                .block_on(run(&settings, listeners, stopped.map(|_| std::future::ready(()))))
                .unwrap_or_default();
        });
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The URL of the transformer.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}
