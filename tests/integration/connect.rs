//! `check --connect` against fake brokers that misbehave in ways that real brokers do not. `.ci/kafka` tests real
//! brokers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use check::destination::{Address, Settings, Ssh, Tls};
use connect::client_certificate::{ClientFiles, File};
use connect::problem::{Problem, table};
use connect::step::{Outcome, Report, Stage, Step, Subject};
use connect::{ConnectOptions, DEFAULT_BATCH_BYTES, run};
use socket2::{Domain, Socket, Type};
use transform::family::KAFKA;

use crate::cli;

/// The timeout of a step in tests whose broker responds.
const LONG: Duration = Duration::from_secs(60);
/// The timeout of a step in tests whose broker does not respond.
const SHORT: Duration = Duration::from_millis(100);

/// Listens on a free port and runs the same handler on each connection.
fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.expect("a connection"));
        }
    });
    Address { host: "127.0.0.1".to_owned(), port }
}

/// Binds a port without listening on it, so that it refuses connections while the socket exists.
fn closed() -> (Socket, Address) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    let port = socket.local_addr().ok().and_then(|address| address.as_socket_ipv4()).expect("bound").port();
    (socket, Address { host: "127.0.0.1".to_owned(), port })
}

/// Reads the API key, version and correlation ID of the next request. Returns `None` at the end of the stream.
fn request(stream: &mut TcpStream) -> Option<(i16, i16, [u8; 4])> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).ok()?;
    let number = |at: usize| i16::from_be_bytes([body[at], body[at + 1]]);
    Some((number(0), number(2), [body[4], body[5], body[6], body[7]]))
}

/// Waits for a request, sends these bytes and closes the connection.
fn send_once(bytes: &'static [u8]) -> Address {
    listen(move |mut stream| {
        if request(&mut stream).is_some() {
            stream.write_all(bytes).ok();
        }
    })
}

/// Starts a broker that responds to each request with the bytes that `respond` returns for its API key.
fn broker(respond: impl Fn(i16) -> Vec<u8> + Send + 'static) -> Address {
    listen(move |mut stream| {
        while let Some((key, _, id)) = request(&mut stream) {
            let body = respond(key);
            let length = u32::try_from(body.len() + 4).expect("short");
            stream.write_all(&[&length.to_be_bytes()[..], &id, &body].concat()).ok();
        }
    })
}

const API_VERSIONS: i16 = 18;
const METADATA: i16 = 3;

/// Builds the `ApiVersions` response of a broker that supports the versions `from` to `to` of the Metadata request.
fn versions(from: i16, to: i16) -> Vec<u8> {
    let mut response = vec![0, 0, 0, 0, 0, 1];
    for number in [METADATA, from, to] {
        response.extend(number.to_be_bytes());
    }
    response
}

fn text(text: &str) -> Vec<u8> {
    [&i16::try_from(text.len()).expect("short").to_be_bytes()[..], text.as_bytes()].concat()
}

/// Builds the `Metadata` response, version 8, of a cluster with these brokers and topics (name, error, leaders).
fn metadata(cluster: &str, brokers: &[(i32, &str, u16)], topics: &[(&str, i16, &[i32])]) -> Vec<u8> {
    let count = |count: usize| i32::try_from(count).expect("few").to_be_bytes();
    let mut response = vec![0; 4];
    response.extend(count(brokers.len()));
    for (id, host, port) in brokers {
        response.extend(id.to_be_bytes());
        response.extend(text(host));
        response.extend(i32::from(*port).to_be_bytes());
        response.extend([0xff, 0xff]);
    }
    response.extend(text(cluster));
    response.extend([0; 4]);
    response.extend(count(topics.len()));
    for (name, error, leaders) in topics {
        response.extend(error.to_be_bytes());
        response.extend(text(name));
        response.push(0);
        response.extend(count(leaders.len()));
        for leader in *leaders {
            response.extend([0; 6]);
            response.extend(leader.to_be_bytes());
            response.extend([0; 4]);
            for _ in ["replicas", "in sync"] {
                response.extend(count(1));
                response.extend([0, 0, 0, 1]);
            }
            response.extend(count(0));
        }
        response.extend(i32::MIN.to_be_bytes());
    }
    response.extend(i32::MIN.to_be_bytes());
    response
}

