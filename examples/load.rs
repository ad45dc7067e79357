//! Load of a fixed rate, whatever becomes of it: each request on a connection of its own, as rudder-server sends them, and
//! each timed from when it was due, so that a service which falls behind is not asked less. `bench/overload.sh` uses it.

#![allow(clippy::print_stdout, reason = "what it measures is what it is for")]

use std::io::{BufReader, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

#[path = "../bench/client.rs"]
mod client;

use client::at;

#[derive(Parser)]
struct Arguments {
    /// Where the service listens
    #[arg(long)]
    address: SocketAddr,
    /// The file to send
    #[arg(long)]
    body: std::path::PathBuf,
    /// Whether it is in the compacted form
    #[arg(long)]
    compacted: bool,
    /// Requests a second; without it each client sends its next request when it has its answer
    #[arg(long)]
    rate: Option<f64>,
    /// Requests that may be open at once
    #[arg(long, default_value_t = 400)]
    clients: usize,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// What became of a request, and after how many milliseconds.
struct Outcome {
    status: Status,
    milliseconds: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    /// 200.
    Accepted,
    /// 503 that asks to come again.
    Refused,
    /// Anything else, or nothing.
    Lost,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let body = match std::fs::read(&arguments.body) {
        Ok(body) => body,
        Err(error) => {
            eprintln!("{}: {error}", arguments.body.display());
            return ExitCode::FAILURE;
        }
    };
    let form = if arguments.compacted { "X-Content-Format: json+compactedv1\r\n" } else { "" };
    let mut request = format!(
        "POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{form}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);

    let begin = Instant::now();
    let next = AtomicU32::new(0);
    let total = arguments.rate.map(|rate| (rate * arguments.seconds as f64) as u32);
    let client = || {
        let mut outcomes = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let due = match (arguments.rate, total) {
                (Some(_), Some(total)) if index >= total => return outcomes,
                (Some(rate), _) => begin + Duration::from_secs_f64(f64::from(index) / rate),
                (None, _) if begin.elapsed().as_secs() >= arguments.seconds => return outcomes,
                (None, _) => Instant::now(),
            };
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let status = send(arguments.address, &request);
            outcomes.push(Outcome { status, milliseconds: due.elapsed().as_secs_f64() * 1e3 });
        }
    };
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..arguments.clients).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect()
    });
    let seconds = begin.elapsed().as_secs_f64();
    let of = |status: Status| {
        let mut times: Vec<f64> =
            outcomes.iter().filter(|outcome| outcome.status == status).map(|outcome| outcome.milliseconds).collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let (accepted, refused, lost) = (of(Status::Accepted), of(Status::Refused), of(Status::Lost));
    println!(
        "sent {} accepted {} refused {} lost {} accepted/s {:.0} accepted ms: p50 {:.2} p99 {:.2} longest {:.2} refused ms: p50 {:.2} p99 {:.2} longest {:.2}",
        outcomes.len(),
        accepted.len(),
        refused.len(),
        lost.len(),
        accepted.len() as f64 / seconds,
        at(&accepted, 0.5),
        at(&accepted, 0.99),
        at(&accepted, 1.0),
        at(&refused, 0.5),
        at(&refused, 0.99),
        at(&refused, 1.0),
    );
    ExitCode::SUCCESS
}

fn send(address: SocketAddr, request: &[u8]) -> Status {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = client::connect(address)?;
        // Who is refused may not get rid of all of it; the answer is there all the same.
        stream.write_all(request).ok();
        client::read(&mut BufReader::with_capacity(1 << 16, stream), request.len()).map(|(answer, _)| answer)
    };
    match ask() {
        Ok(answer) if answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"]") => Status::Accepted,
        Ok(answer) if answer.starts_with(b"HTTP/1.1 503") && answer.ends_with(b"}") => {
            let asks_again = answer.windows(27).any(|part| part.eq_ignore_ascii_case(b"x-rudder-should-retry: true"));
            if asks_again { Status::Refused } else { Status::Lost }
        }
        _ => Status::Lost,
    }
}
