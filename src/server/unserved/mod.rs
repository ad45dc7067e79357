//! Rejects requests that only a rudder-transformer can serve, if there is no upstream. rudder-server silently drops the
//! events of a request that gets a non-retryable error. The default response therefore makes rudder-server retry. Every
//! request that is rejected here is counted, and logged as an error (docs/guides/without-upstream.md).

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::Payload;
use futures_util::StreamExt as _;

use super::config::UnservedPolicy;
use super::http::coding::coding_of;
use super::http::error::RequestError;
use super::http::identity::{Identity, LOOK_BYTES};
use super::http::path::{is_name, loggable};
use super::http::unserved::{UnservedEndpoint, UnservedLine, UnservedRequest};
use super::log::line_limit::LineLimit;
use super::metrics::Metrics;
use transform::request::coding::Coding;

/// Rejects requests that only a rudder-transformer can serve. Clones share one rate limit for log lines.
#[derive(Debug, Clone)]
pub struct Rejections {
    policy: UnservedPolicy,
    lines: Arc<LineLimit>,
    metrics: Metrics,
}

/// The maximum time to read the beginning of a body, which may contain IDs to log.
const LOOK_TIME: Duration = Duration::from_millis(250);

impl Rejections {
    /// Creates a value that rejects requests according to `policy`, the value of the setting `UNSERVED`.
    #[must_use]
    pub fn new(policy: UnservedPolicy, metrics: Metrics) -> Self {
        Self { policy, lines: Arc::default(), metrics }
    }

    /// Returns the rejection of a request whose body has not been read, or `otherwise` if rudder-server does not use
    /// the requested endpoint. If the request is to be logged, reads up to 32 KiB of its body.
    pub async fn reject(&self, request: &HttpRequest, payload: Payload, otherwise: RequestError) -> RequestError {
        let Some((endpoint, name)) = Self::endpoint(request) else { return otherwise };
        let line = match self.lines.admit(Instant::now()) {
            Some(suppressed) => {
                let identity = match coding_of(request) {
                    Ok(coding) => Identity::in_start_of(&start_of(payload).await, coding),
                    Err(_) => Identity::default(),
                };
                Some((suppressed, identity))
            }
            None => None,
        };
        self.rejection(request, endpoint, name, line)
    }

    /// Returns the rejection of a request whose body has been read. `destination` is the destination type in the body,
    /// which this service does not handle.
    #[must_use]
    pub fn reject_read(
        &self,
        request: &HttpRequest,
        destination: String,
        (body, coding): (&[u8], Coding),
    ) -> RequestError {
        let endpoint = Self::endpoint(request).filter(|_| is_name(&destination));
        let Some((endpoint, _)) = endpoint else { return RequestError::UnknownDestination(destination) };
        let line = self.lines.admit(Instant::now());
        let line = line.map(|suppressed| (suppressed, Identity::in_start_of(body, coding)));
        self.rejection(request, endpoint, Some(destination), line)
    }

    /// Returns the endpoint that a POST request is for, and the destination or source named in its path. Returns `None`
    /// for other methods, because rudder-server sends only POST requests to these endpoints.
    fn endpoint(request: &HttpRequest) -> Option<(UnservedEndpoint, Option<String>)> {
        (*request.method() == Method::POST).then(|| UnservedEndpoint::at(request.uri().path()))?
    }

    fn rejection(
        &self,
        request: &HttpRequest,
        endpoint: UnservedEndpoint,
        name: Option<String>,
        line: Option<(u64, Identity)>,
    ) -> RequestError {
        self.metrics.count_unserved(endpoint);
        let line = line.map(|(suppressed, identity)| {
            let identity = Identity { dest_type: name.clone().or(identity.dest_type), ..identity };
            UnservedLine { path: loggable(request.uri().path()), identity, suppressed }
        });
        RequestError::Unserved(Box::new(UnservedRequest { endpoint, policy: self.policy, name, line }))
    }
}

/// Returns the beginning of a body: the bytes that arrive within [`LOOK_TIME`], up to [`LOOK_BYTES`].
async fn start_of(mut payload: Payload) -> Vec<u8> {
    let mut start = Vec::new();
    let collect = async {
        while start.len() < LOOK_BYTES
            && let Some(Ok(piece)) = payload.next().await
        {
            start.extend_from_slice(&piece[..piece.len().min(LOOK_BYTES - start.len())]);
        }
    };
    // After a timeout, `start` contains the bytes that have arrived.
    tokio::time::timeout(LOOK_TIME, collect).await.ok();
    start
}
