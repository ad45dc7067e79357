//! Tools whose output cannot be written exit with a documented code. They neither panic nor abort.

use std::fs::{File, OpenOptions};
use std::process::Stdio;

use crate::cli::binary;
use crate::security::Folder;

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("/dev/full")
}

/// Returns the exit code of a tool, or `None` if a signal killed it.
fn code(arguments: &[&str], stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Option<i32> {
    binary().args(arguments).stdout(stdout).stderr(stderr).status().expect("the binary runs").code()
}

const EVENT: &str = r#"{"message":{"userId":"u"},"metadata":{},"destination":{"Config":{"topic":"t"}}}"#;

#[test]
fn every_tool_exits_with_its_expected_code_if_output_cannot_be_written() {
    let folder = Folder::new();
    let path = |name: &str| folder.path(name);
    folder.write("good.ndjson", EVENT);
    folder.write("bad.ndjson", format!("{EVENT}\nnope\n{EVENT}\nnull\n"));
    folder.write("destination.json", r#"{"Config":{"topic":"t"}}"#);
    let (good, bad, destination, missing) =
        (path("good.ndjson"), path("bad.ndjson"), path("destination.json"), path("missing"));
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/test-fixtures/batch/array_body.json");
    // Arguments, the usual exit code, and the exit code if stdout cannot be written.
    let tools: &[(&[&str], i32, i32)] = &[
        (&["transform", &good], 0, 2),
        (&["transform", &bad], 1, 2),
        (&["transform", "--payloads", &bad], 1, 2),
        (&["transform", &missing], 2, 2),
        (&["transform", "--format", "kcat", &good], 2, 2),
        (&["transform", "--only-topic", "t", &good], 2, 2),
        (&["explain", &good], 0, 2),
        (&["explain", "--format", "json", &bad], 1, 2),
        (&["explain", "--summary", &bad], 1, 2),
        (&["check", "--family", "kafka", &destination], 1, 2),
        (&["check", "--format", "json", "--family", "kafka", &destination], 1, 2),
        (&["check", &missing], 2, 2),
        (&["check", "--codes"], 0, 2),
        (&["verify", cases], 0, 2),
        (&["verify", "--format", "json", cases], 0, 2),
        (&["verify", "--quiet", cases], 0, 2),
        (&["verify", &missing], 2, 2),
        (&["verify", "--against", "http://127.0.0.1:9", cases], 2, 2),
        (&["verify", "--junit", "/dev/full", cases], 2, 2),
        (&["completions", "bash"], 0, 2),
        (&["man"], 0, 2),
        (&["openapi"], 0, 2),
        (&["metrics"], 0, 2),
        (&["differences"], 0, 2),
        (&["health", "--url", "ftp://localhost/"], 2, 2),
        (&["health", "--url", "http://127.0.0.1:9/"], 1, 1),
        (&["--help"], 0, 2),
        (&["--version"], 0, 2),
        (&["transform", "--help"], 0, 2),
        (&["--nope"], 2, 2),
        (&["--port=7", "--metrics-port=7"], 78, 78),
        (&["--port=7", "--metrics-port=7", "--log-format=json"], 78, 78),
    ];
    for (arguments, usual, with_full_stdout) in tools {
        let null = Stdio::null;
        assert_eq!(code(arguments, null(), null()), Some(*usual), "{arguments:?}");
        assert_eq!(code(arguments, null(), full()), Some(*usual), "{arguments:?} 2>/dev/full");
        assert_eq!(code(arguments, full(), null()), Some(*with_full_stdout), "{arguments:?} >/dev/full");
        assert_eq!(code(arguments, full(), full()), Some(*with_full_stdout), "{arguments:?} >/dev/full 2>/dev/full");
    }
}

#[test]
fn a_tool_that_cannot_write_to_stdout_reports_this_on_one_line() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/test-fixtures/batch/array_body.json");
    for arguments in [&["openapi"][..], &["--help"], &["verify", cases], &["check", "--codes"]] {
        let output = binary().args(arguments).stdout(full()).output().expect("the binary runs");
        let printed = String::from_utf8(output.stderr).expect("text");
        assert_eq!(printed.lines().count(), 1, "{arguments:?}: {printed}");
        assert!(printed.starts_with("error: cannot write to stdout: "), "{arguments:?}: {printed}");
    }
}

#[test]
fn tools_exit_with_0_and_print_no_error_if_stdout_is_closed() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/test-fixtures/batch/array_body.json");
    for arguments in [&["openapi"][..], &["--help"], &["--version"], &["verify", cases], &["completions", "zsh"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = binary().args(arguments).stdout(writer).output().expect("the binary runs");
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{arguments:?}");
    }
}
