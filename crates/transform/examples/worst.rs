//! Prints what the most expensive known bodies cost in nanoseconds per byte, next to the usual body:
//! `cargo run --release --example worst`. Fails if one costs more than 10 times the usual body and more than 200 ns a byte.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures time")]
#![allow(clippy::print_stdout, reason = "what it measures is what it is for")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use transform::family::KAFKA;
use transform::processor;
use transform::request::{Limits, PayloadFormat};

#[allow(dead_code, reason = "the other examples use the rest")]
#[path = "../../../src/cli/bench/bodies.rs"]
mod bodies;
#[path = "../../../bench/hostile.rs"]
mod hostile;

/// How long each body is tried.
const TIME: Duration = Duration::from_millis(500);
/// Nanoseconds per byte of body and response that any body may cost.
const ALLOWED: f64 = 200.0;

/// The shortest time for a body, in nanoseconds per byte of body and response.
fn cost(body: &str) -> f64 {
    let limits = Limits { events: 1_000_000, response_bytes: 1 << 30 };
    let (began, mut best, mut bytes) = (Instant::now(), Duration::MAX, body.len());
    while began.elapsed() < TIME {
        let started = Instant::now();
        let answer = black_box(processor::respond(&KAFKA, body, PayloadFormat::Compacted, "", limits));
        best = best.min(started.elapsed());
        bytes = body.len() + answer.map_or(0, |answer| answer.body.len());
    }
    best.as_secs_f64() * 1e9 / bytes as f64
}

fn main() -> ExitCode {
    let usual = cost(&bodies::body(bodies::Shape::Compacted, 100));
    println!("| body | bytes | ns per byte of body and response |");
    println!("| --- | --- | --- |");
    println!("| usual: 100 events, compacted | | {usual:.2} |");
    let mut is_too_much = false;
    for (name, body) in hostile::hostile() {
        let cost = cost(&body);
        is_too_much |= cost > ALLOWED.max(10.0 * usual);
        println!("| {name} | {} | {cost:.2} |", body.len());
    }
    if is_too_much { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