fn settings(brokers: &[&Address]) -> Settings {
    Settings {
        family: &KAFKA,
        brokers: brokers.iter().copied().cloned().collect(),
        tls: None,
        sasl: None,
        topics: vec!["orders".to_owned()],
        topics_from_events: false,
        avro: Default::default(),
        ssh: None,
    }
}

fn encrypted(address: &Address) -> Settings {
    Settings { tls: Some(Tls { ca_pem: Some(CA.to_owned()) }), ..settings(&[address]) }
}

/// A CA whose private key has been discarded, valid until 2126.
const CA: &str = include_str!("../../test-fixtures/connect/ca.pem");

fn options(client: ClientFiles, timeout: Duration) -> ConnectOptions {
    let (topics, batch_bytes) = (Vec::new(), DEFAULT_BATCH_BYTES);
    ConnectOptions { client, topics, timeout, accepts_any_certificate: false, batch_bytes }
}

fn check(settings: &Settings, timeout: Duration) -> Report {
    run(settings, &options(ClientFiles::default(), timeout)).expect("a runtime")
}

/// Returns the step, problem and text of the only failure.
fn failure(report: &Report) -> (Stage, Problem, String) {
    let steps = report.sections.iter().flat_map(|section| &section.steps);
    let failed: Vec<_> = steps
        .filter_map(|step| step.failure().map(|failure| (step.stage, failure.problem, failure.text.clone())))
        .collect();
    assert_eq!(failed.len(), 1, "{report:#?}");
    failed.into_iter().next().expect("one")
}

fn steps(report: &Report, wanted: impl Fn(&Subject) -> bool) -> Vec<&Step> {
    report.sections.iter().filter(|section| wanted(&section.subject)).flat_map(|section| &section.steps).collect()
}

