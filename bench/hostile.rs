//! Request bodies whose processing is expensive for their size, or was expensive in an earlier version. This file is
//! shared by tests, which count the steps of the work, and by a benchmark, which measures its time.

use std::fmt::Write as _;

fn event(message: &str) -> String {
    format!(r#"{{"message":{message},"metadata":{{"destinationId":"d"}}}}"#)
}

fn compacted(event: &str, events: usize, config: &str) -> String {
    let events = vec![event; events].join(",");
    format!(r#"{{"destType":"kafka","input":[{events}],"destinations":{{"d":{{"ID":"d","Config":{config}}}}}}}"#)
}

/// Builds `items` values, each from its index, and joins them with commas.
fn list(items: usize, item: impl Fn(usize) -> String) -> String {
    let mut list = String::new();
    for index in 0..items {
        _ = write!(list, "{}{}", if index > 0 { "," } else { "" }, item(index));
    }
    list
}

/// Returns bodies in the compacted format, with their names. In an earlier version, the cost of each body was out of
/// proportion to its size, or the body is an attempt to cause such a cost.
pub fn hostile() -> Vec<(&'static str, String)> {
    let track = event(r#"{"type":"track","event":"x"}"#);
    let zeros = format!("0.{}", "0".repeat(50_000));
    let map = |entries: &str| format!(r#"{{"enableMultiTopic":true,"topic":"t","eventToTopicMap":[{entries}]}}"#);
    let entries = list(5_000, |name| format!(r#"{{"from":"n{name}","to":"t"}}"#));
    let templated = format!(r#"{entries},{{"from":"{{{{ event.a || x }}}}","to":"{{{{ event.b || y }}}}"}}"#);
    let mixed = format!(r#"{{"from":["{{{{ event.a || x }}}}",{}],"to":"y"}}"#, list(5_000, |n| n.to_string()));
    let templates = |count: usize, path: &str| {
        format!(r#"{{"topic":"t","x":[{}]}}"#, list(count, |_| format!(r#""{{{{ {path} || d }}}}""#)))
    };
    let wide = (0..10).fold("1".to_owned(), |inner, _| format!(r#"{{"a":{inner}{}}}"#, r#","":0"#.repeat(5_000)));
    let hidden = list(500, |name| format!(r#""k{name}":1"#));
    let shown = list(500, |name| format!(r#""k{name}":"""#));
    let escaped = list(5_000, |name| format!(r#""\u0061{name}":0"#));
    let each = |count: usize, path: fn(usize) -> String| {
        format!(r#"{{"topic":"t","x":[{}]}}"#, list(count, |index| format!(r#""{{{{ {} || d }}}}""#, path(index))))
    };
    let dotted = event(r#"{"type":"track","event":"x","z.a":1}"#);
    let nested = event(r#"{"type":"track","event":"x","z":{"a":""}}"#);
    let names = list(1_000, |n| format!(r#"{{"from":"{{{{ event.z{n} || n{n} }}}}","to":"t"}}"#));
    vec![
        ("different templates that find nothing", compacted(&track, 1_000, &each(1_000, |n| format!("event.z{n}.y")))),
        ("templates outside of message and metadata", compacted(&track, 1_000, &each(1_000, |n| format!("x.z{n}")))),
        ("templates and a name with a dot", compacted(&dotted, 1_000, &each(1_000, |n| format!("event.z.a{n}")))),
        (
            "templates for an object and its fields",
            compacted(
                &nested,
                1_000,
                &each(1_000, |n| if n == 0 { "event.z".to_owned() } else { format!("event.z.a{n}") }),
            ),
        ),
        (
            "templates for a whole message",
            compacted(
                &nested,
                1_000,
                &each(1_000, |n| if n == 999 { "message".to_owned() } else { format!("event.a{n}") }),
            ),
        ),
        (
            "templates that each find a value",
            compacted(
                &event(&format!(r#"{{"z0":"",{}}}"#, list(1_000, |n| format!(r#""z{n}":"""#)))),
                10,
                &each(1_000, |n| format!("event.z{n}")),
            ),
        ),
        ("templates into shared parts", compacted(&track, 1_000, &each(1_000, |n| format!("destination.z{n}")))),
        ("templates as names in a map", compacted(&track, 1_000, &map(&names))),
        ("a map entry of zeros", compacted(&track, 1_000, &map(&format!(r#"{{"from":"x","to":{zeros}}}"#)))),
        ("a topic of zeros", compacted(&track, 1_000, &format!(r#"{{"topic":{zeros}}}"#))),
        ("a topic of numbers", compacted(&track, 50, &format!(r#"{{"topic":[{}]}}"#, list(10_000, |n| n.to_string())))),
        ("a large map", compacted(&track, 1_000, &map(&entries))),
        ("templates in a large map", compacted(&track, 1_000, &map(&templated))),
        ("a template in a long name", compacted(&track, 1_000, &map(&mixed))),
        ("templates that find nothing", compacted(&track, 1_000, &templates(1_000, "event.z.y"))),
        (
            "templates that find an empty value",
            compacted(&event(&format!(r#"{{"a":[{}""]}}"#, "\"\",".repeat(30_000))), 3, &templates(12, "event.a")),
        ),
        (
            "hidden duplicates",
            compacted(&event(&format!(r#"{{"a":{{{hidden},{shown}}}}}"#)), 10, &templates(9, "event.a")),
        ),
        (
            "templates into the destination",
            compacted(
                &track,
                1_000,
                &format!(
                    r#"{{"topic":"{{{{ destination.Config.z || d }}}}","x":[{}]}}"#,
                    list(10_000, |n| n.to_string())
                ),
            ),
        ),
        ("wide objects", compacted(&event(&wide), 1, r#"{"topic":"{{ event.a.a.a.a.a.a.a.a.a.a || d }}"}"#)),
        ("names with escapes", compacted(&event(&format!("{{{escaped}}}")), 2, &templates(200, "event.b"))),
        (
            "deep arrays",
            compacted(
                &event(&format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000))),
                1,
                &templates(1, "event.a"),
            ),
        ),
        (
            "deep objects",
            compacted(
                &event(&format!(r#"{{"a":{}1{}}}"#, r#"{"a":"#.repeat(30_000), "}".repeat(30_000))),
                1,
                &templates(1, "event.a"),
            ),
        ),
        ("a large destination", compacted(&event("{}"), 1_000, &format!(r#"{{"x":"{}"}}"#, "x".repeat(100_000)))),
        (
            "many destinations",
            format!(
                r#"{{"destType":"kafka","input":[],"destinations":{{{}}}}}"#,
                list(50_000, |id| format!(r#""{id}":0"#))
            ),
        ),
        (
            "events of unknown destinations",
            format!(
                r#"{{"destType":"kafka","input":[{}],"destinations":{{{}}}}}"#,
                list(100, |id| format!(r#"{{"message":{{}},"metadata":{{"destinationId":"x{id}"}}}}"#)),
                list(50_000, |id| format!(r#""{id}":0"#))
            ),
        ),
        (
            "many topics",
            format!(
                r#"{{"destType":"kafka","input":[{}],"destinations":{{"d":{{"ID":"{}"}}}}}}"#,
                list(300, |topic| event(&format!(r#"{{"topic":{topic}}}"#))),
                "i".repeat(50_000)
            ),
        ),
        (
            "dotted names",
            compacted(&event(&format!("{{{}}}", list(10_000, |_| r#""integrations.KAFKA":0"#.to_owned()))), 2, "{}"),
        ),
        (
            "wide metadata",
            format!(
                r#"{{"destType":"kafka","input":[{0},{0}],"destinations":{{}}}}"#,
                format!(r#"{{"metadata":{{{}}}}}"#, list(20_000, |_| r#""":0"#.to_owned()))
            ),
        ),
    ]
}
