//! Compares the cost of counting a request with the cost of transforming it: `cargo bench --bench metrics`.

#![allow(clippy::panic, reason = "a benchmark that cannot start must fail")]

use actix_web::http::StatusCode;
use divan::{Bencher, black_box};
use rudder_kafka_transformer::server::activity::Activity;
use rudder_kafka_transformer::server::metrics::Metrics;
use rudder_kafka_transformer::server::metrics::series::HttpKey;
use rudder_kafka_transformer::server::metrics::worker::WorkerSeries;
use transform::family::KAFKA;
use transform::meter::Unlimited;
use transform::processor::{self, Response};
use transform::request::{Counted, Limits, PayloadFormat};

#[allow(dead_code, reason = "other benchmarks use the rest")]
#[path = "../src/cli/bench/bodies.rs"]
mod bodies;

use bodies::{Shape, body};

const LIMITS: Limits = Limits { events: 1_000_000, response_bytes: 1 << 30 };

fn main() {
    divan::main();
}

fn answer(body: &str) -> Response {
    processor::respond(&KAFKA, body, PayloadFormat::Compacted, "", LIMITS).unwrap_or_else(|error| panic!("{error}"))
}

#[divan::bench(args = [1, 100])]
fn count(bencher: Bencher<'_, '_>, events: usize) {
    let body = body(Shape::Compacted, events);
    let answer = answer(&body);
    let metrics = Metrics::new("bench").unwrap_or_else(|error| panic!("{error}"));
    let series = WorkerSeries::of(metrics);
    let route = "/v0/destinations/{destination}";
    let key = HttpKey { method: "POST", status: StatusCode::OK, route, family: KAFKA.name };
    let events = answer.tally.events;
    let counted = Counted { origin: answer.origin.clone(), events, responses: events };
    bencher.bench_local(|| {
        series.metrics().concurrent.inc();
        series.metrics().count(&KAFKA, black_box(&answer.tally));
        series.count_events(&KAFKA, "v0", black_box(&counted));
        series.count_http(black_box(&key), 0.001, body.len() as u64, Some(answer.body.len() as u64));
        series.metrics().concurrent.dec();
    });
}

/// Measures a transformation that also counts its events for `/destinations`.
#[divan::bench(args = [1, 100])]
fn observe(bencher: Bencher<'_, '_>, events: usize) {
    let body = body(Shape::Compacted, events);
    let activity = Activity::new(false);
    bencher.bench(|| {
        let mut seen = activity.observer();
        let response = processor::respond_observed(
            &KAFKA,
            black_box(&body),
            PayloadFormat::Compacted,
            "",
            LIMITS,
            &Unlimited,
            &mut seen,
        );
        activity.add(&KAFKA, seen);
        response.unwrap_or_else(|error| panic!("{error}"))
    });
}

#[divan::bench(args = [1, 100])]
fn transform(bencher: Bencher<'_, '_>, events: usize) {
    let body = body(Shape::Compacted, events);
    bencher.bench(|| answer(black_box(&body)));
}
