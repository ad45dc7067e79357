//! Runs the transformation on a body in a file, over and over, without a server: for counting instructions and for
//! profilers. `cargo run --release --package rudder-kafka-transform --example engine -- FILE ROUNDS`; the name of the file reports the form.

#![allow(clippy::disallowed_methods, reason = "it reads its arguments and files")]

use std::process::ExitCode;
use std::{env, fs};

use json::decode::text;
use transform::family::KAFKA;
use transform::request::{Limits, PayloadFormat};
use transform::{batch, processor};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [file, rounds] = arguments.as_slice() else {
        eprintln!("usage: engine FILE ROUNDS");
        return ExitCode::from(2);
    };
    let (Ok(body), Ok(rounds)) = (fs::read(file), rounds.parse::<usize>()) else {
        eprintln!("cannot read {file}, or {rounds} is no number");
        return ExitCode::from(2);
    };
    let limits = Limits { events: 1_000_000, response_bytes: 1 << 30 };
    let form = if file.contains("plain") { PayloadFormat::Plain } else { PayloadFormat::Compacted };
    for _ in 0..rounds {
        let text = text(&body);
        let bytes = if file.contains("batch") {
            batch::respond(&text, PayloadFormat::Plain, limits).map(|answer| answer.body.len())
        } else {
            processor::respond(&KAFKA, &text, form, "", limits).map(|answer| answer.body.len())
        };
        if let Err(error) = bytes {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
