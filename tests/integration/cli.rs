//! The command line: startup, settings, signals and help.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use crate::server::fetch;

pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rudder-kafka-transformer"));
    // The environment of the tests must not reach the binary under test.
    command.env_clear().stdin(Stdio::null());
    command
}

pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    binary().args(arguments).envs(environment.iter().copied()).output().expect("the binary runs")
}

/// Starts the service and waits for the line with its address.
pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> (Child, String, BufReader<ChildStderr>) {
    let mut child = binary()
        .args(arguments)
        .envs(environment.iter().copied())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut log = BufReader::new(child.stderr.take().expect("the log"));
    let mut line = String::new();
    log.read_line(&mut line).expect("a line");
    (child, line, log)
}

pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

/// Returns the port in the log line with the service's address.
pub fn port(line: &str) -> u16 {
    let rest = line.split("listening on http://127.0.0.1:").nth(1).expect(line);
    rest.split(',').next().and_then(|port| port.parse().ok()).expect(line)
}

#[test]
fn the_service_runs_until_sigterm_or_sigint_and_exits_with_0() {
    for (arguments, stop) in [(&[][..], "TERM"), (&["serve"][..], "INT")] {
        let environment = [("HOST", "127.0.0.1"), ("PORT", "0"), ("METRICS_PORT", "0"), ("WORKERS", "1")];
        let (mut child, line, mut log) = start(arguments, &environment);
        assert!(line.contains("try: curl http://localhost:"), "{line}");
        let url = format!("http://127.0.0.1:{}/health", port(&line));
        assert_eq!(fetch(&url, "GET", &[], b"").status, 200);
        signal(&child, stop);
        assert_eq!(child.wait().expect("an exit").code(), Some(0));
        let mut rest = String::new();
        log.read_to_string(&mut rest).expect("the log");
        assert!(rest.contains("stopped"), "{rest}");
    }
}

#[test]
fn flags_override_environment_variables_and_log_format_json_prints_json_lines() {
    let environment = [("HOST", "127.0.0.2"), ("PORT", "1"), ("LOG_FORMAT", "json")];
    let (mut child, line, _log) = start(&["--host=127.0.0.1", "--port=0", "--metrics-port=0"], &environment);
    let json: serde_json::Value = serde_json::from_str(&line).expect("a JSON line");
    assert_eq!(json["level"], "INFO");
    assert_ne!(port(&line), 1);
    signal(&child, "TERM");
    child.wait().expect("an exit");
}

#[test]
fn all_configuration_errors_are_reported_at_once() {
    let output = run(&[], &[("PORT", "7"), ("METRICS_PORT", "7"), ("LOG_LEVEL", "verbose"), ("WORKERS", "0")]);
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stderr).expect("text");
    for word in ["METRICS_PORT", "LOG_LEVEL", "WORKERS"] {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn configuration_errors_are_printed_as_json_lines_if_log_format_is_json() {
    let bad = [("LOG_FORMAT", "json"), ("PORT", "7"), ("METRICS_PORT", "7"), ("LOG_LEVEL", "off,verbose")];
    let output = run(&[], &bad);
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stderr).expect("text");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (line, name) in lines.iter().zip(["METRICS_PORT", "LOG_LEVEL"]) {
        assert_eq!(line["level"], "ERROR");
        assert!(line["fields"]["message"].as_str().is_some_and(|message| message.contains(name)), "{line}");
    }
}

