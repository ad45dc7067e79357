//! A transformer to measure: its address, and one HTTP exchange with it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue};
use hyper::{Method, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::request::Request;
use crate::server::config::base_url::BaseUrl;
use crate::trust;

/// A transformer to measure.
#[derive(Clone)]
pub(super) struct Target {
    /// The base URL.
    pub(super) url: String,
    /// The address that the transformer listens on.
    pub(super) address: SocketAddr,
    host: HeaderValue,
    /// The path of the base URL, which precedes the path of every request.
    prefix: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// The parts of a response that `bench` uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    /// Whether the response is a 503 that rudder-server retries without counting the attempt
    /// (docs/contract.md#retryable-503).
    pub(super) is_retryable: bool,
}

/// The reason why a request got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Failure {
    Refused,
    Connect,
    Tls,
    Timeout,
    Closed,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Connect => "cannot connect",
            Self::Tls => "TLS handshake failed",
            Self::Timeout => "no response in time",
            Self::Closed => {
                "the connection was closed before the end of the response, or the server does not speak HTTP"
            }
        })
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection that can be used for another request.
pub(super) struct Connection(SendRequest<Whole>);

impl Target {
    /// Parses a URL and resolves its host.
    ///
    /// # Errors
    /// Returns the problem with the URL, worded to follow the name of the argument that contains the URL.
    pub(super) fn resolve(url: &str, certificates: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let base = BaseUrl::parse(url)?.to_string();
        let uri: Uri = base.parse().map_err(|_| "is not valid".to_owned())?;
        let host = uri.host().unwrap_or_default();
        let name = host.trim_matches(['[', ']']).to_owned();
        let is_encrypted = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let mut addresses = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), port))
            .map_err(|_| format!("has the host name {name}, which cannot be resolved"))?
            .collect::<Vec<_>>();
        // IPv4 addresses come first: a server that listens on both IPv4 and IPv6 is reachable over either, and most
        // other servers listen on IPv4 only.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let address = *addresses.first().ok_or_else(|| format!("has the host name {name}, which has no address"))?;
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        Ok(Self {
            address,
            host: HeaderValue::from_str(&authority).map_err(|_| "is not valid".to_owned())?,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            tls: if is_encrypted { Some((connector(certificates)?, server_name(name)?)) } else { None },
            url: base,
        })
    }

    /// Opens a connection. Also starts a task, on this thread, that reads from and writes to the connection.
    async fn connect(&self) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Failure::Refused,
            _ => Failure::Connect,
        })?;
        let _ = stream.set_nodelay(true);
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some((tls, name)) => Box::new(tls.connect(name.clone(), stream).await.map_err(|_| Failure::Tls)?),
        };
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(|_| Failure::Closed)?;
        // The task ends after the last request on the connection. If the connection fails, this request reports the
        // error.
        tokio::task::spawn_local(async move { connection.await.unwrap_or_default() });
        Ok(Connection(sender))
    }

    /// Sends a request and reads the response to its end, all within `limit`. Reuses `connection` if it is still
    /// open. If the connection can be used again after the exchange, it is stored in `connection`.
    pub(super) async fn exchange(
        &self,
        request: &Prepared,
        connection: &mut Option<Connection>,
        limit: Duration,
    ) -> Result<Response, Failure> {
        let exchange = async {
            let mut sender = match connection.take() {
                Some(kept) => match kept.still_open().await {
                    Some(sender) => sender,
                    None => self.connect().await?.0,
                },
                None => self.connect().await?.0,
            };
            let response = sender.send_request(request.to_hyper()).await.map_err(|_| Failure::Closed)?;
            let status = response.status().as_u16();
            let retry = response.headers().get("x-rudder-should-retry").is_some_and(|value| value == "true");
            read_all(response.into_body()).await?;
            if request.keep_alive {
                *connection = Some(Connection(sender));
            }
            Ok(Response { status, is_retryable: status == 503 && retry })
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or(Err(Failure::Timeout))
    }
}

impl Connection {
    async fn still_open(mut self) -> Option<SendRequest<Whole>> {
        self.0.ready().await.ok().map(|()| self.0)
    }
}

async fn read_all(mut body: Incoming) -> Result<(), Failure> {
    loop {
        match std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            None => return Ok(()),
            Some(Ok(_)) => {}
            Some(Err(_)) => return Err(Failure::Closed),
        }
    }
}

/// A request with its headers, ready to be sent to one target.
#[derive(Clone)]
pub(super) struct Prepared {
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    keep_alive: bool,
    /// The status of a successful response.
    pub(super) status: u16,
    /// The number of events in the request.
    pub(super) events: usize,
}

impl Prepared {
    /// Prepares a request for a target.
    ///
    /// # Errors
    /// Fails if the method, the path or a header is not valid.
    pub(super) fn new(request: &Request, target: &Target, keep_alive: bool) -> Result<Self, String> {
        let invalid = |what: &str| format!("a recorded request has an invalid {what}");
        let uri = format!("{}{}", target.prefix, request.path).parse().map_err(|_| invalid("path"))?;
        let mut headers = vec![(HOST, target.host.clone())];
        if !keep_alive {
            headers.push((CONNECTION, HeaderValue::from_static("close")));
        }
        for (name, value) in &request.headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|_| invalid("header"))?;
            // Headers that concern the connection are set here, not taken from the recording.
            if ![HOST, CONNECTION, hyper::header::CONTENT_LENGTH, hyper::header::TRANSFER_ENCODING].contains(&name) {
                headers.push((name, HeaderValue::from_str(value).map_err(|_| invalid("header"))?));
            }
        }
        Ok(Self {
            method: Method::from_bytes(request.method.as_bytes()).map_err(|_| invalid("method"))?,
            uri,
            headers,
            body: request.body.clone(),
            keep_alive,
            status: request.status,
            events: request.events,
        })
    }

    fn to_hyper(&self) -> hyper::Request<Whole> {
        let mut request = hyper::Request::new(Whole(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().extend(self.headers.iter().cloned());
        request
    }
}

/// A body that is sent in one frame.
struct Whole(Bytes);

impl Body for Whole {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let bytes = std::mem::take(&mut self.0);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

fn connector(certificates: Vec<CertificateDer<'static>>) -> Result<TlsConnector, String> {
    Ok(TlsConnector::from(Arc::new(trust::client(certificates)?)))
}

fn server_name(name: String) -> Result<ServerName<'static>, String> {
    ServerName::try_from(name).map_err(|_| "has a host name that is not valid for TLS".to_owned())
}
