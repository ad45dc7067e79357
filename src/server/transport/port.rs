//! A port of the service: its listener, its accepted connections, and the application that serves them.
//!
//! This module replaces the framework's own server, in order to insert a custom transport between sockets and HTTP.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol, Request, Response};
use actix_server::ServerBuilder;
use actix_service::{IntoServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, Service, ServiceFactory};
use actix_web::rt::net::TcpStream;
use actix_web::rt::time::timeout;
use rustls::ServerConfig;
use socket2::SockRef;
use tokio_rustls::TlsAcceptor;

use super::stream::{Socket, Stream, Transport};
use crate::server::limits::connections::Connections;

/// How long the rest of a request body is read and discarded, if the response was sent before the body had been read
/// completely. If the connection were closed immediately, the client's OS would discard the response.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum number of connections that wait in the OS queue until they are accepted, unless the OS limit is lower. A
/// burst of connections could fill the standard library's default queue, which has a length of 128. The OS would then
/// drop the handshakes of further clients, which retry only after a second.
const ACCEPT_BACKLOG: i32 = 4096;

/// The configuration of a port.
#[derive(Debug)]
pub struct Port {
    /// The listener.
    pub listener: TcpListener,
    /// The TLS configuration, or `None` for plain HTTP.
    pub tls: Option<ServerConfig>,
    /// The connection limits.
    pub connections: Connections,
    /// The number of worker threads.
    pub workers: usize,
    /// The timeout for the headers of the first request on a connection, and for a TLS handshake.
    pub header_timeout: Duration,
    /// The grace period for in-flight requests to finish when the port is closed.
    pub shutdown_timeout: Duration,
}

impl Port {
    /// Starts to serve this port. Each worker calls `application` to create its own copy of the application.
    ///
    /// # Errors
    /// Fails if the listener cannot be used.
    pub fn serve<F, I, S, B>(self, application: F) -> io::Result<Server>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<actix_web::Error> + 'static,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        S::Service: 'static,
        <S::Service as Service<Request>>::Future: 'static,
        B: MessageBody + 'static,
    {
        let Self { listener, tls, connections, workers, header_timeout, shutdown_timeout } = self;
        let address = listener.local_addr()?;
        // The socket is already listening. This call only makes its queue longer.
        SockRef::from(&listener).listen(ACCEPT_BACKLOG)?;
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let builder = ServerBuilder::default()
            .workers(workers)
            .max_concurrent_connections(connections.accepted_by_worker())
            // The framework accepts only whole seconds, so the timeout is rounded up.
            .shutdown_timeout(shutdown_timeout.as_secs() + u64::from(shutdown_timeout.subsec_nanos() > 0))
            .disable_signals();
        let stops = builder.graceful_shutdown_signal();
        let serve = move || {
            actix_web::rt::spawn(connections.clone().sweep());
            let acceptor = Rc::new(Acceptor {
                connections: Rc::new(connections.clone()),
                tls: tls.clone(),
                handshake_timeout: header_timeout,
            });
            let stops = stops.clone();
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stops = stops.clone();
                    async move { stops.notified().await }
                })
                // The framework's own keep-alive timeout is disabled. The sweep closes idle connections instead,
                // because only the sweep knows whether the next headers have begun to arrive, and whether the client is
                // still receiving a response.
                .keep_alive(KeepAlive::Os)
                .client_request_timeout(header_timeout)
                .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                .local_addr(address)
                .on_connect_ext(|transport: &Transport, data| {
                    let (connection, connections) = transport.connection();
                    data.insert(connection);
                    data.insert(connections);
                });
            let application = application().into_factory().map_err(|error| error.into().error_response());
            let http = http.finish(map_config(application, |()| AppConfig::default()));
            fn_service(move |tcp| accept(acceptor.clone(), tcp)).and_then(http)
        };
        Ok(builder.listen(address.to_string(), listener, serve)?.run())
    }
}

/// Creates transports for the connections of a worker.
struct Acceptor {
    connections: Rc<Connections>,
    tls: Option<TlsAcceptor>,
    handshake_timeout: Duration,
}

async fn accept(
    acceptor: Rc<Acceptor>,
    tcp: TcpStream,
) -> Result<(Transport, Protocol, Option<SocketAddr>), DispatchError> {
    // Without this option, small responses would wait for acknowledgments. The call fails if the connection has already
    // been closed.
    tcp.set_nodelay(true).ok();
    let peer = tcp.peer_addr().ok();
    let connection = acceptor.connections.accept(tcp);
    let socket = Socket::of(connection.clone());
    let stream = match &acceptor.tls {
        None => Stream::Plain(socket),
        Some(tls) => {
            let handshake = timeout(acceptor.handshake_timeout, tls.accept(socket)).await;
            Stream::Tls(Box::new(handshake.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??))
        }
    };
    Ok((Transport::new(stream, connection, acceptor.connections.clone()), Protocol::Http1, peer))
}
