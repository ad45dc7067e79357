//! Memory amplification by small requests. RSS stays below twice the budget plus 60 MB, other clients are served
//! meanwhile, and the memory is returned to the OS.

use std::fmt::Write as _;

use super::process::Process;
use super::{MEBIBYTE, assert_response, connect, request, until};
use crate::server::{exchange, fetch};

/// The value of `MAX_IN_FLIGHT_BYTES`, in bytes.
const ALLOWED: usize = 50_000_000;
/// Flags for long timeouts. With the default timeouts, a client on a loaded machine might get 408.
const PATIENT: [&str; 2] = ["--header-timeout=600", "--body-timeout=600"];
/// The number of parallel requests.
const CLIENTS: usize = 8;

/// A request that would amplify memory.
struct Case {
    name: &'static str,
    path: &'static str,
    compacted: bool,
    body: Vec<u8>,
}

fn case(name: &'static str, compacted: bool, body: impl Into<Vec<u8>>) -> Case {
    Case { name, path: "/v0/destinations/kafka", compacted, body: body.into() }
}

fn compacted(events: &[String], config: &str) -> String {
    format!(r#"{{"input":[{}],"destinations":{{"d":{{"ID":"d","Config":{config}}}}}}}"#, events.join(","))
}

fn event(message: &str) -> String {
    format!(r#"{{"message":{message},"metadata":{{"destinationId":"d"}}}}"#)
}

fn cases() -> Vec<Case> {
    let large_topic = format!(r#"{{"topic":"{}"}}"#, "t".repeat(700_000));
    let topics: Vec<String> = (0..1_000).map(|topic| event(&format!(r#"{{"topic":{topic}}}"#))).collect();
    let mut destinations = String::from(r#"{"input":[],"destinations":{"#);
    (0..500_000).for_each(|id| _ = write!(destinations, r#""{id}":0,"#));
    destinations.push_str(r#""":0}}"#);
    let mut entries = String::new();
    (0..300_000).for_each(|name| _ = write!(entries, r#"{{"from":{name},"to":1}},"#));
    let map = format!(r#"{{"enableMultiTopic":true,"eventToTopicMap":[{entries}{{}}]}}"#);
    let wide = (0..10).fold("1".to_owned(), |inner, _| format!(r#"{{"a":{inner}{}}}"#, r#","":0"#.repeat(40_000)));
    let path = r#"{"topic":"{{ event.a.a.a.a.a.a.a.a.a.a || d }}"}"#;
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(500_000), "]".repeat(500_000));
    let taking = r#"{"topic":"t","x":"{{ event.a || d }}"}"#;
    let batch = compacted(&topics, &large_topic).replacen('{', r#"{"destType":"kafka","#, 1);
    vec![
        case("a large topic name", true, compacted(&vec![event("{}"); 270], &large_topic)),
        case("numbers", false, format!("[{}1]", "1,".repeat(90_000))),
        Case { path: "/batch", ..case("groups", true, batch) },
        case("destinations", true, destinations),
        case("map entries", true, compacted(&[event(r#"{"type":"track","event":"x"}"#)], &map)),
        case("a template path through wide objects", true, compacted(&[event(&wide)], path)),
        case("a deep value for a template", true, compacted(&[event(&deep)], taking)),
        case("bytes that are not UTF-8", false, vec![0xff; 8 * MEBIBYTE]),
    ]
}

#[test]
fn memory_amplifying_requests_stay_within_a_bound_and_their_memory_is_returned() {
    for case in cases() {
        let process = Process::start(&[&[&*format!("--max-in-flight-bytes={ALLOWED}")], &PATIENT[..]].concat());
        let at_rest = process.memory();
        let url = format!("http://{}{}", process.address, case.path);
        let headers: &[(&str, &str)] = if case.compacted { &[("X-Content-Format", "json+compactedv1")] } else { &[] };
        std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..CLIENTS).map(|_| scope.spawn(|| fetch(&url, "POST", headers, &case.body).status)).collect();
            let mut number = 0;
            while !clients.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                let mark = format!("small-{number}");
                assert_response(&exchange(&mut connect(process.address), request(&mark).as_bytes()), &mark);
                number += 1;
            }
            for client in clients {
                let status = client.join().expect("a client");
                assert!(matches!(status, 200 | 400 | 413 | 503), "{}: {status}", case.name);
            }
        });
        let peak = process.peak_memory();
        assert!(peak < 2 * ALLOWED + 60_000_000, "{}: {} MB", case.name, peak / 1_000_000);
        until("the memory is returned", || process.memory() < at_rest + 20_000_000);
        process.assert_nothing_left();
    }
}
