//! Benchmarks the transformation in process, from the bytes of a request to the bytes of its response: `cargo bench`.
//! Reports throughput in events and in input bytes.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use json::decode::text;
use rudder_kafka_transformer::server::allocator;
use transform::family::KAFKA;
use transform::request::{Limits, PayloadFormat};
use transform::{batch, processor};

#[path = "../src/cli/bench/bodies.rs"]
mod bodies;

use bodies::{Shape, body, message_of};

const LIMITS: Limits = Limits { events: 1_000_000, response_bytes: 1 << 30 };
const EVENTS: [usize; 5] = [1, 10, 100, 1_000, 10_000];

fn main() {
    // The service makes the same call at startup.
    allocator::keep_enough(1);
    divan::main();
}

fn run(bencher: Bencher<'_, '_>, form: PayloadFormat, body: &str, events: usize) {
    bencher
        .counter(BytesCount::of_str(body))
        .counter(ItemsCount::new(events))
        .bench(|| processor::respond(&KAFKA, &text(black_box(body.as_bytes())), form, "", LIMITS));
}

#[divan::bench(args = EVENTS)]
fn plain(bencher: Bencher<'_, '_>, events: usize) {
    run(bencher, PayloadFormat::Plain, &body(Shape::Plain, events), events);
}

#[divan::bench(args = EVENTS)]
fn compacted(bencher: Bencher<'_, '_>, events: usize) {
    run(bencher, PayloadFormat::Compacted, &body(Shape::Compacted, events), events);
}

#[divan::bench(args = EVENTS)]
fn templates(bencher: Bencher<'_, '_>, events: usize) {
    run(bencher, PayloadFormat::Compacted, &body(Shape::Templates, events), events);
}

#[divan::bench(args = EVENTS)]
fn reverse_etl(bencher: Bencher<'_, '_>, events: usize) {
    run(bencher, PayloadFormat::Compacted, &body(Shape::ReverseEtl, events), events);
}

#[divan::bench(args = [200, 2_000, 20_000, 2_000_000])]
fn message_of_bytes(bencher: Bencher<'_, '_>, bytes: usize) {
    run(bencher, PayloadFormat::Compacted, &message_of(bytes), 1);
}

#[divan::bench(args = [1, 100, 1_000])]
fn batches(bencher: Bencher<'_, '_>, events: usize) {
    let body = body(Shape::Batch, events);
    bencher
        .counter(BytesCount::of_str(&body))
        .counter(ItemsCount::new(events))
        .bench(|| batch::respond(&text(black_box(body.as_bytes())), PayloadFormat::Plain, LIMITS));
}