#[test]
fn a_configuration_error_names_the_variable_or_flag_and_its_value() {
    let text = |arguments: &[&str], environment: &[(&str, &str)]| {
        let output = run(arguments, environment);
        String::from_utf8(output.stderr).expect("text")
    };
    for (arguments, environment, expected) in [
        (&[][..], &[("MAX_EVENTS", "0")][..], "MAX_EVENTS=0 must be at least 1"),
        (&["--max-events=0"], &[], "--max-events=0 must be at least 1"),
        (&["serve", "--max-events=0"], &[("MAX_EVENTS", "5")], "--max-events=0 must be at least 1"),
        (&["--port=7"], &[("METRICS_PORT", "7")], "--port=7 and METRICS_PORT=7 must differ"),
        (&[], &[("PORT", "70000")], "PORT=70000: 70000 is not in 0..=65535"),
        (&["--port", "seventy"], &[("PORT", "1")], "--port=seventy: invalid digit found in string"),
        (&[], &[("UNSERVED", "drop")], "UNSERVED=drop: must be retry or reject"),
        (
            &[],
            &[("MAX_BODY_BYTES", "5 bytes")],
            "MAX_BODY_BYTES=5 bytes: must be a number of bytes, or a number with a unit: kB, MB, GB, KiB, MiB or GiB",
        ),
        (&["--max-in-flight-bytes=16EiB"], &[], "--max-in-flight-bytes=16EiB: must be less than 16 EiB"),
        (
            &["--keep-alive=-5s"],
            &[],
            "--keep-alive=-5s: must be a number of seconds, or a number with a unit: ms, s, m or h",
        ),
        (&[], &[("KEEP_ALIVE", "500ms")], "KEEP_ALIVE=500ms must be between 1s and 1day"),
    ] {
        let plain = text(arguments, environment);
        assert!(plain.contains(&format!("error: {expected}")), "{plain}");
        let json = text(arguments, &[environment, &[("LOG_FORMAT", "json")]].concat());
        let line: serde_json::Value = serde_json::from_str(json.trim()).unwrap_or_else(|_| panic!("not JSON: {json}"));
        assert_eq!((&line["level"], &line["fields"]["message"]), (&"ERROR".into(), &expected.into()));
    }
    // The tools always print errors as text.
    let tool = text(&["check", "/missing.json"], &[("LOG_FORMAT", "json")]);
    assert!(tool.starts_with("error: /missing.json: "), "{tool}");
    let json = text(&["--nope", "--log-format=json"], &[]);
    assert!(serde_json::from_str::<serde_json::Value>(json.trim()).is_ok(), "{json}");
}

#[test]
fn print_config_shows_the_effective_value_and_source_of_each_setting() {
    let environment = [
        ("MAX_EVENTS", "5"),
        ("PORT", ""),
        ("MAX_BODY_BYTES", "1048576"),
        ("HEADER_TIMEOUT", "90"),
        ("KEEP_ALIVE", "1 m"),
    ];
    let output = run(&["--workers=3", "--max-wait-milliseconds=1500", "--print-config"], &environment);
    let text = String::from_utf8(output.stdout).expect("text");
    let line = |name: &str| {
        let line =
            text.lines().find(|line| line.starts_with(&format!("{name}="))).unwrap_or_else(|| panic!("{name}: {text}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(line("WORKERS"), "WORKERS=3 # flag");
    assert_eq!(line("MAX_EVENTS"), "MAX_EVENTS=5 # environment");
    assert_eq!(line("PORT"), "PORT=9090 # default");
    // Sizes and durations are printed in one notation, however they were set.
    assert_eq!(line("MAX_BODY_BYTES"), "MAX_BODY_BYTES=1MiB # environment");
    assert_eq!(line("HEADER_TIMEOUT"), "HEADER_TIMEOUT=1m30s # environment");
    assert_eq!(line("KEEP_ALIVE"), "KEEP_ALIVE=1m # environment");
    assert_eq!(line("MAX_WAIT_MILLISECONDS"), "MAX_WAIT_MILLISECONDS=1s500ms # flag");
    assert_eq!(line("UPSTREAM_TIMEOUT"), "UPSTREAM_TIMEOUT=10m # default");
    assert_eq!(line("METRICS_HOST"), "METRICS_HOST=0.0.0.0 # computed");
    assert!(line("MAX_IN_FLIGHT_BYTES").ends_with("# computed") && !line("MAX_IN_FLIGHT_BYTES").contains("= "));
    let output = run(&["serve", "--print-config"], &[("LOG_FORMAT", "json")]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["HOST"], serde_json::json!({ "value": "0.0.0.0", "source": "default" }));
    let bad = run(&["--print-config", "--upstream-transformer-url=http://u:s3cret@h"], &[]);
    let text = String::from_utf8([bad.stdout, bad.stderr].concat()).expect("text");
    assert_eq!(bad.status.code(), Some(78));
    assert!(!text.contains("s3cret") && text.contains("--upstream-transformer-url"), "{text}");
}

#[test]
fn sighup_without_tls_is_ignored() {
    let (mut child, line, mut log) = start(&["--host=127.0.0.1", "--port=0", "--metrics-port=0"], &[]);
    for _ in 0..2 {
        signal(&child, "HUP");
        let mut ignored = String::new();
        log.read_line(&mut ignored).expect("a line");
        assert!(ignored.contains("SIGHUP ignored"), "{ignored}");
    }
    assert_eq!(fetch(&format!("http://127.0.0.1:{}/health", port(&line)), "GET", &[], b"").status, 200);
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("an exit").code(), Some(0));
}

#[test]
fn blank_environment_variables_are_ignored_and_host_names_are_resolved() {
    let environment = [("HOST", "localhost"), ("WORKERS", ""), ("LOG_FORMAT", ""), ("INSTANCE_ID", "")];
    let (mut child, line, _log) = start(&["--port=0", "--metrics-port=0"], &environment);
    assert!(line.contains("listening on"), "{line}");
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("an exit").code(), Some(0));
}

#[test]
fn a_second_sigterm_exits_with_1_without_waiting_for_open_requests() {
    use std::io::Write as _;
    let arguments = ["--host=127.0.0.1", "--port=0", "--metrics-port=0", "--shutdown-timeout=3600"];
    let (mut child, line, mut log) = start(&arguments, &[]);
    let mut held = std::net::TcpStream::connect(("127.0.0.1", port(&line))).expect("a listener");
    held.write_all(b"POST /batch HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        .expect("sent");
    held.read_exact(&mut [0; 25]).expect("100 Continue");
    signal(&child, "TERM");
    let mut stopping = String::new();
    log.read_line(&mut stopping).expect("a line");
    assert!(stopping.contains("shutting down"), "{stopping}");
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("an exit").code(), Some(1));
}

#[test]
fn a_second_sigterm_during_the_drain_delay_exits_with_1() {
    let arguments = ["--host=127.0.0.1", "--port=0", "--metrics-port=0"];
    let (mut child, line, mut log) = start(&arguments, &[("DRAIN_DELAY", "3600")]);
    let get = |path: &str| fetch(&format!("http://127.0.0.1:{}{path}", port(&line)), "GET", &[], b"").status;
    assert_eq!(get("/ready"), 200);
    signal(&child, "TERM");
    let mut stopping = String::new();
    log.read_line(&mut stopping).expect("a line");
    assert!(stopping.contains("/ready now returns 503"), "{stopping}");
    assert_eq!((get("/ready"), get("/health"), get("/features")), (503, 200, 200));
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("an exit").code(), Some(1));
}

