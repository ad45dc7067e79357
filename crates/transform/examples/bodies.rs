//! Writes the request bodies of the benchmarks to a folder:
//! `cargo run --release --package rudder-kafka-transform --example bodies -- FOLDER`.

#![allow(clippy::disallowed_methods, reason = "it reads arguments and writes files")]

use std::path::PathBuf;
use std::{env, fs, io};

#[path = "../../../src/cli/bench/bodies.rs"]
mod bodies;

use bodies::{Shape, body, message_of};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "target/bench".to_owned()));
    fs::create_dir_all(&folder)?;
    for (name, shape) in [
        ("plain", Shape::Plain),
        ("compacted", Shape::Compacted),
        ("templates", Shape::Templates),
        ("retl", Shape::ReverseEtl),
        ("batch", Shape::Batch),
    ] {
        for events in [1, 10, 100, 1_000, 10_000] {
            fs::write(folder.join(format!("{name}{events}.json")), body(shape, events))?;
        }
    }
    for bytes in [200, 2_000, 20_000, 2_000_000, 100_000_000] {
        fs::write(folder.join(format!("message{bytes}.json")), message_of(bytes))?;
    }
    Ok(())
}
