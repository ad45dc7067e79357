//! Transforms the body in a file repeatedly, without a server, so that profilers can measure the transformation alone:
//! `cargo run --release --package rudder-kafka-transform --example engine -- FILE ROUNDS [observed]`.
//!
//! The name of the file determines the endpoint and the format. With `observed`, an observer receives each decision, as
//! in the service's live view.

#![allow(clippy::disallowed_methods, reason = "it reads arguments and files")]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::{env, fs};

use json::decode::text;
use json::javascript::JsString;
use transform::decision::{Decision, KeySource, Topic};
use transform::family::KAFKA;
use transform::meter::Unlimited;
use transform::observer::{Observer, Restart};
use transform::partition::hash_of_key;
use transform::rejection::Rejection;
use transform::request::{BodyError, Limits, PayloadFormat};
use transform::{batch, processor};

const LIMITS: Limits = Limits { events: 1_000_000, response_bytes: 1 << 30 };

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (file, rounds, is_observed) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [file, rounds] => (file, rounds, false),
        [file, rounds, "observed"] => (file, rounds, true),
        _ => {
            eprintln!("usage: engine FILE ROUNDS [observed]");
            return ExitCode::from(2);
        }
    };
    let (Ok(body), Ok(rounds)) = (fs::read(file), rounds.parse::<usize>()) else {
        eprintln!("cannot read {file}, or {rounds} is not a number");
        return ExitCode::from(2);
    };
    for _ in 0..rounds {
        match respond(file, &text(&body), is_observed) {
            Ok(response) => drop(black_box(response)),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn respond(file: &str, body: &str, is_observed: bool) -> Result<String, BodyError> {
    let form = if file.contains("plain") { PayloadFormat::Plain } else { PayloadFormat::Compacted };
    if file.contains("batch") {
        batch::respond(body, PayloadFormat::Plain, LIMITS).map(|response| response.body)
    } else if is_observed {
        let mut seen = Seen::default();
        let response = processor::respond_observed(&KAFKA, body, form, "", LIMITS, &Unlimited, &mut seen);
        black_box(seen);
        response.map(|response| response.body)
    } else {
        processor::respond(&KAFKA, body, form, "", LIMITS).map(|response| response.body)
    }
}

/// Observes the topic, the key and the outcome of each event, as the service's live view does.
#[derive(Default)]
struct Seen {
    events: usize,
    topic_bytes: usize,
    key_hashes: u32,
}

impl Observer for Seen {
    fn routed(&mut self, topic: &Topic<'_>) {
        self.topic_bytes += topic.text.as_ref().map_or(0, |text| text.escaped().len());
    }

    fn keyed(&mut self, key: Option<&JsString<'_>>, _: KeySource) {
        self.key_hashes ^= hash_of_key(key.map_or("", JsString::escaped));
    }

    fn responded(&mut self, outcome: Result<Decision, Rejection>, _: &str) -> ControlFlow<()> {
        self.events += usize::from(outcome.is_ok());
        ControlFlow::Continue(())
    }
}

impl Restart for Seen {
    fn restart(&mut self) {
        *self = Self::default();
    }
}