#[test]
fn the_health_command_probes_the_service_at_the_configured_address() {
    let (mut child, line, _log) = start(&[], &[("HOST", "0.0.0.0"), ("PORT", "0"), ("METRICS_PORT", "0")]);
    let rest = line.split("listening on http://0.0.0.0:").nth(1).expect("an address");
    let port = rest.split(',').next().expect("a port");
    let ask = |arguments: &[&str], environment: &[(&str, &str)]| {
        let output = run(&[&["health"], arguments].concat(), environment);
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    assert_eq!(ask(&[], &[("HOST", "0.0.0.0"), ("PORT", port)]), (Some(0), String::new()));
    assert_eq!(ask(&["--port", port], &[]), (Some(0), String::new()), "0.0.0.0 is the default host");
    let url = |path: &str| format!("http://localhost:{port}{path}");
    assert_eq!(ask(&["--url", &url("/ready")], &[("PORT", "1")]), (Some(0), String::new()));
    let (code, text) = ask(&["--url", &url("/nowhere")], &[]);
    assert_eq!((code, text.contains("status 404")), (Some(1), true), "{text}");
    signal(&child, "TERM");
    child.wait().expect("an exit");
    let (code, text) = ask(&[], &[("PORT", port)]);
    assert_eq!((code, text.contains(&format!("http://127.0.0.1:{port}/health"))), (Some(1), true), "{text}");
    let (code, text) = ask(&["--url", "ftp://localhost/"], &[]);
    assert_eq!((code, text.contains("http://")), (Some(2), true), "{text}");
}

#[test]
fn the_health_command_exits_with_1_if_the_service_does_not_respond() {
    // The kernel accepts the connection, but nothing ever responds.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", silent.local_addr().expect("bound"));
    let output = run(&["health", "--url", &url], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no response within 3 seconds"));
}

#[test]
fn unknown_flags_and_values_that_cannot_be_parsed_cause_exit_code_2() {
    for (arguments, environment) in [
        (&["--nope"][..], &[][..]),
        (&["--port=seventy"][..], &[][..]),
        (&[][..], &[("PORT", "70000")][..]),
        (&[][..], &[("LOG_FORMAT", "xml")][..]),
    ] {
        let output = run(arguments, environment);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {environment:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn the_service_exits_with_1_and_names_the_address_if_its_port_is_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let output = run(&["--host=127.0.0.1", "--metrics-port=0", "--port", &port], &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(text.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{text}");
}

/// Returns the settings for which `--help` shows a default, with that default.
fn defaults(help: &str) -> Vec<(&str, &str)> {
    let settings = help.split("[env: ").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once(['=', ']'])?;
        let (_, default) = rest.split("\n  ").next()?.split_once("[default: ")?;
        Some((name, default.split(']').next()?))
    });
    settings.collect()
}

#[test]
fn help_and_the_settings_page_list_the_same_settings_and_defaults() {
    let help = String::from_utf8(run(&["--help"], &[]).stdout).expect("text");
    let page = include_str!("../../docs/reference/settings.md");
    let in_help: Vec<&str> = help
        .match_indices("[env: ")
        .map(|(at, found)| help[at + found.len()..].split(['=', ']']).next().expect("a name"))
        .collect();
    assert!(in_help.len() >= 18, "{help}");
    for name in &in_help {
        assert!(page.contains(&format!("| `{name}` |")), "docs/reference/settings.md does not list {name}");
    }
    for (name, default) in defaults(&help) {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).expect(name);
        let shown = row.split(" | ").nth(2).expect("a default");
        assert!(shown == format!("`{default}`") || name == "NATIVE_DESTINATIONS", "{name}: {shown}, not {default}");
    }
    let in_page = page.lines().filter(|line| {
        let name = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()).unwrap_or("");
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    });
    // Lower-case names are settings of rudder-transformer, which are checked above.
    let upper_case = in_help.iter().filter(|name| !name.bytes().any(|byte| byte.is_ascii_lowercase()));
    assert_eq!(in_page.count(), upper_case.count(), "docs/reference/settings.md lists settings that --help does not");
}

#[test]
fn a_shadow_difference_is_logged_without_event_contents() {
    use crate::upstream::{FakeUpstream, json};
    let theirs = r#"[{"output":{"message":{"email":"s3cret-theirs"},"userId":"","schemaId":5},"metadata":{"rudderId":"undefined<<>>t"},"statusCode":200}]"#;
    let upstream = FakeUpstream::responding(json("200 OK", theirs));
    let arguments = [
        "--host=127.0.0.1",
        "--port=0",
        "--metrics-port=0",
        "--shadow-percent=100",
        "--log-level=warn,rudder_kafka_transformer=info",
    ];
    let url = format!("http://{}", upstream.address);
    let environment = [("UPSTREAM_TRANSFORMER_URL", url.as_str())];
    let (mut child, line, mut log) = start(&arguments, &environment);
    let url = format!("http://127.0.0.1:{}/v0/destinations/kafka", port(&line));
    let body = r#"[{"message":{"email":"s3cret-ours"},"metadata":{},"destination":{"Config":{"topic":"t"}}}]"#;
    assert_eq!(fetch(&url, "POST", &[], body.as_bytes()).status, 200);
    let mut printed = String::new();
    log.read_line(&mut printed).expect("a line");
    for difference in [
        "WARN",
        "/0/output/message/email: string vs another string",
        "/0/output/topic: string vs missing",
        "/0/output/schemaId: missing vs number",
    ] {
        assert!(printed.contains(difference), "{printed}");
    }
    assert!(!printed.contains("s3cret"), "{printed}");
    signal(&child, "TERM");
    child.wait().expect("an exit");
}

#[test]
fn a_password_in_the_upstream_url_is_rejected_and_not_printed() {
    let url = "http://user:s3cret@transformer:9090";
    let output =
        run(&[], &[("UPSTREAM_TRANSFORMER_URL", url), ("NATIVE_DESTINATIONS", "kinesis"), ("SHADOW_PERCENT", "101")]);
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    let help = run(&["--help"], &[("UPSTREAM_TRANSFORMER_URL", url)]);
    assert!(!String::from_utf8_lossy(&help.stdout).contains("s3cret"));
}
