//! Sends requests to the upstream: the rudder-transformer that serves the requests that this service does not serve
//! itself. A forwarded request is never retried.

mod connect;
pub mod download;
pub mod features;
mod framing;
mod headers;
pub mod pass;
pub mod reachable;
pub mod upload;

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::RequestHead;
use bytes::{Bytes, BytesMut};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, Uri, body::Incoming};
use hyper_util::client::legacy::connect::capture_connection;

use super::config::UpstreamConfig;
use super::config::base_url::BaseUrl;
use super::http::error::RequestError;
use super::http::path::loggable;
use crate::trust;
use connect::{Client, Connector};
use download::Download;
use upload::{Upload, UploadEnd};

/// An HTTP client that one worker uses to send requests to the upstream. Clones share the client's connections.
#[derive(Debug, Clone)]
pub struct Upstream {
    base: Arc<BaseUrl>,
    host: HeaderValue,
    via: Via,
    timeout: Duration,
    connector: Connector,
    client: Client,
}

/// The name of this process in the header `Via`, which shows whether this process has forwarded a request before. The
/// name is unique, because other instances may forward the same request without causing a loop.
#[derive(Debug, Clone)]
struct Via {
    name: String,
    value: HeaderValue,
}

/// A complete response of the upstream, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BufferedResponse {
    /// The status code.
    pub status: u16,
    /// The `Content-Encoding`, if there is one.
    pub coding: Option<String>,
    /// The body as the upstream sent it, possibly compressed.
    pub body: Bytes,
}

/// Why a response could not be read into memory.
#[derive(Debug)]
pub enum BufferError {
    /// There was no complete response.
    Failed(RequestError),
    /// The response exceeded the size limit.
    TooLarge,
}

impl Upstream {
    /// Creates a client for the configured upstream. Does not connect to the upstream yet.
    ///
    /// # Errors
    /// Fails if the host in the URL is not valid in a `Host` header, the CA file cannot be used, or the TLS library
    /// cannot be initialized.
    pub fn new(config: &UpstreamConfig) -> Result<Self, String> {
        let host = HeaderValue::from_str(&config.base.authority).map_err(|error| error.to_string())?;
        let certificates = trust::certificates(&config.base.scheme, config.ca_file.as_deref());
        let tls = trust::client(certificates.map_err(|problem| format!("UPSTREAM_CA_FILE={problem}"))?)?;
        let connector = connect::connector(config.connect_timeout, tls);
        Ok(Self {
            base: Arc::new(config.base.clone()),
            host,
            via: Via::unique()?,
            timeout: config.timeout,
            client: connect::client(connector.clone()),
            connector,
        })
    }

