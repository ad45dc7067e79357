//! Prints the cost of the most expensive known bodies and of a typical body, in nanoseconds per byte:
//! `cargo run --release --package rudder-kafka-transform --example worst`.
//!
//! The program fails if the cost of any body is both above 40 ns per byte and above 10 times the cost of the typical
//! body. With a folder as the argument, the program writes the expensive bodies to this folder instead.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it measures time")]
#![allow(clippy::print_stdout, reason = "it prints the results")]

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use transform::family::KAFKA;
use transform::processor;
use transform::request::{BodyError, Limits, PayloadFormat};

#[allow(dead_code, reason = "other examples use the rest")]
#[path = "../../../src/cli/bench/bodies.rs"]
mod bodies;
#[path = "../../../bench/hostile.rs"]
mod hostile;

/// To measure the cost of a body, the program transforms the body repeatedly for this time.
const TIME: Duration = Duration::from_millis(500);
/// The cost, in nanoseconds per byte of body and response, up to which a body always passes.
const ALLOWED: f64 = 40.0;

/// Returns the total size of a body and its response, in bytes, and the shortest measured time per byte, in
/// nanoseconds.
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
                // The response was written up to this limit before it was rejected.
                Err(BodyError::ResponseTooLarge(limit) | BodyError::ResponseOutOfProportion(limit)) => limit,
                Err(_) => 0,
            };
    }
    (bytes, best.as_secs_f64() * 1e9 / bytes as f64)
}

/// Writes each expensive body to a file in `folder`. The file has the name of the body.
fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    hostile::hostile().iter().try_for_each(|(name, body)| fs::write(folder.join(name.replace(' ', "_")), body))
}

fn main() -> io::Result<ExitCode> {
    if let Some(folder) = env::args_os().nth(1) {
        return write(Path::new(&folder)).map(|()| ExitCode::SUCCESS);
    }
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
    Ok(if is_too_much { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
