//! The input of `check`: files, stdin and URLs, and malformed input.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use check::finding::Findings;
use check::{certificate, check};
use transform::family::FAMILIES;

use crate::check::{SECRET, cases, folder};
use crate::cli::{binary, run};
use crate::upstream::{FakeUpstream, json};

const GOOD: &str = r#"{"topic":"t","hostName":"kafka","port":"9092"}"#;
const WARNED: &str = r#"{"topic":"t","hostName":"kafka","port":"9092","username":"s3cret"}"#;

/// Writes a temporary file for one test.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("check-input-{name}"));
    fs::write(&path, bytes).expect("written");
    path
}

/// Runs `check` with `input` as stdin. Returns exit code, stdout and stderr.
fn piped(arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut child = binary()
        .arg("check")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // The process may exit before it has read all input.
    let _ = child.stdin.take().expect("the input").write_all(input);
    let output = child.wait_with_output().expect("an exit");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn check_reports_unusable_input_on_one_line_without_secrets() {
    let line = [b"{\"".as_slice(), &b"s3cret".repeat(200_000)].concat();
    let deep = "[".repeat(1_000_000);
    for (name, bytes, word) in [
        ("empty", &b""[..], "it is empty"),
        ("blank", b" \n\xef\xbb\xbf", "it is empty"),
        ("mark", b"\xef\xbb\xbf \n", "it is empty"),
        ("binary", b"\x7fELF\x00\xff\xfe", "not UTF-8: byte 6 at line 1 column 6"),
        ("latin1", b"{\n \"s3cret\": \"\xfc\"}", "not UTF-8: byte 15 at line 2 column 13"),
        ("text", b"s3cret", "it is not JSON: expected value at line 1 column 1"),
        ("comma", b"{\"a\": \"s3cret\",\n}", "it is not JSON: key must be a string at line 2 column 1"),
        ("cut", b"{\"sources\": [", "it is not JSON: EOF while parsing"),
        ("line", &line, "it is not JSON: EOF while parsing a string at line 1 column 1200002"),
        ("deep", deep.as_bytes(), "it is not JSON"),
        ("number", b"7", "neither a JSON object nor an array"),
        ("array", b"[]", "the array is empty"),
        ("object", b"{\"s3cret\":{}}", "there is no destination in it; supported formats"),
        ("config", GOOD.as_bytes(), "only a Config: set its destination type with --family"),
        ("untyped", b"{\"Config\":{}}", "the destination has no type"),
    ] {
        let path = file(name, bytes);
        let path = path.to_str().expect("a path");
        for format in ["text", "json"] {
            let output = run(&["check", path, "--format", format], &[]);
            let printed = String::from_utf8(output.stderr).expect("text");
            assert_eq!(output.status.code(), Some(2), "{name}: {printed}");
            assert!(printed.starts_with(&format!("error: {path}: ")) && printed.contains(word), "{name}: {printed}");
            assert!(
                printed.lines().count() == 1 && printed.len() < 500 && !printed.contains(SECRET),
                "{name}: {printed}"
            );
            let shown = String::from_utf8(output.stdout).expect("text");
            assert!(!shown.contains(SECRET) && shown.is_empty() == (format == "text"), "{shown}");
        }
    }
}

#[test]
fn check_reports_missing_files_oversized_files_and_directories() {
    let large = file("large", b"");
    fs::File::options().write(true).open(&large).and_then(|file| file.set_len((64 << 20) + 1)).expect("a sparse file");
    for (path, word) in [
        (env!("CARGO_TARGET_TMPDIR"), "directory"),
        ("/nowhere/at-all.json", "no such file"),
        (large.to_str().expect("a path"), "larger than 64 MiB"),
    ] {
        let output = run(&["check", path], &[]);
        let printed = String::from_utf8(output.stderr).expect("text");
        assert_eq!(
            (output.status.code(), printed.lines().count(), printed.contains(word)),
            (Some(2), 1, true),
            "{printed}"
        );
    }
    fs::remove_file(large).expect("removed");
}

#[test]
fn check_reads_400000_levels_of_nesting_and_50000_map_entries() {
    let deep = format!(
        r#"{{"x":{}{},"topic":"{{{{ event.a || b }}}}","hostName":"k","port":"1"}}"#,
        "[".repeat(400_000),
        "]".repeat(400_000)
    );
    let (code, printed, _) = piped(&["--family=kafka", "-"], deep.as_bytes());
    assert_eq!(code, Some(0), "{printed}");
    let entries: Vec<String> = (0..50_000).map(|at| format!(r#"{{"from":"e {at}","to":"a topic {at}"}}"#)).collect();
    let wide = format!(
        r#"{{"topic":"t","hostName":"k","port":"1","enableMultiTopic":true,"eventToTopicMap":[{}]}}"#,
        entries.join(",")
    );
    let (code, printed, _) = piped(&["--family=kafka", "-"], wide.as_bytes());
    assert_eq!(code, Some(1));
    assert!(
        printed.contains("and 49000 more") && printed.contains("50000 errors"),
        "{}",
        &printed[printed.len() - 200..]
    );
}

#[test]
fn the_exit_code_of_check_depends_on_its_input_its_findings_and_the_strict_flag() {
    for (arguments, input, code) in [
        (&["--family=kafka", "-"][..], GOOD, 0),
        (&["--family=kafka", "--strict", "-"][..], GOOD, 0),
        (&["--family=kafka", "-"][..], WARNED, 0),
        (&["--family=kafka", "--strict", "-"][..], WARNED, 1),
        (&["--family=azure_event_hub", "-"][..], GOOD, 1),
        (&["--family=KAFKA", "-"][..], GOOD, 0),
        (&["--family=kinesis", "-"][..], GOOD, 2),
        (&[][..], GOOD, 2),
        (&["--family=kafka"][..], GOOD, 0),
        (&["--family=Apache-Kafka"][..], GOOD, 0),
        (&["-"][..], r#"{"sources":[]}"#, 2),
        (&["-"][..], r#"{"sources":[{"destinations":[{"destinationDefinition":{"name":"S3"}}]}]}"#, 2),
    ] {
        let (got, printed, errors) = piped(arguments, input.as_bytes());
        assert_eq!(got, Some(code), "{arguments:?} {printed} {errors}");
        assert!(!printed.contains(SECRET) && !errors.contains(SECRET));
    }
    let (bad, good) = (file("exit-bad", b"x"), file("exit-good", WARNED.as_bytes()));
    let (bad, good) = (bad.to_str().expect("a path"), good.to_str().expect("a path"));
    let output = run(&["check", "--family=kafka", bad, good], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains("sasl/switched-off"), "the other files are still checked");
}

#[test]
fn check_reports_no_error_if_its_stdout_is_closed_early() {
    let entries = vec![r#"{"from":"","to":"x"}"#; 1_000].join(",");
    let config = format!(r#"{{"topic":"t","enableMultiTopic":true,"eventToTopicMap":[{entries}]}}"#);
    let path = file("closed-pipe", config.as_bytes());
    let mut child = binary()
        .args(["check", "--family=kafka"])
        .args(vec![path; 20])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut out = child.stdout.take().expect("the output");
    out.read_exact(&mut [0; 10]).expect("the first words");
    drop(out);
    let output = child.wait_with_output().expect("an exit");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
}

#[test]
fn check_fetches_a_url_and_does_not_print_the_secrets_in_the_url() {
    let workspace = r#"{"sources":[{"name":"web","destinations":[{"destinationDefinition":{"name":"KAFKA"},"config":{"topic":"t"}}]}]}"#;
    let server = FakeUpstream::responding(json("200 OK", workspace));
    let url = format!("http://s3cret:s3cret%2B1@{}/workspaceConfig?token=s3cret", server.address);
    for format in ["text", "json"] {
        let output = run(&["check", "--format", format, &url], &[]);
        let printed = String::from_utf8(output.stdout).expect("text");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0), "{printed}");
        assert!(
            printed.contains("host/missing") && printed.contains(&format!("http://{}/workspaceConfig", server.address))
        );
        assert!(!printed.contains(SECRET), "{printed}");
        let request = server.next();
        assert!(request.line().starts_with("GET /workspaceConfig?token=s3cret "), "{}", request.line());
        // s3cret:s3cret+1
        assert_eq!(request.header("authorization").as_deref(), Some("Basic czNjcmV0OnMzY3JldCsx"));
    }
}

#[test]
fn check_reports_an_unusable_url_on_one_line_without_secrets() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let denied = FakeUpstream::responding(json("401 Unauthorized", r#"{"s3cret":1}"#));
    let garbage = FakeUpstream::responding(&b"s3cret\r\n\r\n"[..]);
    let plain = FakeUpstream::each_connection(|stream, _| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let page = FakeUpstream::responding(json("200 OK", "<html>s3cret</html>"));
    let redirecting = FakeUpstream::start(|stream, _| {
        stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /s3cret\r\nContent-Length: 0\r\n\r\n")
    });
    let endless = FakeUpstream::start(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        loop {
            stream.write_all(&[b' '; 1 << 16])?;
        }
    });
    for (url, word) in [
        (format!("http://s3cret@{closed}/"), "refused"),
        (format!("http://s3cret@{}/", denied.address), "status 401"),
        (format!("http://s3cret@{}/", garbage.address), "does not speak HTTP"),
        (format!("http://s3cret@{}/", page.address), "it is not JSON: expected value at line 1 column 1"),
        (format!("http://s3cret@{}/", redirecting.address), "more than 5 redirects"),
        (format!("http://s3cret@{}/", endless.address), "larger than 64 MiB"),
        ("http://s3cret@no-such-host.invalid/".to_owned(), ""),
        (format!("https://s3cret@{}/", plain.address), "does not speak TLS"),
        ("http://s3cret@/".to_owned(), "not valid"),
        ("http://s3cret@host:port/".to_owned(), "not valid"),
    ] {
        let output = run(&["check", &url], &[]);
        let printed = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{url}: {printed}");
        assert!(
            printed.contains(word) && printed.lines().count() == 1 && !printed.contains(SECRET),
            "{url}: {printed}"
        );
    }
}

#[test]
fn check_output_contains_no_terminal_escapes_from_the_input() {
    let hostile = r#"{"ID":"\u001b[2J","Name":"\u001b]0;x\u0007\nfake","destinationDefinition":{"name":"KAFKA"},"Config":{"hostName":"\u001b[31m","port":"\u0008","topic":"\u009b2J","\u001bhostNam":"x"}}"#;
    for format in ["text", "json"] {
        let (_, printed, _) = piped(&["--format", format, "-"], hostile.as_bytes());
        let is_control = |c: char| c.is_control() && c != '\n';
        assert!(format == "json" || !printed.contains(is_control), "{printed:?}");
        assert!(!printed.contains('\u{1b}') && !printed.contains("\nfake"), "{printed:?}");
    }
}

#[test]
fn check_does_not_panic_on_truncated_or_changed_input() {
    for case in cases() {
        let text = case.input.to_string().into_bytes();
        let step = text.len() / 24 + 1;
        for at in (0..text.len()).step_by(step) {
            let _ = check(&text[..at], None, 0);
            for byte in [b'"', b'0', b'{', b' ', 0xff, b'\\'] {
                let mut changed = text.clone();
                changed[at] = byte;
                for family in FAMILIES {
                    let _ = check(&changed, Some(family), i64::MAX);
                }
            }
        }
    }
}

#[test]
fn check_does_not_panic_on_truncated_or_changed_certificates() {
    for entry in fs::read_dir(folder().join("certificates")).expect("certificates") {
        let pem = fs::read_to_string(entry.expect("one").path()).expect("text");
        for at in 0..pem.len() {
            let mut findings = Findings::default();
            certificate::check(&pem[..at], 0, "", &mut findings);
            for letter in ["A", "/", "\n", "="] {
                let changed = format!("{}{letter}{}", &pem[..at], &pem[at + 1..]);
                certificate::check(&changed, 0, "", &mut findings);
            }
        }
    }
}
