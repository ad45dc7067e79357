//! Stderr that is closed, full, broken or blocked. Requests are served, lost log lines are counted, and SIGTERM still
//! stops the process.

use std::fs::OpenOptions;
use std::io::{PipeReader, pipe};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::process::Process;
use super::{POST, assert_response, connect, request, until};
use crate::cli::binary;
use crate::server::{exchange, sum};

const FORMATS: [&str; 2] = ["text", "json"];

/// Returns a request whose only event is rejected. The rejection is logged.
fn rejected_event() -> String {
    format!("{POST}Content-Length: 3\r\n\r\n[1]")
}

/// Returns the command that starts the service with this stderr.
fn command(format: &str, stderr: impl Into<Stdio>) -> Command {
    let mut command = binary();
    command.args(["--host=127.0.0.1", "--port=0", "--log-format", format]).stderr(stderr);
    command
}

fn lost(process: &Process, reason: &str) -> f64 {
    let reason = format!("reason=\"{reason}\"");
    sum(&process.scrape(), "kafka_transformer_log_lines_dropped_total", &[&reason])
}

/// Checks that the service responds to every client, and exits with code 0 on SIGTERM.
fn assert_serves_and_exits(process: Process) {
    for number in 0..3 {
        assert_eq!(exchange(&mut connect(process.address), rejected_event().as_bytes()).status, 200);
        // Malformed HTTP makes a library log a line.
        assert_eq!(exchange(&mut connect(process.address), b"\0\r\n\r\n").status, 400);
        assert_eq!(exchange(&mut connect(process.metrics), b"\0\r\n\r\n").status, 400);
        let mark = number.to_string();
        assert_response(&exchange(&mut connect(process.address), request(&mark).as_bytes()), &mark);
    }
    process.signal("TERM");
    assert_eq!(process.ended().code(), Some(0));
}

#[test]
fn a_stderr_that_is_full_at_startup_does_not_affect_requests() {
    for format in FORMATS {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let process = Process::spawn_without_log(&mut command(format, full));
        until("lost lines are counted", || lost(&process, "write_failed") >= 1.0);
        assert_serves_and_exits(process);
    }
}

#[test]
fn a_stderr_that_is_closed_at_startup_does_not_affect_requests() {
    for format in FORMATS {
        let direct = command(format, Stdio::inherit());
        let mut shell = Command::new("sh");
        shell.env_clear().args(["-c", "exec \"$0\" \"$@\" 2>&-"]).arg(direct.get_program()).args(direct.get_args());
        let process = Process::spawn_without_log(&mut shell);
        // No socket may get file descriptor 2, because its client would receive the log.
        assert_eq!(process.file(2), "/dev/null");
        assert_serves_and_exits(process);
    }
}

#[test]
fn a_stderr_whose_reader_exits_does_not_affect_requests() {
    for format in FORMATS {
        let (reader, writer) = pipe().expect("a pipe");
        let process = Process::spawn_without_log(&mut command(format, writer));
        drop(reader);
        assert_eq!(exchange(&mut connect(process.address), rejected_event().as_bytes()).status, 200);
        until("lost lines are counted", || lost(&process, "write_failed") >= 1.0);
        assert_serves_and_exits(process);
    }
}

/// Starts the service with a blocked log. The pipe and the queue of the log are full, and lines are dropped.
fn start_with_blocked_log(format: &str, level: &str) -> (Process, PipeReader) {
    let (reader, writer) = pipe().expect("a pipe");
    let process = Process::spawn_without_log(command(format, writer).args(["--log-level", level]));
    let id = "i".repeat(128);
    let long = request("long").replacen("\r\n", &format!("\r\nX-Request-ID: {id}\r\n"), 1);
    let mut stream = connect(process.address);
    until("the queue of the log is full", || {
        for _ in 0..200 {
            assert_response(&exchange(&mut stream, long.as_bytes()), "long");
        }
        lost(&process, "queue_full") > 0.0
    });
    (process, reader)
}

#[test]
fn a_stderr_that_blocks_does_not_affect_requests_or_shutdown() {
    for (format, level) in FORMATS.into_iter().zip(["debug", "trace"]) {
        let (process, reader) = start_with_blocked_log(format, level);
        let began = Instant::now();
        assert_serves_and_exits(process);
        // The shutdown waits up to one second for the last log lines, and otherwise takes as long as usual.
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        drop(reader);
    }
}

#[test]
fn a_stderr_pipe_that_is_read_again_after_it_was_full_gets_only_complete_lines() {
    let (process, reader) = start_with_blocked_log("text", "debug");
    let lines = std::thread::spawn(move || {
        use std::io::BufRead as _;
        std::io::BufReader::new(reader).lines().map_while(Result::ok).collect::<Vec<_>>()
    });
    let mark = "read-again";
    let marked = request(mark).replacen("\r\n", &format!("\r\nX-Request-ID: {mark}\r\n"), 1);
    until("the queue has room", || {
        let before = lost(&process, "queue_full");
        assert_response(&exchange(&mut connect(process.address), marked.as_bytes()), mark);
        lost(&process, "queue_full") == before
    });
    process.signal("TERM");
    assert_eq!(process.ended().code(), Some(0));
    let lines = lines.join().expect("lines");
    let is_line = |line: &String| line.starts_with("20") && line.contains(" rudder_kafka_transformer::");
    assert!(lines.iter().all(is_line), "no line is truncated: {:?}", lines.iter().find(|line| !is_line(line)));
    assert!(lines.iter().any(|line| line.contains(mark)));
    assert!(lines.last().is_some_and(|line| line.ends_with("stopped")), "queued lines are written at exit");
}
