//! Real servers on free ports, and clients for them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use clap::Parser;
use futures_util::{FutureExt as _, StreamExt as _};
use rudder_kafka_transformer::server::routes::transform::Transformation;
use rudder_kafka_transformer::server::settings::Settings;
use rudder_kafka_transformer::server::transport::tls::Tls;
use rudder_kafka_transformer::server::{Listeners, run_with};
use serde_json::Value;
use tokio::sync::oneshot;
use ureq::tls::TlsConfig;

/// The timeout of every wait. A server that hangs fails the test.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Parser)]
#[command(args_override_self = true)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

/// Builds settings from flags alone.
pub fn settings(flags: &[&str]) -> Settings {
    let arguments = ["test", "--host=127.0.0.1", "--workers=2"].into_iter().chain(flags.iter().copied());
    Arguments::parse_from(arguments).settings
}

/// A running server, stopped on drop.
pub struct Server {
    pub address: SocketAddr,
    pub metrics: SocketAddr,
    /// The TLS configuration of the server.
    pub tls: Option<Arc<Tls>>,
    stop: Option<oneshot::Sender<()>>,
    close: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

/// The status, headers and body of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a response is UTF-8")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_else(|error| panic!("{error}: {:.300}", self.text()))
    }
}

/// Adds routes that panic on the event loop, off the event loop, in the middle of a response and in a detached task.
/// Other routes hold a permit or stop their worker.
fn test_routes(config: &mut ServiceConfig) {
    async fn panics() -> &'static str {
        panic!("event contents that must not be logged")
    }
    async fn panics_off_loop() -> Result<&'static str, actix_web::Error> {
        web::block(|| panic!("off the event loop")).await?;
        Ok("")
    }
    async fn panics_in_its_response() -> HttpResponse {
        let pieces = futures_util::stream::iter([Some("the beginning"), None]);
        let pieces = pieces.map(|piece| Ok::<_, actix_web::Error>(piece.expect("a piece").into()));
        HttpResponse::Ok().streaming(pieces)
    }
    async fn spawn_a_task_that_panics() -> &'static str {
        drop(actix_web::rt::spawn(async { panic!("in a task") }));
        ""
    }
    /// Takes a permit for work outside the event loop, and holds this permit until the client disconnects.
    async fn holds_a_permit(service: web::Data<Transformation>) -> HttpResponse {
        let permit = service.bodies.permits.acquire().await.expect("a permit");
        let held = futures_util::stream::once(async { Ok::<_, actix_web::Error>("held".into()) });
        let never = futures_util::stream::pending();
        HttpResponse::Ok().streaming(held.chain(never).map(move |piece| {
            let _permit = &permit;
            piece
        }))
    }
    async fn ends_its_worker() -> &'static str {
        actix_rt::Arbiter::current().stop();
        ""
    }
    config
        .route("/test/panic", web::get().to(panics))
        .route("/test/panic-off-loop", web::get().to(panics_off_loop))
        .route("/test/panic-in-response", web::get().to(panics_in_its_response))
        .route("/test/panic-in-task", web::get().to(spawn_a_task_that_panics))
        .route("/test/hold-permit", web::get().to(holds_a_permit))
        .route("/test/end-worker", web::get().to(ends_its_worker));
}

impl Server {
    pub fn start(flags: &[&str]) -> Self {
        let settings = settings(flags);
        let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let tls = settings
            .tls()
            .expect("both files or none")
            .map(|files| Arc::new(Tls::load(&files).expect("certificate and key")));
        let listeners = Listeners { service: listen(), metrics: listen(), tls: tls.clone() };
        let address = listeners.service.local_addr().expect("bound");
        let metrics = listeners.metrics.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let (close, closed) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let shutdown = stopped.map(move |_| closed.map(|_| ()));
                run_with(&settings, listeners, shutdown, test_routes).await
            })
        });
        Self { address, metrics, tls, stop: Some(stop), close: Some(close), thread: Some(thread) }
    }

    /// Returns the server that is shared by all tests without settings of their own. A request for an unsupported
    /// destination type gets 404 from this server, as from rudder-transformer.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Server::start(&["--unserved=reject"]))
    }

    /// Begins the shutdown of the server without ending its drain delay, so the listener stays open.
    pub fn begin_drain(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
    }

    /// Begins the shutdown of the server without waiting for it to complete.
    pub fn begin_stop(&mut self) {
        self.begin_drain();
        if let Some(close) = self.close.take() {
            close.send(()).ok();
        }
    }

    /// Stops the server and waits until it has stopped.
    pub fn stop(mut self) -> std::io::Result<()> {
        self.begin_stop();
        self.thread.take().map_or(Ok(()), |thread| thread.join().expect("the server does not panic"))
    }

    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.request("POST", path, headers, body)
    }

    /// Sends a POST request to the Kafka processor endpoint.
    pub fn transform(&self, body: &[u8]) -> Response {
        self.post("/v0/destinations/kafka", &[], body)
    }

    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        fetch(&format!("http://{}{path}", self.address), method, headers, body)
    }

    /// Returns the sum of all samples of a metric that have these labels.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        sum(&self.scrape(), name, labels)
    }

    pub fn scrape(&self) -> String {
        let response = fetch(&format!("http://{}/metrics", self.metrics), "GET", &[], b"");
        let content_type = response.header("content-type");
        assert_eq!((response.status, content_type), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
        response.text().to_owned()
    }

    /// Opens a raw connection, for requests that an HTTP client would not send.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Sends a request on a new connection.
pub fn fetch(url: &str, method: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    fetch_with(TlsConfig::default(), url, method, headers, body)
}

/// Like [`fetch`], but accepts any certificate.
pub fn fetch_unchecked(url: &str, method: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let tls = TlsConfig::builder()
        .disable_verification(true)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
    fetch_with(tls.build(), url, method, headers, body)
}

fn fetch_with(tls: TlsConfig, url: &str, method: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(tls)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE))
        .allow_non_standard_methods(true)
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("a valid request");
    let mut response = agent.run(request).unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()))
        .collect();
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().expect("the whole response");
    Response { status: response.status().as_u16(), headers, body }
}

/// Sends bytes verbatim and reads one response.
pub fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> Response {
    // A server that rejects a request early may close the connection before everything is written. The response can
    // still be read.
    stream.write_all(bytes).ok();
    read_response(stream)
}

/// Reads one response with a Content-Length.
pub fn read_response(stream: &mut impl Read) -> Response {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            other => panic!("no complete response ({other:?}) after {:?}", String::from_utf8_lossy(&head)),
        }
    }
    let head = String::from_utf8(head).expect("headers are ASCII");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the whole body");
    Response { status: status.expect("a status"), headers, body }
}

/// Returns the sum of all samples with this name and these labels.
pub fn sum(scrape: &str, name: &str, labels: &[&str]) -> f64 {
    samples(scrape)
        .filter(|(sample, found, _)| *sample == name && labels.iter().all(|label| found.contains(label)))
        .map(|(_, _, value)| value)
        .sum()
}

/// Returns the name, labels and value of every sample.
pub fn samples(scrape: &str) -> impl Iterator<Item = (&str, &str, f64)> {
    scrape.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').expect("labels, at least instanceName");
        (name, labels, value.parse().expect("a number"))
    })
}
