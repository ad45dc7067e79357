//! Access control: TLS, the operator's token, and the addresses of the listeners.

use std::fs;
use std::io::{BufRead as _, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rustls::crypto::ring;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::json;

use crate::cli::{run, signal, start};
use crate::server::fetch;
use crate::server::settings;
use crate::server::{PATIENCE, Response, Server};
use crate::upstream::{FakeUpstream, json as json_response};

const EVENT: &str = r#"[{"message":{"userId":"u"},"metadata":{"jobId":1},"destination":{"Config":{"topic":"t"}}}]"#;
const TOKEN: &str = "s3cret-t0ken-of-the-operator";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test-fixtures/tls").join(name)
}

#[test]
fn an_https_upstream_is_trusted_only_if_upstream_ca_file_contains_its_ca() {
    let folder = Folder::new();
    let [certificate, key] = folder.put_pair("first");
    let upstream = Server::start(&[&format!("--tls-cert-file={certificate}"), &format!("--tls-key-file={key}")]);
    let url = format!("--upstream-transformer-url=https://localhost:{}", upstream.address.port());
    let ca = |name: &str| format!("--upstream-ca-file={}", fixture(name).display());
    for (ca, status) in [(Some(ca("first.crt")), 200), (Some(ca("second.crt")), 502), (None, 502)] {
        let flags: Vec<&str> = [&*url, "--native-destinations=none"].into_iter().chain(ca.as_deref()).collect();
        let server = Server::start(&flags);
        let response = server.transform(EVENT.as_bytes());
        assert_eq!(response.status, status, "{ca:?}: {}", response.text());
    }
}

#[test]
fn the_tools_trust_the_certificates_in_upstream_ca_file() {
    let folder = Folder::new();
    let [certificate, key] = folder.put_pair("first");
    let server = Server::start(&[&format!("--tls-cert-file={certificate}"), &format!("--tls-key-file={key}")]);
    let url = format!("https://localhost:{}", server.address.port());
    let (cases, health) = (fixture("../service"), format!("{url}/health"));
    for arguments in [
        &["destinations", &url][..],
        &["check", &health],
        &["verify", cases.to_str().expect("a path"), "--against", &url],
        &["bench", &url, "--seconds", "1", "--connections", "1"],
    ] {
        let text = |name: &str| {
            let file = fixture(name);
            let output = crate::cli::run(arguments, &[("UPSTREAM_CA_FILE", file.to_str().expect("a path"))]);
            String::from_utf8([output.stdout, output.stderr].concat()).expect("text")
        };
        let (trusted, other, key) = (text("first.crt"), text("second.crt"), text("first.key"));
        assert!(!trusted.contains("TLS"), "{arguments:?}: {trusted}");
        assert!(other.contains("TLS"), "{arguments:?}: {other}");
        assert!(key.contains("first.key: the file contains no certificate"), "{arguments:?}: {key}");
    }
}

