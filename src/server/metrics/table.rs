//! The table of all metrics, from which the metrics and their documentation are created. Metrics of rudder-transformer
//! keep their names, labels and buckets, so that dashboards and alerts continue to work.

use std::fmt::Write as _;

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A counter, which never decreases.
    Counter,
    /// A gauge.
    Gauge,
    /// A histogram whose buckets have these upper bounds.
    Histogram(&'static [f64]),
}

/// Where a metric comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A metric of both rudder-transformer and this service.
    Reference,
    /// A metric that only this service has.
    Own,
}

/// The definition of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Definition {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// The labels, in addition to `instanceName`, which every metric has.
    pub labels: &'static [&'static str],
    /// Where the metric comes from.
    pub origin: Origin,
    /// The help text.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident: $name:literal, $kind:expr, [$($label:literal),*], $origin:ident, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Definition =
                Definition { name: $name, kind: $kind, labels: &[$($label),*], origin: Origin::$origin, help: $help };
        )*

        /// All metrics of the service. Metrics of the process, such as its CPU time, come from the `prometheus` crate.
        pub const ALL: &[&Definition] = &[$(&$constant),*];
    };
}

/// Buckets for durations, in seconds.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Buckets for event-loop lag, in seconds.
const LAG: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Buckets for sizes, in bytes.
const BYTES: &[f64] = &[
    1e3, 1e4, 1e5, 5e5, 1e6, 1.5e6, 2e6, 2.5e6, 3e6, 3.5e6, 4e6, 4.5e6, 5e6, 1e7, 1.5e7, 2e7, 2.5e7, 3e7, 3.5e7, 4e7,
    4.5e7, 5e7,
];

/// Buckets for the number of events in a request.
const EVENTS: &[f64] = &[10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 150.0, 200.0];

