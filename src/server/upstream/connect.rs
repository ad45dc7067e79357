//! Connections to the upstream: keep-alive, timeouts, and the meaning of connection errors.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tower_service::Service;

use super::upload::Upload;
use crate::server::http::error::RequestError;

/// The size, in bytes, of the buffer for reading responses. hyper's default buffer starts smaller and grows with each
/// read, so a typical response would take several reads.
const READ_BYTES: usize = 64 * 1024;

/// The HTTP client of one worker. It does not follow redirects, decompress responses, add headers or use proxy
/// environment variables.
pub(super) type Client = legacy::Client<Connector, Upload>;

/// How long this service keeps an idle connection open. rudder-transformer closes idle connections after five seconds.
/// A request that is sent while rudder-transformer closes the connection would fail, and this service must not retry
/// requests.
const IDLE: Duration = Duration::from_secs(4);

/// Connects to the upstream within a time limit.
pub(super) type Connector = Within<HttpsConnector<HttpConnector>>;

/// Creates a connector that verifies the upstream's certificate with `tls`. Connecting fails if it takes longer than
/// `limit`.
pub(super) fn connector(limit: Duration, tls: ClientConfig) -> Connector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    Within { inner: tls, limit }
}

/// Creates a client without open connections.
pub(super) fn client(connector: Connector) -> Client {
    // If an idle connection turns out to be closed before the first byte of a request has been written to it, the
    // client sends the request on another connection. The client does not retry in any other case.
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http1_read_buf_exact_size(READ_BYTES)
        .build(connector)
}

/// Returns the error for a failed request, and the reason to log.
pub(super) fn failure(error: &legacy::Error) -> (RequestError, String) {
    let (mut in_time, mut reason, mut next) = (true, error.to_string(), error.source());
    while let Some(cause) = next {
        let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
        in_time &= !cause.downcast_ref::<io::Error>().is_some_and(timed_out);
        // The innermost error is the most specific. None of the errors contains a part of a request or response.
        reason = cause.to_string();
        next = cause.source();
    }
    let error = match (error.is_connect(), in_time) {
        (_, false) => RequestError::UpstreamTimeout,
        (true, true) => RequestError::UpstreamUnreachable,
        (false, true) => RequestError::UpstreamBroke,
    };
    (error, reason)
}

/// A connector with a timeout for everything from name resolution to the TLS handshake.
#[derive(Debug, Clone)]
pub(super) struct Within<C> {
    inner: C,
    limit: Duration,
}

type BoxError = Box<dyn StdError + Send + Sync>;

impl<C> Service<Uri> for Within<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, self.inner.call(uri));
        Box::pin(async move {
            connecting.await.map_err(|_| BoxError::from(io::Error::from(io::ErrorKind::TimedOut)))?.map_err(Into::into)
        })
    }
}