#[test]
fn check_connect_distinguishes_responses_of_servers_that_are_not_brokers() {
    let cases: [(&'static [u8], Problem, &str); 11] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Problem::NotKafka, "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Problem::NotKafka, "SSH"),
        (b"220 mail.example.com ESMTP\r\n", Problem::NotKafka, "text"),
        (b"\x15\x03\x03\x00\x02\x02\x50", Problem::TlsExpected, "expects TLS"),
        (b"\x7f\xff\xff\xff\x00\x00", Problem::ResponseTooLarge, "2147483647 bytes"),
        (b"\xff\xff\xff\xff\x00\x00", Problem::ResponseTooLarge, "4294967295 bytes"),
        (b"\x00\x00\x10\x00\x00\x00\x00\x01", Problem::ConnectionClosed, "4 of 4096 bytes"),
        (b"\x00\x00\x00\x00", Problem::ResponseUnreadable, "0 bytes"),
        // This response has the correlation ID of a request that was never sent.
        (b"\x00\x00\x00\x0a\x00\x00\x00\x63\x00\x00\x00\x00\x00\x00", Problem::ResponseUnreadable, "10 bytes"),
        // This response has an array length that is too large for any memory.
        (b"\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x7f\xff\xff\xff", Problem::ResponseUnreadable, "10 bytes"),
        (b"", Problem::ConnectionClosed, "instead of responding"),
    ];
    for (bytes, problem, words) in cases {
        let (stage, found, text) = failure(&check(&settings(&[&send_once(bytes)]), LONG));
        assert_eq!((stage, found), (Stage::Versions, problem), "{bytes:?}: {text}");
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_broker_that_disconnects_at_once_is_reported_with_and_without_tls() {
    let address = listen(drop);
    let (stage, problem, _) = failure(&check(&settings(&[&address]), LONG));
    assert_eq!((stage, problem), (Stage::Versions, Problem::ConnectionClosed));
    let (stage, problem, _) = failure(&check(&encrypted(&address), LONG));
    assert_eq!((stage, problem), (Stage::Tls, Problem::NotTls));
}

#[test]
fn a_broker_that_does_not_respond_fails_its_step_after_the_timeout() {
    // The kernel accepts the connections, but nothing ever reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = Address { host: "127.0.0.1".to_owned(), port: silent.local_addr().expect("bound").port() };
    // A partial response does not extend the timeout.
    let stopping = listen(|mut stream| {
        if request(&mut stream).is_some() {
            stream.write_all(&[0, 0, 1, 0, 0, 0]).ok();
            stream.read_to_end(&mut Vec::new()).ok();
        }
    });
    let start = Instant::now();
    for (settings, stage, problem) in [
        (settings(&[&address]), Stage::Versions, Problem::ResponseTimeout),
        (settings(&[&stopping]), Stage::Versions, Problem::ResponseTimeout),
        (encrypted(&address), Stage::Tls, Problem::TlsTimeout),
    ] {
        let (found_stage, found, text) = failure(&check(&settings, SHORT));
        assert_eq!((found_stage, found), (stage, problem));
        assert!(text.ends_with("within 0.1 s"), "{text}");
    }
    assert!(start.elapsed() < LONG);
}

#[test]
fn a_plain_text_response_to_a_tls_handshake_is_reported() {
    let http = listen(|mut stream| {
        let mut hello = [0; 1];
        stream.read_exact(&mut hello).ok();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
    });
    let (stage, problem, text) = failure(&check(&encrypted(&http), LONG));
    assert_eq!((stage, problem), (Stage::Tls, Problem::NotTls));
    assert!(text.contains("does not speak TLS"), "{text}");
}

#[test]
fn unresolvable_broker_names_and_closed_broker_ports_are_distinguished() {
    let unnamed = Address { host: "no..such..name".to_owned(), port: 9092 };
    let (stage, problem, text) = failure(&check(&settings(&[&unnamed]), LONG));
    assert_eq!((stage, problem), (Stage::Dns, Problem::NameNotFound), "{text}");

    let (_held, closed) = closed();
    let (stage, problem, text) = failure(&check(&settings(&[&closed]), LONG));
    assert_eq!((stage, problem), (Stage::Tcp, Problem::ConnectionRefused));
    assert!(text.contains(&closed.to_string()), "{text}");
}

#[test]
fn each_kind_of_unusable_broker_response_is_reported_as_its_own_problem() {
    // This broker supports no version of Metadata in which a client can forbid the creation of missing topics.
    let old = broker(|key| match key {
        API_VERSIONS => versions(0, 3),
        key => panic!("request {key}"),
    });
    let (stage, problem, _) = failure(&check(&settings(&[&old]), LONG));
    assert_eq!((stage, problem), (Stage::Metadata, Problem::BrokerTooOld));

    let broken = broker(|_| vec![0, 7, 0, 0, 0, 0]);
    let (stage, problem, text) = failure(&check(&settings(&[&broken]), LONG));
    assert_eq!((stage, problem), (Stage::Versions, Problem::BrokerError));
    assert!(text.contains("RequestTimedOut (7)"), "{text}");

    // The response claims more brokers than fit into memory.
    let boastful = broker(|key| match key {
        API_VERSIONS => versions(0, 12),
        _ => vec![0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff],
    });
    let (stage, problem, _) = failure(&check(&settings(&[&boastful]), LONG));
    assert_eq!((stage, problem), (Stage::Metadata, Problem::ResponseUnreadable));

    let alone = broker(|key| if key == API_VERSIONS { versions(0, 12) } else { metadata("c", &[], &[]) });
    assert_eq!(failure(&check(&settings(&[&alone]), LONG)).1, Problem::NoBrokers);
}

#[test]
fn text_from_a_broker_cannot_control_the_terminal() {
    let address = broker(|key| match key {
        API_VERSIONS => versions(0, 12),
        _ => metadata("\u{1b}[2J", &[(1, "no..such\u{1b}[31m..name", 1)], &[("orders", 0, &[1])]),
    });
    let report = check(&settings(&[&address]), LONG);
    // The text is escaped, and `Debug` doubles the backslash of the escape sequence.
    assert!(!format!("{report:?}").replace(r"\\", "").contains(r"\u{1b}"), "{report:#?}");
    assert_eq!(failure(&report).0, Stage::Dns);
}

#[test]
fn each_broker_is_probed_at_its_advertised_address() {
    let elsewhere = broker(|_| versions(0, 12));
    let port = elsewhere.port;
    let (_held, Address { port: closed, .. }) = closed();
    let address = broker(move |key| match key {
        API_VERSIONS => versions(0, 12),
        _ => metadata("c", &[(1, "127.0.0.1", port), (2, "127.0.0.1", closed)], &[("orders", 0, &[1, 2])]),
    });
    let report = check(&settings(&[&address]), LONG);
    let (stage, problem, _) = failure(&report);
    assert_eq!((stage, problem), (Stage::Tcp, Problem::ConnectionRefused));
    let visited = |id| steps(&report, |subject| matches!(subject, Subject::Advertised { id: one, .. } if *one == id));
    assert!(matches!(visited(1).last().expect("steps").outcome, Outcome::Passed(_)));
    assert!(visited(2).last().expect("steps").details.concat().contains("advertised.listeners"));
    let topics = steps(&report, |subject| matches!(subject, Subject::Topics(_)));
    assert!(topics[0].cautions.concat().contains("does not report"), "{topics:?}");
}

/// Returns the problems of all failures and warnings.
fn verdicts(report: &Report) -> (Vec<Problem>, Vec<Problem>) {
    (
        report.failures().map(|failure| failure.problem).collect(),
        report.warnings().map(|failure| failure.problem).collect(),
    )
}

#[test]
fn an_unreachable_bootstrap_broker_causes_a_warning_if_another_is_reachable() {
    let good = good_broker();
    let (_held, closed) = closed();
    let blank = Address { host: " localhost".to_owned(), port: good.port };
    for dead in [&closed, &blank] {
        let problem = if *dead == closed { Problem::ConnectionRefused } else { Problem::NameNotFound };
        for brokers in [[&good, dead], [dead, &good]] {
            assert_eq!(verdicts(&check(&settings(&brokers), LONG)), (vec![], vec![problem]), "{brokers:?}");
        }
        assert_eq!(verdicts(&check(&settings(&[dead]), LONG)), (vec![problem], vec![]), "{dead}");
        assert_eq!(verdicts(&check(&settings(&[dead, dead]), LONG)), (vec![problem, problem], vec![]), "{dead}");
    }
}

#[test]
fn an_unreachable_advertised_broker_is_a_failure() {
    let (_held, closed) = closed();
    let port = closed.port;
    let bootstrap = broker(move |key| match key {
        API_VERSIONS => versions(0, 12),
        _ => metadata("c", &[(1, "127.0.0.1", port)], &[("orders", 0, &[1])]),
    });
    let report = check(&settings(&[&bootstrap, &closed]), LONG);
    assert_eq!(verdicts(&report), (vec![Problem::ConnectionRefused], vec![]), "{report:#?}");
}

#[test]
fn the_client_certificate_step_is_skipped_if_ca_certificate_is_not_set() {
    let unread = || Some(File { path: "it.pem".to_owned(), content: Err("not read".to_owned()) });
    let settings = Settings { tls: Some(Tls { ca_pem: None }), ..settings(&[&listen(drop)]) };
    let files = ClientFiles { certificate: unread(), key: unread() };
    let report = run(&settings, &options(files, LONG)).expect("a runtime");
    let own = steps(&report, |subject| *subject == Subject::Client);
    let client = own.iter().find(|step| step.stage == Stage::ClientCertificate).expect("a step");
    assert!(
        matches!(&client.outcome, Outcome::Skipped(text) if text.contains("only if caCertificate is set")),
        "{client:?}"
    );
}

#[test]
fn bootstrap_brokers_that_belong_to_different_clusters_are_reported() {
    let of = |name: &'static str| {
        broker(move |key| match key {
            API_VERSIONS => versions(0, 12),
            _ => metadata(name, &[(1, "127.0.0.1", 1)], &[("orders", 0, &[1])]),
        })
    };
    let report = check(&settings(&[&of("one"), &of("other")]), LONG);
    let problems: Vec<_> = report.failures().map(|failure| failure.problem).collect();
    assert!(problems.contains(&Problem::ClustersDiffer), "{report:#?}");
}

#[test]
fn leaderless_invalid_missing_and_unauthorized_topics_are_reported() {
    for (error, leaders, problem) in [
        (0, &[1, -1][..], Problem::TopicWithoutLeader),
        (17, &[], Problem::TopicInvalid),
        (3, &[], Problem::TopicMissing),
        (29, &[], Problem::TopicNotAuthorized),
    ] {
        let own = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(0));
        let port = std::sync::Arc::clone(&own);
        let address = broker(move |key| match key {
            API_VERSIONS => versions(0, 12),
            _ => {
                let port = port.load(std::sync::atomic::Ordering::SeqCst);
                metadata("c", &[(1, "127.0.0.1", port)], &[("orders", error, leaders)])
            }
        });
        own.store(address.port, std::sync::atomic::Ordering::SeqCst);
        let (stage, found, _) = failure(&check(&settings(&[&address]), LONG));
        assert_eq!((stage, found), (Stage::Topic, problem));
    }
}

#[test]
fn brokers_behind_an_ssh_tunnel_are_not_probed() {
    let ssh = Ssh { host: "bastion".to_owned(), port: 22, user: "rudder".to_owned() };
    let report = check(&Settings { ssh: Some(ssh), ..settings(&[&listen(|_| panic!("connected to"))]) }, LONG);
    assert_eq!(report.sections.len(), 1);
    assert!(matches!(&report.sections[0].steps[0].outcome, Outcome::Skipped(text) if text.contains("bastion")));
}

#[test]
fn incomplete_unreadable_and_invalid_client_certificate_files_are_reported() {
    let file = |content: Result<&[u8], &str>| {
        Some(File { path: "it.pem".to_owned(), content: content.map(<[u8]>::to_vec).map_err(ToOwned::to_owned) })
    };
    let encrypted_key = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let certificate = || file(Ok(CA.as_bytes()));
    for (certificate, key, problem) in [
        (certificate(), None, Problem::ClientFilesIncomplete),
        (None, file(Ok(b"")), Problem::ClientFilesIncomplete),
        (file(Err("no such file")), file(Ok(b"")), Problem::ClientFileUnreadable),
        (file(Ok(b"\0\xff garbage")), file(Ok(b"")), Problem::ClientFileInvalid),
        (certificate(), file(Ok(b"\0\xff garbage")), Problem::ClientFileInvalid),
        (certificate(), file(Ok(encrypted_key)), Problem::ClientFileInvalid),
    ] {
        let options = options(ClientFiles { certificate, key }, LONG);
        let report = run(&encrypted(&listen(drop)), &options).expect("a runtime");
        let own = steps(&report, |subject| *subject == Subject::Client);
        let found = own.iter().find_map(|step| step.failure()).expect("a failure");
        assert_eq!(found.problem, problem, "{}", found.text);
        assert!(!found.text.contains("MIIB"), "{}", found.text);
    }
}

#[test]
fn an_unusable_ca_certificate_fails_the_trust_step_and_skips_later_steps() {
    for (pem, problem) in [
        ("garbage", Problem::CaUnusable),
        (include_str!("../../test-fixtures/connect/expired-ca.pem"), Problem::CaOutOfDate),
    ] {
        let settings = Settings { tls: Some(Tls { ca_pem: Some(pem.to_owned()) }), ..settings(&[&listen(drop)]) };
        let report = check(&settings, LONG);
        let (stage, found, _) = failure(&report);
        assert_eq!((stage, found), (Stage::Trust, problem));
        let broker = steps(&report, |subject| matches!(subject, Subject::Bootstrap(_)));
        assert!(matches!(broker.last().expect("steps").outcome, Outcome::Skipped(_)));
    }
}

/// A temporary file with a destination, deleted on drop.
struct Destination(std::path::PathBuf);

impl Destination {
    fn at(address: &Address, name: &str, more: &str) -> Self {
        let path = std::env::temp_dir().join(format!("connect-{}-{name}.json", std::process::id()));
        let Address { host, port } = address;
        let config = format!(r#"{{"hostName":"{host}","port":"{port}","topic":"orders"{more}}}"#);
        std::fs::write(&path, format!(r#"{{"Config":{config}}}"#)).expect("a file");
        Self(path)
    }

    fn check(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
        let path = self.0.to_str().expect("text");
        let output = cli::run(&[&["check", "--family", "kafka", path], arguments].concat(), environment);
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// Starts a cluster of one broker with the topics `orders` and `users`.
fn good_broker() -> Address {
    let own = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(0));
    let port = std::sync::Arc::clone(&own);
    let address = broker(move |key| match key {
        API_VERSIONS => versions(0, 12),
        _ => {
            let port = port.load(std::sync::atomic::Ordering::SeqCst);
            metadata("c", &[(1, "127.0.0.1", port)], &[("orders", 0, &[1]), ("users", 0, &[1])])
        }
    });
    own.store(address.port, std::sync::atomic::Ordering::SeqCst);
    address
}

#[test]
fn check_does_not_connect_without_the_connect_flag() {
    let destination = Destination::at(&listen(|_| panic!("connected to")), "printed", "");
    let (code, text) = destination.check(&[], &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("connecting"), "{text}");
}

#[test]
fn check_connect_prints_no_success_message_if_a_step_fails() {
    let (_held, closed) = closed();
    let (code, text) = Destination::at(&closed, "well", "").check(&["--connect"], &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(!text.contains("nothing is wrong") && !text.contains("os error"), "{text}");
    // The configuration has no problems, so only the connection can fail.
    let named = closed.port.to_string();
    let path = std::env::temp_dir().join(format!("connect-{}-named.json", std::process::id()));
    let config = format!(r#"{{"Config":{{"hostName":"no-such-host.invalid","port":"{named}","topic":"orders"}}}}"#);
    std::fs::write(&path, config).expect("a file");
    let (code, text) = Destination(path).check(&["--connect"], &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("configuration: no problems") && text.contains("dns      failed"), "{text}");
}

#[test]
fn check_connect_prints_each_step_as_text() {
    let destination = Destination::at(&good_broker(), "people", "");
    let (code, text) = destination.check(&["--connect", "--topic", "users", "--topic", "nowhere"], &[]);
    assert_eq!(code, Some(1), "{text}");
    for words in ["dns      ok", "tcp      ok", "users: 1 partition", "nowhere: ", "1 connection step failed"] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    let (code, text) = destination.check(&["--connect"], &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("; 0 connection steps failed"), "{text}");
}

#[test]
fn check_connect_prints_each_step_as_json() {
    let (_held, closed) = closed();
    let destination = Destination::at(&closed, "programs", "");
    let (code, text) = destination.check(&["--connect", "--format", "json"], &[]);
    assert_eq!(code, Some(1));
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["connectFailures"], 1);
    let connection = &document["inputs"][0]["destinations"][0]["connection"];
    assert_eq!(connection["tried"], true);
    let step = &connection["sections"][1]["steps"][1];
    assert_eq!((&step["step"], &step["code"]), (&"tcp".into(), &"connect/connection-refused".into()), "{text}");
    assert!(step["milliseconds"].is_number() && step["advice"].is_string(), "{step}");
}

#[test]
fn client_certificate_files_that_are_missing_or_too_large_are_reported() {
    let destination = Destination::at(
        &listen(drop),
        "files",
        &format!(r#","sslEnabled":true,"caCertificate":{}"#, serde_json::json!(CA)),
    );
    for (path, words) in
        [("/", "is a directory"), ("/nowhere/it.pem", "no such file"), ("/dev/zero", "larger than 1048576 bytes")]
    {
        let environment = [("KAFKA_SSL_CERTIFICATE_FILE_PATH", path), ("KAFKA_SSL_KEY_FILE_PATH", path)];
        let (code, text) = destination.check(&["--connect"], &environment);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("connect/client-file-unreadable") && text.contains(words), "{text}");
    }
}

#[test]
fn invalid_or_misplaced_check_connect_options_exit_with_2() {
    for arguments in [
        &["--topic", "users"][..],
        &["--timeout", "3"],
        &["--connect", "--timeout", "0"],
        &["--connect", "--topic", "a b"],
        &["--tls-insecure-skip-verify"],
        &["--batch-bytes", "5"],
        &["--connect", "--batch-bytes", "0"],
    ] {
        let output = cli::run(&[&["check", "nowhere.json"], arguments].concat(), &[]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_findings_page_contains_the_table_of_connection_problems() {
    let page = include_str!("../../docs/reference/findings.md");
    assert!(page.contains(&table()), "docs/reference/findings.md does not contain this table:\n{}", table());
}
