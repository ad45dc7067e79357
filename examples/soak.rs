//! A soak test, which sends mixed requests at a share of the service's capacity. It compares every response with the
//! library's response to the same request, and records the service's memory and latency for each minute.
//! `bench/soak.sh` runs this example.

#![allow(clippy::print_stdout, reason = "the soak test prints its results")]
#![allow(clippy::expect_used, reason = "a panic is visible to the user")]

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::{Value, json};
use transform::family::KAFKA;
use transform::processor;
use transform::request::{Limits, PayloadFormat};

#[allow(dead_code, reason = "the benchmarks use the rest")]
#[path = "../src/cli/bench/bodies.rs"]
mod bodies;
#[path = "../bench/client.rs"]
mod client;

use bodies::Shape;
use client::at;

#[derive(Parser)]
struct Arguments {
    /// Address of the service
    #[arg(long)]
    address: SocketAddr,
    /// Address of the service's metrics port
    #[arg(long)]
    metrics: SocketAddr,
    /// Process ID of the service
    #[arg(long)]
    pid: u32,
    #[arg(long, default_value_t = 30)]
    minutes: usize,
    /// Share of the service's capacity to use
    #[arg(long, default_value_t = 0.7)]
    load: f64,
    /// Maximum number of open requests
    #[arg(long, default_value_t = 32)]
    clients: usize,
}

/// The duration of the first phase at full load, which measures the service's capacity and warms it up.
const CALIBRATION: Duration = Duration::from_secs(60);
/// How long the service idles before its memory is measured, once before the run and once after it.
const REST: Duration = Duration::from_secs(15);
/// The delay before a retry.
const RETRY_DELAY: Duration = Duration::from_millis(20);
/// The number of events per malformed event.
const BROKEN: usize = 100;
/// The number of requests per new connection.
const OWN_CONNECTION: usize = 20;
/// The sizes of requests in events. Each size is followed by the number of requests in a hundred that have this size.
const SIZES: [(usize, usize); 5] = [(1, 40), (10, 30), (50, 15), (100, 13), (1_000, 2)];
const MINUTE: Duration = Duration::from_secs(60);

/// A request and its expected response.
struct Exchange {
    kept_open: Vec<u8>,
    own_connection: Vec<u8>,
    body: Vec<u8>,
    expected: Vec<u8>,
    events: u64,
    rejected: u64,
}

/// Creates a hundred requests with the sizes in [`SIZES`] for each shape. Some of their events are malformed.
fn exchanges() -> Vec<Exchange> {
    let mut built = Vec::new();
    let mut event_number = 0;
    for (shape, form) in [
        (Shape::Plain, PayloadFormat::Plain),
        (Shape::Compacted, PayloadFormat::Compacted),
        (Shape::Templates, PayloadFormat::Compacted),
        (Shape::ReverseEtl, PayloadFormat::Compacted),
    ] {
        let whole: Value = serde_json::from_str(&bodies::body(shape, 1_500)).expect("JSON");
        let all = whole.get("input").unwrap_or(&whole).as_array().expect("events").clone();
        for (size, count) in SIZES {
            for turn in 0..count {
                let first = turn * 37 % (all.len() - size);
                let mut events = all[first..first + size].to_vec();
                for event in &mut events {
                    event_number += 1;
                    if event_number % BROKEN == 0 {
                        break_event(event, event_number / BROKEN, form);
                    }
                }
                built.push(exchange(form, &whole, events));
            }
        }
    }
    built
}

/// Makes an event malformed in one of several ways.
fn break_event(event: &mut Value, kind: usize, form: PayloadFormat) {
    match kind % 6 {
        0 => *event = Value::Null,
        1 => *event = json!("an event"),
        2 => event["message"] = json!(["a message"]),
        3 => event["metadata"] = Value::Null,
        4 => event["metadata"] = json!(7),
        _ if form == PayloadFormat::Plain => event["destination"] = Value::Null,
        _ => event["metadata"]["destinationId"] = json!("unknown"),
    }
}

fn exchange(form: PayloadFormat, whole: &Value, events: Vec<Value>) -> Exchange {
    let body = if form == PayloadFormat::Plain {
        Value::from(events).to_string()
    } else {
        let mut body = whole.clone();
        body["input"] = events.into();
        body.to_string()
    };
    let limits = Limits { events: 10_000, response_bytes: 1 << 28 };
    let answer = processor::respond(&KAFKA, &body, form, "", limits).expect("a response");
    let header = if form == PayloadFormat::Compacted { "X-Content-Format: json+compactedv1\r\n" } else { "" };
    let head = |connection: &str| {
        let length = body.len();
        format!(
            "POST /v0/destinations/kafka HTTP/1.1\r\nHost: x\r\n{connection}{header}Content-Length: {length}\r\n\r\n"
        )
        .into_bytes()
    };
    Exchange {
        kept_open: head(""),
        own_connection: head("Connection: close\r\n"),
        body: body.into_bytes(),
        events: answer.tally.events,
        rejected: answer.tally.rejected.iter().sum(),
        expected: answer.body.into_bytes(),
    }
}