/// A temporary folder, deleted on drop.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("rkt-security-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a name in UTF-8").to_owned()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    /// Copies a certificate and key of the fixtures to the paths that the service reads.
    pub fn put_pair(&self, name: &str) -> [String; 2] {
        ["crt", "key"].map(|kind| {
            let path = self.path(&format!("tls.{kind}"));
            fs::copy(fixture(&format!("{name}.{kind}")), &path).expect("copied");
            path
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Returns the flags for a service with TLS, whose certificate is copied to this folder.
pub fn tls_flags(folder: &Folder, pair: &str) -> [String; 2] {
    let [certificate, key] = folder.put_pair(pair);
    [format!("--tls-cert-file={certificate}"), format!("--tls-key-file={key}")]
}

fn tls_server(folder: &Folder, more: &[&str]) -> Server {
    let [certificate, key] = tls_flags(folder, "first");
    Server::start(&[&[&*certificate, &*key], more].concat())
}

pub type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// Opens a TLS connection that trusts only the fixture certificate `trusted`. Fails if the server presents another
/// certificate.
pub fn tls_connect(stream: TcpStream, trusted: &str) -> std::io::Result<Encrypted> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture(&format!("{trusted}.crt"))).expect("PEM")).expect("a root");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    // In a resumed session, the server would not present its certificate.
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from(format!("{trusted}.test.invalid")).expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Sends a request and reads its response until the connection is closed.
fn ask(mut stream: Encrypted, head: &str, body: &str) -> Response {
    let length = body.len();
    write!(stream, "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        .expect("sent");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("a response that ends with the connection");
    let text = String::from_utf8(response).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Response { status, headers: Vec::new(), body: body.into() }
}

#[test]
fn with_tls_the_service_port_selects_http_1_1_instead_of_http_2() {
    let folder = Folder::new();
    let server = tls_server(&folder, &[]);
    let stream = tls_connect(server.connect(), "first").expect("the certificate");
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]), "although the client prefers HTTP/2");
    let response = ask(stream, "POST /v0/destinations/kafka", EVENT);
    assert_eq!(response.status, 200);
    assert_eq!(response.json()[0]["output"]["topic"], "t");
    // The metrics port has no TLS unless configured.
    assert!(server.scrape().contains("transformer_http_request_duration"));
}

#[test]
fn with_metrics_tls_the_metrics_port_accepts_only_tls() {
    let folder = Folder::new();
    let server = tls_server(&folder, &["--metrics-tls"]);
    let connection = || TcpStream::connect(server.metrics).expect("a listener");
    assert_eq!(ask(tls_connect(connection(), "first").expect("the certificate"), "GET /health", "").status, 200);
    assert_closes_on_plain_text(connection());
}

