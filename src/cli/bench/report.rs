//! Reports the results of `bench` as a table or as JSON. New versions only add fields to the JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::load::Tally;
use super::usage::Usage;

/// The results for one transformer.
pub(super) struct Measured {
    pub(super) url: String,
    /// The outcomes of the requests of all rounds.
    pub(super) tally: Tally,
    /// The number of successful responses per second in each round.
    pub(super) rates: Vec<f64>,
    /// The CPU time used in each round, in seconds, or `None` if it could not be read.
    pub(super) cpu: Option<Vec<f64>>,
    /// The CPU time and memory at the end of the last round.
    pub(super) usage: Option<Usage>,
}

/// A description of the load that was sent.
pub(super) struct Sent {
    pub(super) requests: String,
    pub(super) connections: String,
    /// The number of rounds, and the duration of a round in seconds.
    pub(super) rounds: (u64, u64),
}

/// The quantiles in the report.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("longest", 1.0)];

impl Measured {
    fn requests(&self) -> u64 {
        self.tally.good.len() + self.tally.rejected.len() + self.tally.errors()
    }

    fn cpu_seconds(&self) -> Option<f64> {
        self.cpu.as_ref().map(|rounds| rounds.iter().sum())
    }

    /// Returns the CPU time per request that got a response, in seconds.
    fn cpu_per_request(&self) -> Option<f64> {
        let responses = self.tally.good.len() + self.tally.rejected.len();
        self.cpu_seconds().filter(|_| responses > 0).map(|seconds| seconds / responses as f64)
    }

    fn events_per_second(&self) -> f64 {
        let requests = self.tally.good.len();
        if requests == 0 { 0.0 } else { self.tally.rate() * self.tally.events as f64 / requests as f64 }
    }

    /// Returns the number of errors of each type.
    fn errors(&self) -> Vec<(String, u64)> {
        let statuses = self.tally.statuses.iter().map(|(status, count)| (format!("status {status}"), *count));
        let failures = self.tally.failures.iter().map(|(failure, count)| (failure.to_string(), *count));
        statuses.chain(failures).collect()
    }

    fn value(&self) -> Value {
        let milliseconds = |histogram: &hdrhistogram::Histogram<u64>| {
            let at = |quantile| if histogram.is_empty() { Value::Null } else { json!(at(histogram, quantile)) };
            json!({ "p50": at(0.5), "p99": at(0.99), "max": at(1.0) })
        };
        json!({
            "url": self.url,
            "seconds": self.tally.elapsed.as_secs_f64(),
            "requests": self.requests(),
            "good": self.tally.good.len(),
            "events": self.tally.events,
            "requestsPerSecond": self.tally.rate(),
            "eventsPerSecond": self.events_per_second(),
            "milliseconds": milliseconds(&self.tally.good),
            "rejected": self.tally.rejected.len(),
            "rejectedMilliseconds": milliseconds(&self.tally.rejected),
            "errors": self.errors().into_iter().map(|(kind, count)| json!({ "kind": kind, "count": count })).collect::<Vec<_>>(),
            "unsent": self.tally.unsent,
            "cpuSeconds": self.cpu_seconds(),
            "cpuMicrosecondsPerRequest": self.cpu_per_request().map(|seconds| seconds * 1e6),
            "residentBytes": self.usage.map(|usage| usage.resident),
            "peakResidentBytes": self.usage.and_then(|usage| usage.peak),
            "rounds": self.rates.iter().enumerate().map(|(index, rate)| json!({
                "requestsPerSecond": rate,
                "cpuSeconds": self.cpu.as_ref().and_then(|rounds| rounds.get(index)),
            })).collect::<Vec<_>>(),
        })
    }
}

/// Returns the latency at a quantile, in milliseconds.
fn at(histogram: &hdrhistogram::Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e3
}

/// Compares two transformers. Returns two ratios: the first transformer's requests per second divided by the second's
/// (the median over all rounds), and the second transformer's CPU time per request divided by the first's.
fn ratios(first: &Measured, second: &Measured) -> (Option<f64>, Option<f64>) {
    let rates =
        first.rates.iter().zip(&second.rates).filter(|(_, other)| **other > 0.0).map(|(one, other)| one / other);
    let cpu = first.cpu_per_request().zip(second.cpu_per_request());
    (median(rates.collect()), cpu.filter(|(one, _)| *one > 0.0).map(|(one, other)| other / one))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { (upper + values.get(middle - 1)?) / 2.0 })
}

/// Formats the report as one JSON object.
pub(super) fn json(sent: &Sent, measured: &[Measured]) -> String {
    let mut document = json!({
        "load": { "requests": sent.requests, "connections": sent.connections, "rounds": sent.rounds.0, "secondsPerRound": sent.rounds.1 },
        "targets": measured.iter().map(Measured::value).collect::<Vec<_>>(),
    });
    if let [first, second] = measured {
        let (rate, cpu) = ratios(first, second);
        document["ratio"] = json!({ "requestsPerSecond": rate, "cpuPerRequest": cpu });
    }
    format!("{document:#}\n")
}

