//! Prints the cost of the most expensive known bodies and of a typical body, in nanoseconds per byte:
//! `cargo run --release --package rudder-kafka-transform --example worst`.
//!
//! Fails if a body costs more than 10 times as much as the typical body and more than 40 ns per byte.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures time")]
#![allow(clippy::print_stdout, reason = "it prints the results")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use transform::family::KAFKA;
use transform::processor;
use transform::request::{BodyError, Limits, PayloadFormat};

#[allow(dead_code, reason = "other examples use the rest")]
#[path = "../../../src/cli/bench/bodies.rs"]
mod bodies;
#[path = "../../../bench/hostile.rs"]
mod hostile;

/// The time for which each body is measured.
const TIME: Duration = Duration::from_millis(500);
/// The cost that is always allowed, in nanoseconds per byte of body and response.
const ALLOWED: f64 = 40.0;

/// Returns the size of a body and its response in bytes, and the shortest time per byte in nanoseconds.
fn cost(body: &str) -> (usize, f64) {
    let limits = Limits { events: 1_000_000, response_bytes: 1 << 30 };
    let (began, mut best, mut bytes) = (Instant::now(), Duration::MAX, body.len());
    while began.elapsed() < TIME {
        let started = Instant::now();
        let response = black_box(processor::respond(&KAFKA, body, PayloadFormat::Compacted, "", limits));
        best = best.min(started.elapsed());
        bytes = body.len()
            + match response {
                Ok(response) => response.body.len(),
                // The response was written up to this limit.
                Err(BodyError::ResponseTooLarge(limit) | BodyError::ResponseOutOfProportion(limit)) => limit,
                Err(_) => 0,
            };
    }
    (bytes, best.as_secs_f64() * 1e9 / bytes as f64)
}

fn main() -> ExitCode {
    let (bytes, typical) = cost(&bodies::body(bodies::Shape::Compacted, 100));
    println!("| body | bytes of body and response | ns per byte | times typical |");
    println!("| --- | --- | --- | --- |");
    println!("| typical: 100 events, compacted | {bytes} | {typical:.2} | 1 |");
    let mut is_too_much = false;
    for (name, body) in hostile::hostile() {
        let (bytes, cost) = cost(&body);
        is_too_much |= cost > ALLOWED.max(10.0 * typical);
        println!("| {name} | {bytes} | {cost:.2} | {:.1} |", cost / typical);
    }
    if is_too_much { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