/// State shared by all clients.
struct Load<'l> {
    address: SocketAddr,
    exchanges: &'l [Exchange],
    next: AtomicUsize,
    events: AtomicU64,
    rejected: AtomicU64,
    retries: AtomicU64,
    wrong: AtomicU64,
    lost: AtomicU64,
}

type Connection = BufReader<TcpStream>;

impl Load<'_> {
    /// Returns the request with this index. The order of requests is pseudorandom, but the same on every run.
    fn exchange(&self, index: usize) -> &Exchange {
        let mixed = (index as u64 ^ 0x9e37_79b9).wrapping_mul(0x2545_f491_4f6c_dd1d) >> 20;
        &self.exchanges[usize::try_from(mixed).expect("64 bits") % self.exchanges.len()]
    }

    /// Sends a request until it is accepted. Like rudder-server, it retries after a 503.
    fn ask(&self, index: usize, kept: &mut Option<Connection>) {
        let exchange = self.exchange(index);
        let own = index.is_multiple_of(OWN_CONNECTION);
        _ = loop {
            let mut connection = if own { None } else { kept.take() };
            match self.send(exchange, own, &mut connection) {
                Ok((answer, head)) if answer.starts_with(b"HTTP/1.1 200") && answer[head..] == exchange.expected => {
                    self.events.fetch_add(exchange.events, Ordering::Relaxed);
                    self.rejected.fetch_add(exchange.rejected, Ordering::Relaxed);
                    *kept = kept.take().or(connection.filter(|_| !own));
                    return;
                }
                Ok((answer, _)) if answer.starts_with(b"HTTP/1.1 503") => {
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(RETRY_DELAY);
                }
                Ok(_) => break self.wrong.fetch_add(1, Ordering::Relaxed),
                Err(_) => break self.lost.fetch_add(1, Ordering::Relaxed),
            }
        };
    }

    fn send(
        &self,
        exchange: &Exchange,
        own: bool,
        connection: &mut Option<Connection>,
    ) -> std::io::Result<(Vec<u8>, usize)> {
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => BufReader::with_capacity(1 << 16, client::connect(self.address)?),
        };
        let head = if own { &exchange.own_connection } else { &exchange.kept_open };
        // After a 503, the client may be unable to write the rest of the body, but it can still read the response.
        stream.get_mut().write_all(head).and_then(|()| stream.get_mut().write_all(&exchange.body)).ok();
        let answer = client::read(&mut stream, exchange.expected.len() + 1_000)?;
        *connection = Some(stream);
        Ok(answer)
    }

    /// Runs clients in a closed loop, and returns the number of requests per second.
    fn at_capacity(&self, clients: usize) -> f64 {
        let begin = Instant::now();
        let before = self.next.load(Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..clients {
                scope.spawn(|| {
                    let mut kept = None;
                    while begin.elapsed() < CALIBRATION {
                        self.ask(self.next.fetch_add(1, Ordering::Relaxed), &mut kept);
                    }
                });
            }
        });
        (self.next.load(Ordering::Relaxed) - before) as f64 / begin.elapsed().as_secs_f64()
    }

    /// Sends `rate` requests per second. Returns the latencies of each minute, sorted, in milliseconds. Latency is the
    /// time from the scheduled start of a request to its response.
    fn at_rate(&self, rate: f64, minutes: usize, clients: usize) -> Vec<Vec<f64>> {
        let begin = Instant::now();
        let first = self.next.load(Ordering::Relaxed);
        let duration = MINUTE * u32::try_from(minutes).expect("fewer minutes");
        let client = || {
            let mut kept = None;
            let mut times = vec![Vec::new(); minutes];
            loop {
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                let due = Duration::from_secs_f64((index - first) as f64 / rate);
                if due >= duration {
                    return times;
                }
                std::thread::sleep(due.saturating_sub(begin.elapsed()));
                self.ask(index, &mut kept);
                times[(due.as_secs() / 60) as usize].push((begin.elapsed() - due).as_secs_f64() * 1e3);
            }
        };
        let mut all = vec![Vec::new(); minutes];
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
            for times in clients.into_iter().flat_map(|client| client.join().expect("a client")).enumerate() {
                all[times.0 % minutes].extend(times.1);
            }
        });
        for times in &mut all {
            times.sort_by(f64::total_cmp);
        }
        all
    }
}

/// Returns a process's resident memory in megabytes, and its CPU time in seconds.
fn sample(pid: u32) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the service runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the memory");
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the service runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().expect("a number")).sum();
    (kilobytes / 1024.0, ticks / 100.0)
}

/// Takes a sample every second until stopped.
fn watch(pid: u32, stop: &AtomicBool) -> Vec<(f64, f64)> {
    let begin = Instant::now();
    let mut samples = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        samples.push(sample(pid));
        let next = Duration::from_secs(samples.len() as u64);
        std::thread::sleep(next.saturating_sub(begin.elapsed()));
    }
    samples
}