metrics! {
    REQUEST_DURATION: "transformer_http_request_duration", Kind::Histogram(SECONDS),
        ["method", "code", "route", "destType"], Reference,
        "Seconds from the headers of the request to the headers of the response";
    REQUEST_SIZE: "transformer_http_request_size", Kind::Histogram(BYTES), ["method", "route", "code"], Reference,
        "Size of request bodies as sent (before decompression), in bytes";
    RESPONSE_SIZE: "transformer_http_response_size", Kind::Histogram(BYTES), ["method", "route", "code"], Reference,
        "Size of response bodies, in bytes";
    CONCURRENT_REQUESTS: "transformer_http_concurrent_requests", Kind::Gauge, [], Reference,
        "Requests in flight";
    FENCED_REQUESTS: "transformer_memory_fenced_requests", Kind::Counter, ["route"], Reference,
        "Requests rejected with 503 because requests in flight had used up MAX_IN_FLIGHT_BYTES";
    INPUT_EVENTS: "transformer_dest_transform_input_events", Kind::Histogram(EVENTS),
        ["destination", "version", "destVersion", "sourceType", "destinationType", "k8_namespace"], Reference,
        "Events per transformation request, including requests for /routerTransform. The values of the last four labels come from the request's first event. destVersion is the integer part of destination.version (1 if missing). sourceType, destinationType and k8_namespace are the values of metadata.sourceType, metadata.destinationType and metadata.namespace (the string \"undefined\" if missing)";
    OUTPUT_EVENTS: "transformer_dest_transform_output_events", Kind::Histogram(EVENTS),
        ["destination", "version", "destVersion", "sourceType", "destinationType", "k8_namespace"], Reference,
        "Entries per response to a transformation request, including entries for rejected events. A response from /routerTransform has one entry per destination. The labels are the same as for transformer_dest_transform_input_events";
    TOPIC_RULES: "kafka_transformer_events_by_topic_rule_total", Kind::Counter, ["destType", "rule"], Own,
        "Transformed events, by the rule that chose the topic: integrations, event_type, event_name, default or none (no rule provided a topic)";
    KEY_SOURCES: "kafka_transformer_events_by_key_source_total", Kind::Counter, ["destType", "source"], Own,
        "Transformed events, by the source of the partition key: user_id, anonymous_id or empty (the event has neither ID). All events with an empty key share one partition";
    REJECTED: "kafka_transformer_events_rejected_total", Kind::Counter, ["destType", "reason"], Own,
        "Events rejected with 400, by reason";
    TEMPLATES: "kafka_transformer_templates_total", Kind::Counter, ["destType", "outcome"], Own,
        "Evaluated templates, by outcome: filled (the event had a value for the template) or defaulted (the event had no value, so the template's default was used)";
    PATHS: "kafka_transformer_events_by_path_total", Kind::Counter, ["destType", "path"], Own,
        "Transformed events, by code path: rewritten (a template or a reverse-ETL timestamp could change the event) or fast (all other events)";
    OVERLOAD_REJECTIONS: "kafka_transformer_overload_rejections_total", Kind::Counter, ["limit"], Own,
        "Requests rejected with 503, by the limit that was reached: in_flight_bytes, connections or wait";
    FORWARDED: "kafka_transformer_forwarded_requests_total", Kind::Counter, ["result"], Own,
        "Requests forwarded to UPSTREAM_TRANSFORMER_URL, by result: responded (with any status), unreachable, broken (incomplete or invalid response), timeout, abandoned (the client disconnected) or loop (already forwarded once)";
    UNSERVED: "kafka_transformer_unserved_requests_total", Kind::Counter, ["endpoint"], Own,
        "Requests that only a rudder-transformer can serve, received while UPSTREAM_TRANSFORMER_URL is not set, by endpoint: user_transformation, tracking_plan, destination, batch, router_transform, delivery, deletion or source. The setting UNSERVED defines the response";
    SHADOWED: "kafka_transformer_shadow_requests_total", Kind::Counter, ["result"], Own,
        "Requests selected for shadow comparison with the upstream, by result: equal, intended, different, dropped or failed. The result is intended if docs/reference/differences.md lists every difference, dropped if a limit on requests awaiting comparison was reached, and failed if the upstream sent no response that could be compared";
    INTENDED: "kafka_transformer_shadow_intended_differences_total", Kind::Counter, ["difference"], Own,
        "Requests whose shadow comparison found only intended differences, by the code of the difference, as listed in docs/reference/differences.md. A request with several such differences is counted once for each code";
    LOG_LINES_DROPPED: "kafka_transformer_log_lines_dropped_total", Kind::Counter, ["reason"], Own,
        "Log lines that were not written, by reason: queue_full (stderr is read too slowly), write_failed (the reader of stderr is gone, or the disk is full) or suppressed (more than ten lines of the same kind per second)";
    IN_FLIGHT_BYTES: "kafka_transformer_in_flight_bytes", Kind::Gauge, [], Own,
        "Memory that requests in flight use, in bytes; limited by MAX_IN_FLIGHT_BYTES";
    IN_FLIGHT_LIMIT_BYTES: "kafka_transformer_in_flight_limit_bytes", Kind::Gauge, [], Own,
        "Effective value of MAX_IN_FLIGHT_BYTES";
    CONNECTIONS: "kafka_transformer_connections", Kind::Gauge, ["port"], Own,
        "Open connections that count toward the connection limit, by port: service or metrics";
    CONNECTIONS_LIMIT: "kafka_transformer_connections_limit", Kind::Gauge, ["port"], Own,
        "Connection limit, by port: service (the value of MAX_CONNECTIONS) or metrics";
    WAIT_LIMIT: "kafka_transformer_wait_limit_seconds", Kind::Gauge, [], Own,
        "Value of MAX_WAIT_MILLISECONDS, in seconds; compare it with kafka_transformer_event_loop_lag_seconds";
    EVENT_LOOP_LAG: "kafka_transformer_event_loop_lag_seconds", Kind::Histogram(LAG), [], Own,
        "How late a 250 ms timer fires on a worker, in seconds; requests on this worker are delayed by about the same time";
    UPSTREAM_DURATION: "kafka_transformer_upstream_duration_seconds", Kind::Histogram(SECONDS), [], Own,
        "Time from the start of a forwarded request to the headers of the upstream's response, in seconds. This time includes the client's upload of the body";
    CERTIFICATE_EXPIRY: "kafka_transformer_certificate_expiry_seconds", Kind::Gauge, [], Own,
        "Seconds until the TLS certificate in use expires; absent without TLS";
    DESTINATION_EVENTS: "kafka_transformer_destination_events_total", Kind::Counter,
        ["destType", "destinationId", "result"], Own,
        "Events, by destination and result (transformed or rejected); absent if DESTINATION_METRICS is 0. The first DESTINATION_METRICS destinations get their own label value. Events of any other destination, and events without a destination ID, have destinationId=\"other\"";
    BUILD_INFO: "kafka_transformer_build_info", Kind::Gauge, ["version", "commit"], Own,
        "Always 1; the labels contain the version and the commit of this service";
}