#[track_caller]
fn assert_closes_on_plain_text(mut stream: TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let mut response = Vec::new();
    match stream.read_to_end(&mut response) {
        // The response is at most a TLS alert, which has seven bytes.
        Ok(_) => assert!(!response.starts_with(b"HTTP") && response.len() <= 7, "{response:?}"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
    }
}

#[test]
fn a_plain_http_request_on_a_tls_port_closes_the_connection() {
    let folder = Folder::new();
    let server = tls_server(&folder, &[]);
    assert_closes_on_plain_text(server.connect());
    assert_eq!(ask(tls_connect(server.connect(), "first").expect("TLS"), "GET /health", "").status, 200);
}

/// Opens connections that stall. On every second connection, a handshake has begun.
fn stall(server: &Server, count: usize) -> Vec<TcpStream> {
    let mut stalled: Vec<_> = (0..count).map(|_| server.connect()).collect();
    for stream in stalled.iter_mut().step_by(2) {
        stream.write_all(&[22, 3, 1, 2, 0, 1]).expect("sent");
    }
    stalled
}

#[test]
fn unfinished_tls_handshakes_are_closed_after_the_header_timeout() {
    let folder = Folder::new();
    let server = tls_server(&folder, &["--header-timeout=1", "--workers=1"]);
    for mut stream in stall(&server, 4) {
        let mut rest = Vec::new();
        match stream.read_to_end(&mut rest) {
            Ok(_) => assert_eq!(rest, b""),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
        }
    }
}

#[test]
fn unfinished_tls_handshakes_do_not_block_other_clients() {
    let folder = Folder::new();
    // This timeout exceeds the time that the test waits for a response.
    let server = tls_server(&folder, &["--header-timeout=600", "--workers=1"]);
    // More handshakes than the library allows in parallel by default.
    let stalled = stall(&server, 300);
    assert_eq!(ask(tls_connect(server.connect(), "first").expect("TLS"), "GET /health", "").status, 200);
    drop(stalled);
}

#[test]
fn stalled_headers_and_bodies_close_the_connection_over_tls() {
    let folder = Folder::new();
    let server = tls_server(&folder, &["--header-timeout=1", "--keep-alive=1", "--body-timeout=1"]);
    let mut body = tls_connect(server.connect(), "first").expect("TLS");
    body.write_all(b"POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n[").expect("sent");
    let mut response = Vec::new();
    body.read_to_end(&mut response).ok();
    assert!(response.starts_with(b"HTTP/1.1 408"), "{response:?}");
    // The framework applies its timeout only to the first headers on a connection. Here, the second headers never end.
    let mut second = tls_connect(server.connect(), "first").expect("TLS");
    second.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    let mut response = Vec::new();
    while !response.ends_with(b"}") {
        let mut byte = [0];
        second.read_exact(&mut byte).expect("the whole response");
        response.extend(byte);
    }
    second.write_all(b"GET /health HTTP/1.1\r\n").expect("sent");
    let mut rest = Vec::new();
    match second.read_to_end(&mut rest) {
        Ok(_) => {}
        // The socket is shut down below TLS, so no close_notify is sent.
        Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the connection is still open: {error}"),
    }
    assert_eq!(rest, b"");
}

/// Sends a request until the response is 200.
#[track_caller]
fn until_accepted(server: &Server) {
    let began = Instant::now();
    while ask(tls_connect(server.connect(), "first").expect("TLS"), "POST /v0/destinations/kafka", EVENT).status != 200
    {
        assert!(began.elapsed() < PATIENCE, "every request is rejected");
        std::thread::yield_now();
    }
}

#[test]
fn the_memory_of_a_response_that_is_not_read_is_released_over_tls() {
    let folder = Folder::new();
    let server = tls_server(&folder, &["--body-timeout=1"]);
    // The response does not fit into the socket buffers of both sides.
    let body = EVENT.replace("\"userId\"", &format!("\"large\":\"{}\",\"userId\"", "x".repeat(30_000_000)));
    let mut slow = tls_connect(server.connect(), "first").expect("TLS");
    let head = format!("POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    slow.write_all(head.as_bytes()).expect("sent");
    slow.write_all(body.as_bytes()).expect("sent");
    slow.read_exact(&mut [0; 12]).expect("the response begins");
    let in_flight = || server.sum("kafka_transformer_in_flight_bytes", &[]);
    assert!(in_flight() > 0.0);
    let began = Instant::now();
    while in_flight() > 0.0 {
        assert!(began.elapsed() < PATIENCE, "the memory of the response is not released");
        std::thread::yield_now();
    }
}

#[test]
fn a_connection_above_the_limit_gets_503_over_tls() {
    let folder = Folder::new();
    let server = tls_server(&folder, &["--max-connections=1", "--workers=1"]);
    let mut first = tls_connect(server.connect(), "first").expect("TLS");
    first
        .write_all(b"POST /batch HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        .expect("sent");
    first.read_exact(&mut [0; 25]).expect("100 Continue");
    let rejected = ask(tls_connect(server.connect(), "first").expect("TLS"), "GET /version", "");
    assert_eq!(rejected.status, 503);
    drop(first);
    until_accepted(&server);
}

#[test]
fn a_certificate_reload_affects_new_connections_unless_the_files_are_invalid() {
    let folder = Folder::new();
    let server = tls_server(&folder, &[]);
    let tls = server.tls.clone().expect("TLS");
    let mut open = tls_connect(server.connect(), "first").expect("the first");
    assert!(!tls.has_changed());
    folder.put_pair("second");
    assert!(tls.has_changed());
    assert!(tls_connect(server.connect(), "second").is_err(), "the new certificate is not loaded yet");
    assert_eq!(tls.reload(), Ok(()));
    assert!(!tls.has_changed());
    assert!(tls_connect(server.connect(), "second").is_ok() && tls_connect(server.connect(), "first").is_err());
    open.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
    open.read_exact(&mut [0; 12]).expect("a response on the open connection");
    // The files do not match: the certificate is the second, but the key belongs to the first.
    fs::copy(fixture("first.key"), folder.path("tls.key")).expect("copied");
    let problem = tls.reload().expect_err("a mismatch");
    assert_eq!(
        problem,
        format!("TLS_KEY_FILE {}: the key does not match the certificate in TLS_CERT_FILE", folder.path("tls.key"))
    );
    assert!(!tls.has_changed(), "the problem is reported only once");
    for broken in [&b""[..], b"\xff\xfe\0", b"-----BEGIN CERTIFICATE-----\nAAAA\n"] {
        folder.write("tls.crt", broken);
        assert!(tls.reload().is_err());
    }
    fs::remove_file(folder.path("tls.key")).expect("removed");
    assert!(tls.reload().is_err());
    assert!(tls_connect(server.connect(), "second").is_ok(), "the old certificate stays in use");
    folder.put_pair("first");
    assert_eq!(tls.reload(), Ok(()));
    assert!(tls_connect(server.connect(), "first").is_ok());
}

#[test]
fn sighup_reloads_the_certificate_and_the_health_command_uses_tls() {
    let folder = Folder::new();
    let [certificate, key] = folder.put_pair("first");
    let environment = [
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("METRICS_PORT", "0"),
        ("TLS_CERT_FILE", &*certificate),
        ("TLS_KEY_FILE", &key),
    ];
    let (mut child, line, mut log) = start(&[], &environment);
    let port = line.split("listening on https://127.0.0.1:").nth(1).and_then(|rest| rest.split(',').next());
    let port = port.unwrap_or_else(|| panic!("{line}"));
    assert!(line.contains("metrics on http://") && line.contains("curl https://localhost:"), "{line}");
    let connection = || TcpStream::connect(format!("127.0.0.1:{port}")).expect("a listener");
    assert!(tls_connect(connection(), "first").is_ok());
    let health = run(&["health"], &[&environment[..], &[("PORT", port)]].concat());
    assert_eq!((health.status.code(), &*health.stderr), (Some(0), &b""[..]));
    let plain = run(&["health", "--url", &format!("http://127.0.0.1:{port}/health")], &[]);
    assert_eq!(plain.status.code(), Some(1));
    // The periodic check may also notice the change and log more lines.
    let mut hang_up_until = |printed: &str| {
        signal(&child, "HUP");
        let mut line = String::new();
        while !line.contains(printed) {
            line.clear();
            assert_ne!(log.read_line(&mut line).expect("a line"), 0, "the service exited before it logged {printed:?}");
        }
        line
    };
    folder.write("tls.key", "garbage");
    let printed = hang_up_until("stays in use");
    assert!(printed.contains("ERROR") && printed.contains("TLS_KEY_FILE"), "{printed}");
    assert!(tls_connect(connection(), "first").is_ok());
    folder.put_pair("second");
    assert!(hang_up_until("were reloaded").contains("INFO"));
    assert!(tls_connect(connection(), "second").is_ok());
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("an exit").code(), Some(0));
}

#[test]
fn unusable_tls_and_token_files_are_reported_without_their_content() {
    let folder = Folder::new();
    let [certificate, key] = folder.put_pair("first");
    let other = fixture("second.key").to_str().expect("UTF-8").to_owned();
    let (missing, directory) = (folder.path("missing"), folder.path("."));
    let garbage = folder.write("garbage", "m4rk\u{1}\n".repeat(1000));
    let broken = folder.write("broken", "-----BEGIN PRIVATE KEY-----\nm4rkm4rk\n-----END PRIVATE KEY-----\n");
    let encrypted = folder
        .write("encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nm4rkm4rk\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let bad_certificate = folder.write("bad.crt", "-----BEGIN CERTIFICATE-----\nm4rkm4rk\n-----END CERTIFICATE-----\n");
    let large = folder.write("large", vec![b'm'; (1 << 20) + 1]);
    let short = folder.write("short", "m4rk");
    let two = folder.write("two", "m4rkm4rkm4rkm4rk\nm4rkm4rkm4rkm4rk\n");
    let (cert, private, token) = ("TLS_CERT_FILE", "TLS_KEY_FILE", "OPERATOR_TOKEN_FILE");
    for (environment, printed) in [
        (&[(cert, &*certificate)][..], "TLS_CERT_FILE needs TLS_KEY_FILE"),
        (&[(private, &key)], "TLS_KEY_FILE needs TLS_CERT_FILE"),
        (&[("METRICS_TLS", "true")], "METRICS_TLS=true needs"),
        (&[(cert, &missing), (private, &key)], "TLS_CERT_FILE"),
        (&[(cert, &directory), (private, &key)], "not a regular file"),
        (&[(cert, &garbage), (private, &key)], "the file contains no certificate"),
        (&[(cert, &bad_certificate), (private, &key)], "TLS_CERT_FILE"),
        (&[(cert, &large), (private, &key)], "larger than 1 MiB"),
        (&[(cert, &key), (private, &key)], "the file contains no certificate"),
        (&[(cert, &certificate), (private, &missing)], "TLS_KEY_FILE"),
        (&[(cert, &certificate), (private, &garbage)], "the file contains no private key"),
        (&[(cert, &certificate), (private, &broken)], "the key cannot be used"),
        (&[(cert, &certificate), (private, &encrypted)], "the key is encrypted"),
        (&[(cert, &certificate), (private, &other)], "the key does not match the certificate"),
        (&[(token, &missing)], "OPERATOR_TOKEN_FILE"),
        (&[(token, &short)], "16 to 4096 characters"),
        (&[(token, &two)], "one line"),
        (&[(token, "/dev/zero")], "not a regular file"),
    ] {
        let output = run(&[], &[&[("PORT", "0"), ("METRICS_PORT", "0")], environment].concat());
        let text = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(text.contains(printed) && text.lines().count() == 1, "{environment:?}: {text}");
        assert!(!text.contains("m4rk"), "{text}");
    }
}

/// Starts a service that requires the token. Also returns the folder with the token file.
fn guarded(more: &[&str]) -> (Folder, Server) {
    let folder = Folder::new();
    let file = folder.write("token", format!("{TOKEN}\n"));
    let server = Server::start(&[&[&*format!("--operator-token-file={file}")], more].concat());
    (folder, server)
}

#[test]
fn metrics_and_explain_require_the_operator_token_and_other_paths_do_not() {
    let (_folder, server) = guarded(&[]);
    let right = format!("Bearer {TOKEN}");
    let ask = |url: String, method: &str, authorization: Option<&str>| {
        let headers: Vec<_> = authorization.map(|value| ("Authorization", value)).into_iter().collect();
        fetch(&url, method, &headers, if method == "POST" { b"{\"events\":[]}" } else { b"" })
    };
    let wrong = [None, Some("Bearer"), Some("Bearer wrong-t0ken-of-the-operator"), Some("Basic eDp5"), Some(TOKEN)];
    for (url, method) in
        [(format!("http://{}/metrics", server.metrics), "GET"), (format!("http://{}/explain", server.address), "POST")]
    {
        for authorization in wrong {
            let response = ask(url.clone(), method, authorization);
            assert_eq!(response.status, 401, "{url} {authorization:?}");
            assert_eq!(response.header("WWW-Authenticate"), Some("Bearer"));
            assert_eq!(response.json()["error"], "Unauthorized");
        }
        assert_eq!(ask(url, method, Some(&right)).status, 200);
    }
    // Orchestrators, rudder-server and browsers request these paths without a token.
    for path in ["/health", "/ready"] {
        assert_eq!(fetch(&format!("http://{}{path}", server.metrics), "GET", &[], b"").status, 200, "{path}");
    }
    for path in ["/health", "/ready", "/features", "/version", "/openapi.json", "/docs/", "/", "/page/main.js"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert_eq!(server.transform(EVENT.as_bytes()).status, 200);
}

#[test]
fn if_page_is_metrics_the_service_port_forwards_the_paths_of_the_web_page() {
    let upstream = FakeUpstream::responding(json_response("200 OK", "\"upstream\""));
    let (_folder, server) = guarded(&["--page=metrics", "--workers=1", &upstream.flag()]);
    // On the service's port, the paths of the page are forwarded. On the metrics port, nothing is forwarded.
    assert_eq!(server.post("/explain", &[], b"{}").text(), "\"upstream\"");
    assert_eq!(server.get("/").text(), "\"upstream\"");
    for (method, path, status) in [
        ("GET", "/explain", 405),
        ("POST", "/", 405),
        ("POST", "/health", 404),
        ("PUT", "/metrics", 404),
        ("POST", "/batch", 404),
    ] {
        let response = fetch(&format!("http://{}{path}", server.metrics), method, &[], b"");
        assert_eq!(response.status, status, "{method} {path}");
    }
}

#[test]
fn if_page_is_metrics_only_the_metrics_port_serves_the_web_page() {
    let server = Server::start(&["--page=metrics"]);
    for path in ["/", "/page/main.js"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert_eq!(server.post("/explain", &[], b"{\"events\":[]}").status, 404);
    let on_metrics_port =
        |method: &str, path: &str, body: &[u8]| fetch(&format!("http://{}{path}", server.metrics), method, &[], body);
    assert!(on_metrics_port("GET", "/", b"").text().contains("<!doctype html>"));
    for path in ["/page/main.js", "/docs/", "/openapi.json", "/metrics", "/health"] {
        assert_eq!(on_metrics_port("GET", path, b"").status, 200, "{path}");
    }
    let events = json!({ "events": [{ "userId": "u" }], "destination": { "topic": "t" } }).to_string();
    assert_eq!(on_metrics_port("POST", "/explain", events.as_bytes()).json()["events"][0]["topic"]["value"], "t");
    assert_eq!(on_metrics_port("POST", "/v0/destinations/kafka", EVENT.as_bytes()).status, 404);
}

#[test]
fn the_metrics_port_listens_only_on_metrics_host() {
    let environment = [("HOST", "127.0.0.1"), ("METRICS_HOST", "127.0.0.2"), ("PORT", "0"), ("METRICS_PORT", "0")];
    let (mut child, line, _log) = start(&[], &environment);
    let port = line.split("metrics on http://127.0.0.2:").nth(1).and_then(|rest| rest.split('/').next());
    let port = port.unwrap_or_else(|| panic!("{line}"));
    assert_eq!(fetch(&format!("http://127.0.0.2:{port}/metrics"), "GET", &[], b"").status, 200);
    assert!(TcpStream::connect(format!("127.0.0.1:{port}")).is_err(), "the metrics port listens only on METRICS_HOST");
    signal(&child, "TERM");
    child.wait().expect("an exit");
}

#[test]
fn at_its_connection_limit_the_metrics_port_closes_the_longest_idle_connection() {
    let server = Server::start(&["--keep-alive=60"]);
    let health = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut held: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(server.metrics).expect("a listener");
            assert_eq!(crate::server::exchange(&mut stream, health).status, 200);
            stream
        })
        .collect();
    let at = |path: &str| fetch(&format!("http://{}{path}", server.metrics), "GET", &[], b"").status;
    assert_eq!((at("/health"), at("/ready")), (200, 200));
    // An idle keep-alive connection is closed to admit a connection that has sent a request.
    let began = Instant::now();
    while at("/metrics") != 200 {
        assert!(began.elapsed() < PATIENCE, "no idle connection is closed");
        std::thread::yield_now();
    }
    let mut rest = Vec::new();
    assert_eq!(held[0].read_to_end(&mut rest).ok(), Some(0), "the connection that has been idle longest is closed");
}

#[test]
fn the_page_setting_accepts_only_booleans_and_metrics() {
    use rudder_kafka_transformer::server::config::Page;
    for (value, page) in [
        ("true", Page::Service),
        ("ON", Page::Service),
        ("1", Page::Service),
        ("false", Page::Off),
        ("No", Page::Off),
        ("0", Page::Off),
        ("Metrics", Page::Metrics),
    ] {
        assert_eq!(settings(&[&format!("--page={value}")]).page, page, "{value}");
    }
    assert_eq!(settings(&["--page"]).page, Page::Service);
    let output = run(&["--page=elsewhere"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("true, false or metrics"));
}