/// Formats the report as a table with one column per transformer.
pub(super) fn text(sent: &Sent, measured: &[Measured]) -> String {
    let (rounds, seconds) = sent.rounds;
    let turns = if rounds > 1 { format!("{rounds} alternating rounds of {seconds} s") } else { format!("{seconds} s") };
    let mut out = format!("{}; {}; {turns}\n\n", sent.requests, sent.connections);
    let ratios = match measured {
        [first, second] => Some(ratios(first, second)),
        _ => None,
    };
    let width = measured.iter().map(|target| target.url.len()).max().unwrap_or(0).max(14);
    let mut row = |name: &str, ratio: Option<String>, cell: &dyn Fn(&Measured) -> String| {
        let _ = write!(out, "{name:<18}");
        for target in measured {
            let _ = write!(out, "  {:>width$}", cell(target));
        }
        if ratios.is_some() {
            let _ = write!(out, "  {:>7}", ratio.unwrap_or_default());
        }
        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    };
    let times = |ratio: Option<f64>| Some(ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")));
    row("", Some("ratio".to_owned()), &|target| target.url.clone());
    row("requests/s", ratios.and_then(|(rate, _)| times(rate)), &|target| grouped(target.tally.rate()));
    row("events/s", None, &|target| grouped(target.events_per_second()));
    for (name, quantile) in QUANTILES {
        row(&format!("{name} ms"), None, &|target| {
            if target.tally.good.is_empty() {
                "-".to_owned()
            } else {
                format!("{:.2}", at(&target.tally.good, quantile))
            }
        });
    }
    row("CPU us/request", ratios.and_then(|(_, cpu)| times(cpu)), &|target| {
        target.cpu_per_request().map_or_else(|| "-".to_owned(), |seconds| format!("{:.1}", seconds * 1e6))
    });
    row("CPU s", None, &|target| {
        target.cpu_seconds().map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2}"))
    });
    row("resident MB", None, &|target| {
        target.usage.map_or_else(|| "-".to_owned(), |usage| format!("{:.1}", usage.resident as f64 / 1e6))
    });
    row("requests", None, &|target| grouped(target.requests() as f64));
    row("rejected (503)", None, &|target| grouped(target.tally.rejected.len() as f64));
    row("errors", None, &|target| grouped(target.tally.errors() as f64));
    for target in measured {
        for (kind, count) in target.errors() {
            let _ = writeln!(out, "\n{}: {count} x {kind}", target.url);
        }
        if target.tally.unsent > 0 {
            let _ = writeln!(
                out,
                "\n{}: {} requests were due but not sent, because every connection was busy",
                target.url, target.tally.unsent
            );
        }
    }
    out
}

/// Formats a number without decimals, with its digits in groups of three.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn measured(url: &str, microseconds: u64, rates: &[f64], cpu: Option<f64>) -> Measured {
        let mut tally = Tally { elapsed: Duration::from_secs(2), events: 3_000, ..Tally::default() };
        for _ in 0..1_500 {
            tally.good.saturating_record(microseconds);
        }
        let usage = cpu.map(|_| Usage { cpu_seconds: 9.0, resident: 15_000_000, peak: Some(16_000_000) });
        let cpu = cpu.map(|seconds| vec![seconds; rates.len()]);
        Measured { url: url.to_owned(), tally, rates: rates.to_vec(), cpu, usage }
    }

    fn sent() -> Sent {
        Sent { requests: "1 request".to_owned(), connections: "2 connections".to_owned(), rounds: (3, 1) }
    }

    #[test]
    fn the_bench_table_has_a_column_per_transformer_and_one_for_ratios() {
        let one = measured("http://a:9090", 1_000, &[750.0, 700.0, 900.0], Some(0.5));
        let mut other = measured("http://b:9090", 4_000, &[75.0, 10.0, 90.0], Some(5.0));
        other.tally.statuses.insert(500, 2);
        other.tally.unsent = 7;
        let expected = "1 request; 2 connections; 3 alternating rounds of 1 s

                     http://a:9090   http://b:9090    ratio
requests/s                     750             750    10.00
events/s                     1,500           1,500
p50 ms                        1.00            4.00
p99 ms                        1.00            4.00
longest ms                    1.00            4.00
CPU us/request              1000.0         10000.0    10.00
CPU s                         1.50           15.00
resident MB                   15.0            15.0
requests                     1,500           1,502
rejected (503)                   0               0
errors                           0               2

http://b:9090: 2 x status 500

http://b:9090: 7 requests were due but not sent, because every connection was busy
";
        assert_eq!(text(&sent(), &[one, other]), expected);
    }

    #[test]
    fn unknown_bench_values_are_a_dash_in_the_table_and_null_in_json() {
        let mut one = measured("http://a:9090", 1_000, &[0.0], None);
        one.tally = Tally::default();
        let document: Value = serde_json::from_str(&json(&sent(), std::slice::from_ref(&one))).unwrap();
        let target = &document["targets"][0];
        for field in ["cpuSeconds", "cpuMicrosecondsPerRequest", "residentBytes", "peakResidentBytes"] {
            assert_eq!(target[field], Value::Null, "{field}");
        }
        assert_eq!(target["milliseconds"], json!({ "p50": null, "p99": null, "max": null }));
        assert_eq!(document.get("ratio"), None);
        let shown = text(&sent(), &[one]);
        assert!(
            shown.contains("p99 ms                           -\n")
                && shown.contains("resident MB                      -\n"),
            "{shown}"
        );
    }

    #[test]
    fn medians_are_computed_and_large_numbers_get_thousands_separators() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
        assert_eq!(
            ["1", "999", "1,000", "1,234,567"],
            [1.0, 999.0, 1e3, 1_234_567.0].map(grouped).each_ref().map(String::as_str)
        );
    }
}
