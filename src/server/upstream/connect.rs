//! Connections to the upstream: kept alive, opened within a time, and what it means where one fails.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use super::upload::Upload;
use crate::server::http::error::RequestError;

/// What is read of a response at once. A buffer that grows with each read costs a response of usual size several of
/// them.
const READ_BYTES: usize = 64 * 1024;

/// The client of one worker. It follows no redirect, undoes no compression, adds no header and looks at no proxy
/// variable.
pub(super) type Client = legacy::Client<Connector, Upload>;

/// How long an unused connection is kept. The reference closes one after five seconds: a request sent at that moment
/// would be lost, and may not be sent twice.
const IDLE: Duration = Duration::from_secs(4);

/// A way to connect.
pub(super) type Connector = Within<HttpsConnector<HttpConnector>>;

/// A way to connect to any upstream, whose certificate has to lead to one of these roots.
pub(super) fn connector(limit: Duration, roots: RootCertStore) -> Result<Connector, String> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(tcp);
    Ok(Within { inner: tls, limit })
}

/// A client without connections.
pub(super) fn client(connector: Connector) -> Client {
    // A request whose connection turns out to be closed before one byte of it was written goes to another connection.
    // That is not sending twice, and all that this client ever repeats.
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http1_read_buf_exact_size(READ_BYTES)
        .build(connector)
}

/// Returns what a failed request means, and why it failed, for the log.
pub(super) fn failure(error: &legacy::Error) -> (RequestError, String) {
    let (mut in_time, mut reason, mut next) = (true, error.to_string(), error.source());
    while let Some(cause) = next {
        let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
        in_time &= !cause.downcast_ref::<io::Error>().is_some_and(timed_out);
        // The innermost one says most; none of them holds anything of a request or a response.
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

/// A way to connect that may take so long at most, from the name of the host to the end of the TLS handshake.
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