/// Fits a line to values at equal intervals. Returns the line's rise from the first to the last value, and the standard
/// deviation of the values from the line.
fn line(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / count;
    let at = |index: usize| index as f64 - middle;
    let square: f64 = (0..values.len()).map(|index| at(index).powi(2)).sum();
    let slope = values.iter().enumerate().map(|(index, value)| at(index) * (value - mean)).sum::<f64>() / square;
    let off = values.iter().enumerate().map(|(index, value)| (value - mean - slope * at(index)).powi(2)).sum::<f64>();
    (slope * (count - 1.0), (off / count).sqrt())
}

/// Returns the sum of all series whose names begin with `name`.
fn metric(address: SocketAddr, name: &str) -> u64 {
    let text = ureq::get(format!("http://{address}/metrics")).call().expect("metrics");
    let text = text.into_body().read_to_string().expect("text");
    let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit(' ').next());
    values.map(|value| value.parse::<f64>().expect("a number")).sum::<f64>() as u64
}

fn main() -> ExitCode {
    let Arguments { address, metrics, pid, minutes, load, clients } = Arguments::parse();
    let exchanges = exchanges();
    let zero = AtomicU64::default;
    let all = Load {
        address,
        exchanges: &exchanges,
        next: AtomicUsize::new(0),
        events: zero(),
        rejected: zero(),
        retries: zero(),
        wrong: zero(),
        lost: zero(),
    };
    let capacity = all.at_capacity(clients);
    let rate = capacity * load;
    std::thread::sleep(REST);
    let (rest_before, _) = sample(pid);
    println!("capacity: {capacity:.0} requests/s; {minutes} minutes at {rate:.0} requests/s\n");

    let stop = AtomicBool::new(false);
    let (times, samples) = std::thread::scope(|scope| {
        let samples = scope.spawn(|| watch(pid, &stop));
        let times = all.at_rate(rate, minutes, clients);
        stop.store(true, Ordering::Relaxed);
        (times, samples.join().expect("samples"))
    });

    std::thread::sleep(REST);
    let (rest_after, _) = sample(pid);
    println!(
        "| minute | requests | p50 ms | p99 ms | longest ms | resident MB | CPU |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for (minute, times) in times.iter().enumerate() {
        let samples = &samples[(minute * 60).min(samples.len() - 2)..samples.len().min(minute * 60 + 61)];
        let memory = samples.iter().map(|(memory, _)| memory).sum::<f64>() / samples.len() as f64;
        let processor = (samples[samples.len() - 1].1 - samples[0].1) / (samples.len() - 1) as f64;
        println!(
            "| {} | {} | {:.2} | {:.2} | {:.1} | {memory:.1} | {:.0} % |",
            minute + 1,
            times.len(),
            at(times, 0.5),
            at(times, 0.99),
            at(times, 1.0),
            processor * 100.0
        );
    }

    // At the end, each client has taken one index that it did not use.
    let requests = all.next.load(Ordering::Relaxed) - clients;
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (events, rejected, wrong, lost) =
        (count(&all.events), count(&all.rejected), count(&all.wrong), count(&all.lost));
    println!(
        "\nrequests {requests}, retries {}, wrong responses {wrong}, missing responses {lost}",
        count(&all.retries)
    );
    println!("events {events}, rejected as expected {rejected} ({:.2} %)", rejected as f64 / events as f64 * 100.0);
    let counted = [
        metric(metrics, "transformer_dest_transform_input_events_sum"),
        metric(metrics, "kafka_transformer_events_rejected_total"),
    ];
    println!("/metrics counts {} events, {} rejected", counted[0], counted[1]);
    // The first sixth of the run is ignored, because memory has not settled yet.
    let memory: Vec<f64> = samples.iter().skip(samples.len() / 6).map(|(memory, _)| *memory).collect();
    let (rise, deviation) = line(&memory);
    println!(
        "resident memory after the first sixth of the run rises by {rise:.2} MB, standard deviation {deviation:.2} MB"
    );
    println!(
        "resident memory after {} s without requests: {rest_before:.2} MB before the run, {rest_after:.2} MB after it",
        REST.as_secs()
    );
    let p99 = |minute: usize| at(&times[minute], 0.99);
    let ratio = p99(minutes - 1) / p99(0);
    println!("p99 of the last minute is {ratio:.2} times the p99 of the first minute");

    let checks = [
        ("every response is the expected one", wrong == 0 && lost == 0),
        ("/metrics counts the sent events", counted == [events, rejected]),
        ("memory rises by at most its standard deviation", rise <= deviation),
        ("p99 of the last minute is at most 1.2 times the p99 of the first minute", ratio <= 1.2),
    ];
    for (what, passed) in checks {
        println!("{} {what}", if passed { "passed:" } else { "FAILED:" });
    }
    if checks.iter().all(|(_, passed)| *passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