    /// Returns a copy with its own connections. Each worker has such a copy, so that the worker's connections run on
    /// its own thread and no other thread has to wake the worker.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        Self { client: connect::client(self.connector.clone()), ..self.clone() }
    }

    /// Returns the scheme, host and port of the upstream's URL.
    #[must_use]
    pub fn address(&self) -> String {
        let BaseUrl { scheme, authority, .. } = &*self.base;
        format!("{scheme}://{authority}")
    }

    /// Returns `UPSTREAM_TIMEOUT`, the maximum time to wait for the next byte from the upstream.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether this process has already forwarded the request with these headers.
    #[must_use]
    pub fn has_seen(&self, head: &RequestHead) -> bool {
        head.headers
            .get_all("via")
            .any(|value| memchr::memmem::find(value.as_bytes(), self.via.name.as_bytes()).is_some())
    }

    /// Creates the request that forwards a received request to the upstream. The body is added later.
    ///
    /// # Errors
    /// [`RequestError::UpstreamLoop`] if this process has forwarded the received request before.
    /// [`RequestError::NotFound`] for a request without a path, such as `CONNECT`.
    pub fn request_like(&self, head: &RequestHead) -> Result<Request<()>, RequestError> {
        if self.has_seen(head) {
            return Err(RequestError::UpstreamLoop);
        }
        let target = head.uri.path_and_query().ok_or(RequestError::NotFound)?.as_str();
        let method = Method::from_bytes(head.method.as_str().as_bytes()).map_err(|_| RequestError::NotFound)?;
        if method == Method::CONNECT {
            return Err(RequestError::NotFound);
        }
        let mut request = self.request(method, target)?;
        headers::copy_to_upstream(&head.headers, request.headers_mut());
        self.sign(&mut request);
        Ok(request)
    }

    /// Creates a request to the upstream for `target`, which is a path with an optional query.
    ///
    /// # Errors
    /// [`RequestError::NotFound`] if `target` is not valid.
    fn request(&self, method: Method, target: &str) -> Result<Request<()>, RequestError> {
        let BaseUrl { scheme, authority, path } = &*self.base;
        let target = if target == "*" { target.to_owned() } else { format!("{path}{target}") };
        let uri = Uri::builder().scheme(scheme.as_str()).authority(authority.as_str()).path_and_query(target).build();
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = uri.map_err(|_| RequestError::NotFound)?;
        Ok(request)
    }

    fn sign(&self, request: &mut Request<()>) {
        request.headers_mut().insert("host", self.host.clone());
        request.headers_mut().append("via", self.via.value.clone());
    }

    /// Sends a request and waits for the headers of the response. The timeout starts when the upstream has
    /// received the whole request, so that a slow client does not make the upstream appear slow.
    ///
    /// # Errors
    /// If the upstream fails, logs and returns [`RequestError::UpstreamUnreachable`], [`RequestError::UpstreamBroke`],
    /// [`RequestError::UpstreamInvalid`] or [`RequestError::UpstreamTimeout`]. Returns [`RequestError::BadRequest`] if
    /// the client disconnects, and [`RequestError::RequestTimeout`] if the client stalls.
    pub async fn send(
        &self,
        request: Request<()>,
        upload: Upload,
        end: UploadEnd,
    ) -> Result<Response<Incoming>, RequestError> {
        let path = self.loggable_path(request.uri());
        let mut request = request.map(|()| upload);
        let connection = capture_connection(&mut request);
        let response = match self.respond(request, end).await {
            Ok(response) => response,
            Err((error, reason)) => {
                self.report(&path, &error, &reason);
                return Err(error);
            }
        };
        let Some(problem) = framing::problem(&response) else { return Ok(response) };
        if let Some(connection) = connection.connection_metadata().as_ref() {
            // It is unknown where the next response on this connection would begin, so the connection cannot be reused.
            connection.poison();
        }
        let error = RequestError::UpstreamInvalid(problem);
        self.report(&path, &error, problem);
        Err(error)
    }

    /// Logs that the upstream sent no complete response to a request. `path` must be a result of [`loggable`]. Errors
    /// that the client caused are not logged here.
    pub fn report(&self, path: &str, error: &RequestError, reason: &str) {
        if matches!(error, RequestError::BadRequest(_) | RequestError::RequestTimeout) {
            return;
        }
        tracing::warn!(
            path,
            upstream = self.address(),
            failure = error.code(),
            reason,
            "no complete response from the upstream"
        );
    }

    /// Returns the path that the client requested, in a form that may be logged. `uri` is the forwarded URI, whose path
    /// starts with the path of the upstream's URL.
    fn loggable_path(&self, uri: &Uri) -> String {
        loggable(uri.path().strip_prefix(&*self.base.path).unwrap_or_default())
    }

    async fn respond(
        &self,
        request: Request<Upload>,
        mut end: UploadEnd,
    ) -> Result<Response<Incoming>, (RequestError, String)> {
        let mut answer = self.client.request(request);
        let mut until = None;
        loop {
            let silence = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                result = &mut answer => {
                    return result.map_err(|error| match end.outcome() {
                        Some(Err(client)) => (client, String::new()),
                        _ => connect::failure(&error),
                    });
                }
                ended = end.wait(), if until.is_none() => {
                    ended.map_err(|error| (error, "the upstream stopped reading the request".to_owned()))?;
                    until = Some(tokio::time::Instant::now() + self.timeout);
                }
                () = silence, if until.is_some() => {
                    return Err((RequestError::UpstreamTimeout, "no response within UPSTREAM_TIMEOUT".to_owned()));
                }
            }
        }
    }

    /// Sends a request and reads the response into memory, up to `limit` bytes.
    ///
    /// # Errors
    /// Returns a [`BufferError`] if there is no complete response within this limit.
    pub async fn exchange(
        &self,
        request: Request<()>,
        upload: Upload,
        limit: usize,
    ) -> Result<BufferedResponse, BufferError> {
        let answer = self.send(request, upload, UploadEnd::reached()).await.map_err(BufferError::Failed)?;
        let status = answer.status().as_u16();
        let coding = headers::coding(answer.headers());
        let mut pieces = Download::new(answer.into_body(), self.timeout);
        let mut body = BytesMut::new();
        while let Some(piece) = pieces.piece().await {
            let piece = piece.map_err(BufferError::Failed)?;
            if piece.len() > limit - body.len() {
                return Err(BufferError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(BufferedResponse { status, coding, body: body.freeze() })
    }

    /// Sends a GET request for `target` and reads the response into memory, up to `limit` bytes and within `time`.
    ///
    /// # Errors
    /// Returns a [`BufferError`] if there is no complete response within these limits.
    pub async fn get(&self, target: &str, limit: usize, time: Duration) -> Result<BufferedResponse, BufferError> {
        let mut request = self.request(Method::GET, target).map_err(BufferError::Failed)?;
        self.sign(&mut request);
        tokio::time::timeout(time, self.exchange(request, Upload::Empty, limit))
            .await
            .unwrap_or(Err(BufferError::Failed(RequestError::UpstreamTimeout)))
    }
}

impl Via {
    fn unique() -> Result<Self, String> {
        // The standard library seeds this hasher randomly, which is enough to distinguish processes.
        let id = std::collections::hash_map::RandomState::new().build_hasher().finish();
        let name = format!("rudder-kafka-transformer-{id:016x}");
        let value = HeaderValue::from_str(&format!("1.1 {name}")).map_err(|error| error.to_string())?;
        Ok(Self { name, value })
    }
}
