//! A port of the service: its listener, the connections that are accepted on it, and the application that answers them.
//!
//! This is what the framework's own server does, with a transport of ours between its sockets and its HTTP.

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

/// How long a client that was answered before its body was read has to notice: what it sends meanwhile is discarded.
/// Closing at once would have its system discard the response.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections that the system keeps until they are accepted, unless its own limit is lower. The 128 of the standard library
/// are fewer than one burst of idle connections: the system then drops the handshake of the next client, which repeats it
/// after a second.
const ACCEPT_BACKLOG: i32 = 4096;

/// What a port is served with.
#[derive(Debug)]
pub struct Port {
    /// Its listener.
    pub listener: TcpListener,
    /// What it speaks TLS with; `None` for plain HTTP.
    pub tls: Option<ServerConfig>,
    /// Its limits.
    pub connections: Connections,
    /// Its threads.
    pub workers: usize,
    /// The time for the headers of the first request, and for a TLS handshake.
    pub header_timeout: Duration,
    /// The time for what is in service when the port is closed.
    pub shutdown_timeout: Duration,
}

impl Port {
    /// Serves what `application` makes, once for each worker.
    ///
    /// # Errors
    /// The listener cannot be used.
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
        // It listens already; this only makes its queue longer.
        SockRef::from(&listener).listen(ACCEPT_BACKLOG)?;
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let builder = ServerBuilder::default()
            .workers(workers)
            .max_concurrent_connections(connections.accepted_by_worker())
            // The library counts whole seconds.
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
                // Without a time of its own: the sweep knows whether headers have begun, and whether the client still takes a
                // response.
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

/// Makes transports of the connections that a worker is given.
struct Acceptor {
    connections: Rc<Connections>,
    tls: Option<TlsAcceptor>,
    handshake_timeout: Duration,
}

async fn accept(
    acceptor: Rc<Acceptor>,
    tcp: TcpStream,
) -> Result<(Transport, Protocol, Option<SocketAddr>), DispatchError> {
    // Small responses would wait for acknowledgements. It fails on a connection that has ended already.
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
