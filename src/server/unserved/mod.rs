//! Responses to requests that only a rudder-transformer can serve, if there is no upstream. rudder-server silently
//! drops the events of a request that gets a non-retryable error. By default, rudder-server is therefore made to retry,
//! and every such request is counted and logged as an error (docs/guides/without-upstream.md).

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

/// Responds to requests that are not served. Clones share one rate limit for log lines.
#[derive(Debug, Clone)]
pub struct Rejections {
    policy: UnservedPolicy,
    lines: Arc<LineLimit>,
    metrics: Metrics,
}

/// The maximum time to wait for the first bytes of a body.
const LOOK_TIME: Duration = Duration::from_millis(250);

impl Rejections {
    /// Creates responses according to the setting `UNSERVED`.
    #[must_use]
    pub fn new(policy: UnservedPolicy, metrics: Metrics) -> Self {
        Self { policy, lines: Arc::default(), metrics }
    }

    /// Returns the rejection of a request whose body was not read, or `otherwise` if rudder-server does not use the
    /// endpoint. Reads up to 32 KiB of the body, and only if the request is logged.
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

    /// Returns the rejection of a request whose body names `destination`, a type that this service does not handle.
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

    /// Returns the endpoint that a request is for. Only POST requests are considered, because rudder-server sends no
    /// others.
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

/// Returns the first bytes of a body that arrive in time.
async fn start_of(mut payload: Payload) -> Vec<u8> {
    let mut start = Vec::new();
    let collect = async {
        while start.len() < LOOK_BYTES
            && let Some(Ok(piece)) = payload.next().await
        {
            start.extend_from_slice(&piece[..piece.len().min(LOOK_BYTES - start.len())]);
        }
    };
    // After a timeout, the bytes that have arrived are used.
    tokio::time::timeout(LOOK_TIME, collect).await.ok();
    start
}