/// Formats the metrics as Markdown, for `docs/reference/metrics.md`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(PAGE_START);
    for (origin, title) in [
        (Origin::Reference, "## Metrics shared with rudder-transformer\n"),
        (Origin::Own, "## Metrics of this service only\n"),
    ] {
        page.push_str(title);
        page.push_str("\n| name | type | labels | meaning |\n| --- | --- | --- | --- |\n");
        for metric in ALL.iter().filter(|metric| metric.origin == origin) {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(page, "| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help);
        }
        page.push('\n');
    }
    page.push_str("## Buckets\n\n| name | buckets |\n| --- | --- |\n");
    for metric in ALL {
        if let Kind::Histogram(buckets) = metric.kind {
            let buckets: Vec<String> = buckets.iter().map(ToString::to_string).collect();
            let _ = writeln!(page, "| `{}` | {} |", metric.name, buckets.join(", "));
        }
    }
    page.push_str(PAGE_END);
    page
}

const PAGE_START: &str = "# Metrics

This page lists all metrics, for charts and alerts. `rudder-kafka-transformer metrics` prints this page.

`http://HOST:METRICS_PORT/metrics` serves the Prometheus text format. Every metric has the label `instanceName` with
the value of `INSTANCE_ID` (`localhost` by default). `deploy/prometheus/alerts.yaml` contains alerting
rules, and `deploy/grafana/dashboard.json` is a Grafana dashboard.

The following rules limit the number of label values, so that clients cannot create an unlimited number of time series. The
first two rules differ from the rules of rudder-transformer:

* The label `route` contains the pattern of the route, such as `/v0/destinations/{destination}`, never the path of the
  request. For unknown paths, the value is `unmatched`.
* The labels `destVersion`, `sourceType`, `destinationType` and `k8_namespace` get their values from events. Each of these
  labels has at most 100 values, in addition to `other`. Any additional value, or a value longer than 100 bytes,
  becomes `other`. The four labels have at most 500 combinations of values. Beyond that limit, all four values become
  `other`.
* The label `destinationId` has at most `DESTINATION_METRICS` values, in addition to `other`.
  [Destinations](../guides/destinations.md) describes how to see more data for each destination.

Before the first release, these metrics were renamed:

| before | now |
| --- | --- |
| `kafka_transformer_events_by_way_total{way=\"changed\"}`, `{way=\"untouched\"}` | `kafka_transformer_events_by_path_total{path=\"rewritten\"}`, `{path=\"fast\"}` |
| `kafka_transformer_overload_refusals_total` | `kafka_transformer_overload_rejections_total` |
| `kafka_transformer_shadow_intended_total` | `kafka_transformer_shadow_intended_differences_total` |
| `kafka_transformer_forwarded_requests_total{result=\"answered\"}` | `kafka_transformer_forwarded_requests_total{result=\"responded\"}` |

";

const PAGE_END: &str = "
## Metrics of the process

On Linux, the service also exports these metrics of its process:

* `process_cpu_seconds_total` and `process_start_time_seconds`;
* `process_resident_memory_bytes` and `process_virtual_memory_bytes`;
* `process_open_fds` and `process_max_fds`;
* `process_threads`.
";
