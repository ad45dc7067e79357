//! A log that nobody reads: stderr is closed, full, broken or blocked. Requests are served, lost lines are counted, and
//! SIGTERM still stops the process.

use std::fs::OpenOptions;
use std::io::{PipeReader, pipe};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::process::Process;
use super::{POST, assert_answer, connect, request, until};
use crate::cli::binary;
use crate::server::{exchange, sum};

const FORMATS: [&str; 2] = ["text", "json"];

/// A batch whose only event is rejected, which logs a line.
fn refused() -> String {
    format!("{POST}Content-Length: 3\r\n\r\n[1]")
}

/// Starts the service with this stderr.
fn command(format: &str, stderr: impl Into<Stdio>) -> Command {
    let mut command = binary();
    command.args(["--host=127.0.0.1", "--port=0", "--log-format", format]).stderr(stderr);
    command
}

fn lost(process: &Process, reason: &str) -> f64 {
    let reason = format!("reason=\"{reason}\"");
    sum(&process.scrape(), "kafka_transformer_log_lines_dropped_total", &[&reason])
}

/// Checks that it serves every client and exits with success.
fn assert_serves_and_ends(process: Process) {
    for number in 0..3 {
        assert_eq!(exchange(&mut connect(process.address), refused().as_bytes()).status, 200);
        // Malformed HTTP makes a library log a line.
        assert_eq!(exchange(&mut connect(process.address), b"\0\r\n\r\n").status, 400);
        assert_eq!(exchange(&mut connect(process.metrics), b"\0\r\n\r\n").status, 400);
        let mark = number.to_string();
        assert_answer(&exchange(&mut connect(process.address), request(&mark).as_bytes()), &mark);
    }
    process.signal("TERM");
    assert_eq!(process.ended().code(), Some(0));
}

#[test]
fn a_full_stderr_at_startup() {
    for format in FORMATS {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let process = Process::unheard(&mut command(format, full));
        until("what is lost is counted", || lost(&process, "write_failed") >= 1.0);
        assert_serves_and_ends(process);
    }
}

#[test]
fn a_closed_stderr_at_startup() {
    for format in FORMATS {
        let direct = command(format, Stdio::inherit());
        let mut shell = Command::new("sh");
        shell.env_clear().args(["-c", "exec \"$0\" \"$@\" 2>&-"]).arg(direct.get_program()).args(direct.get_args());
        let process = Process::unheard(&mut shell);
        // No socket may get descriptor 2: a client would receive the log.
        assert_eq!(process.file(2), "/dev/null");
        assert_serves_and_ends(process);
    }
}

#[test]
fn a_stderr_whose_reader_exits() {
    for format in FORMATS {
        let (reader, writer) = pipe().expect("a pipe");
        let process = Process::unheard(&mut command(format, writer));
        drop(reader);
        assert_eq!(exchange(&mut connect(process.address), refused().as_bytes()).status, 200);
        until("what is lost is counted", || lost(&process, "write_failed") >= 1.0);
        assert_serves_and_ends(process);
    }
}

/// Starts the service with a blocked log: its pipe and its queue are full, and lines are dropped.
fn stuck(format: &str, level: &str) -> (Process, PipeReader) {
    let (reader, writer) = pipe().expect("a pipe");
    let process = Process::unheard(command(format, writer).args(["--log-level", level]));
    let id = "i".repeat(128);
    let long = request("long").replacen("\r\n", &format!("\r\nX-Request-ID: {id}\r\n"), 1);
    let mut stream = connect(process.address);
    until("the queue of the log is full", || {
        for _ in 0..200 {
            assert_answer(&exchange(&mut stream, long.as_bytes()), "long");
        }
        lost(&process, "queue_full") > 0.0
    });
    (process, reader)
}

#[test]
fn a_blocked_pipe() {
    for (format, level) in FORMATS.into_iter().zip(["debug", "trace"]) {
        let (process, reader) = stuck(format, level);
        let asked = Instant::now();
        assert_serves_and_ends(process);
        // The last lines get one second; the rest is an ordinary shutdown.
        assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
        drop(reader);
    }
}

#[test]
fn a_pipe_that_is_drained_later() {
    let (process, reader) = stuck("text", "debug");
    let lines = std::thread::spawn(move || {
        use std::io::BufRead as _;
        std::io::BufReader::new(reader).lines().map_while(Result::ok).collect::<Vec<_>>()
    });
    let mark = "read-again";
    let marked = request(mark).replacen("\r\n", &format!("\r\nX-Request-ID: {mark}\r\n"), 1);
    until("its queue has room", || {
        let before = lost(&process, "queue_full");
        assert_answer(&exchange(&mut connect(process.address), marked.as_bytes()), mark);
        lost(&process, "queue_full") == before
    });
    process.signal("TERM");
    assert_eq!(process.ended().code(), Some(0));
    let lines = lines.join().expect("lines");
    let is_line = |line: &String| line.starts_with("20") && line.contains(" rudder_kafka_transformer::");
    assert!(lines.iter().all(is_line), "no line is cut: {:?}", lines.iter().find(|line| !is_line(line)));
    assert!(lines.iter().any(|line| line.contains(mark)));
    assert!(lines.last().is_some_and(|line| line.ends_with("stopped")), "what is left at exit is written");
}
