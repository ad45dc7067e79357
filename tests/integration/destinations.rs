//! `/destinations`: counts per destination, access control, and limits.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cli::run;
use crate::golden::root;
use crate::logs::Service;
use crate::security::Folder;
use crate::server::{Response, Server, fetch};

/// Requests `/destinations` on the metrics port.
fn ask(server: &Server, query: &str) -> Response {
    fetch(&format!("http://{}/destinations{query}", server.metrics), "GET", &[], b"")
}

fn event(destination: &str, user: &str, more: &Value) -> Value {
    let mut event = json!({
        "message": { "userId": user, "secret": "s3cret" },
        "metadata": { "jobId": 1, "destinationId": destination, "sourceId": "s-1", "workspaceId": "w-1" },
        "destination": { "ID": destination, "Config": { "topic": "orders" } },
    });
    if let (Some(event), Some(more)) = (event.as_object_mut(), more.as_object()) {
        event.extend(more.clone());
    }
    event
}

fn transform(server: &Server, events: &[Value]) {
    let body = serde_json::to_vec(events).expect("JSON");
    assert_eq!(server.post("/v0/destinations/kafka", &[], &body).status, 200);
}

/// Returns ten events of one user, two events of other users, a rejected event, an event without a key and an event
/// without a topic.
fn traffic() -> Vec<Value> {
    let none = json!({});
    let mut events = vec![event("d-1", "hot-user", &none); 10];
    events.extend([event("d-1", "u-1", &none), event("d-1", "u-2", &none), event("d-1", "", &none)]);
    events.push(event("d-1", "u-3", &json!({ "message": 7 })));
    events.push(event("d-2", "u-4", &json!({ "destination": { "Config": {} } })));
    events
}

#[test]
fn destinations_endpoint_counts_events_topics_rules_and_keys_per_destination() {
    let server = Server::start(&[]);
    transform(&server, &traffic());
    let report = ask(&server, "?partitions=6").json();
    let [first, second] = &report["destinations"].as_array().expect("destinations")[..] else { panic!("{report}") };
    assert_eq!((&first["destinationId"], &first["destType"]), (&json!("d-1"), &json!("kafka")));
    assert_eq!((&first["workspaceId"], &first["sourceIds"]), (&json!("w-1"), &json!(["s-1"])));
    assert_eq!(first["events"], json!({ "total": 14, "recent": 14 }));
    assert_eq!(first["rejected"], json!({ "total": 1, "recent": 1 }));
    let rejection = &first["rejections"][0];
    assert_eq!((&rejection["reason"], &rejection["field"]), (&json!("message_not_an_object"), &json!("message")));
    assert!(rejection["latestAt"].as_u64() >= report["startedAt"].as_u64(), "{rejection}");
    assert_eq!(first["topics"], json!([{ "topic": "orders", "total": 13, "recent": 13 }]));
    assert_eq!(first["rules"], json!([{ "rule": "default", "total": 13, "recent": 13 }]));
    assert_eq!((&first["emptyKeys"]["total"], &first["keys"]["distinct"]), (&json!(1), &json!(4)));
    let hottest = &first["keys"]["hottest"][0];
    assert_eq!((&hottest["events"], &hottest["share"]), (&json!(10), &json!(0.7692)));
    assert_eq!(first["keys"]["skew"]["partition"], hottest["partition"]);
    assert!(hottest["partition"].as_u64().is_some_and(|partition| partition < 6), "{hottest}");
    assert_eq!((&second["destinationId"], &second["rules"][0]["rule"]), (&json!("d-2"), &json!("none")));
    assert_eq!(second["topics"], json!([]));
    assert_eq!(ask(&server, "?partitions=0").status, 400);
}

#[test]
fn destinations_endpoint_shows_partition_keys_only_with_show_keys() {
    for (flags, is_shown) in [(&[][..], false), (&["--show-keys"], true)] {
        let server = Server::start(flags);
        transform(&server, &traffic());
        let text = ask(&server, "").text().to_owned();
        assert_eq!(text.contains("hot-user"), is_shown, "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn destinations_above_the_maximum_number_share_one_entry_and_one_metric_label() {
    let server = Server::start(&["--destination-metrics=10"]);
    for request in 0..20 {
        let events: Vec<Value> =
            (0..50).map(|number| event(&format!("d-{request}-{number}"), "u", &json!({}))).collect();
        transform(&server, &events);
    }
    let report = ask(&server, "").json();
    let destinations = report["destinations"].as_array().expect("destinations");
    assert_eq!(destinations.len(), 300);
    let listed: u64 = destinations.iter().filter_map(|one| one["events"]["total"].as_u64()).sum();
    assert_eq!(listed + report["others"]["events"]["total"].as_u64().expect("a count"), 1_000);
    let scrape = server.scrape();
    let series = scrape.lines().filter(|line| line.starts_with("kafka_transformer_destination_events_total{"));
    assert_eq!(series.count(), 2 * 11, "ten destinations and `other`");
    assert_eq!(server.sum("kafka_transformer_destination_events_total", &["result=\"transformed\""]), 1_000.0);
}

#[test]
fn destinations_endpoint_and_command_require_the_operator_token() {
    let folder = Folder::new();
    let token = folder.write("token", "a-token-of-the-operator");
    let server = Server::start(&[&format!("--operator-token-file={token}")]);
    let on_service = || format!("http://{}/destinations", server.address);
    for url in [on_service(), format!("http://{}/destinations", server.metrics)] {
        assert_eq!(fetch(&url, "GET", &[], b"").status, 401);
        assert_eq!(fetch(&url, "GET", &[("Authorization", "Bearer wrong-token-of-somebody")], b"").status, 401);
        let right = [("Authorization", "Bearer a-token-of-the-operator")];
        assert_eq!(fetch(&url, "GET", &right, b"").status, 200);
        assert_eq!(fetch(&url, "POST", &right, b"").status, 405);
    }
    let shown = |more: &[&str]| run(&[&["destinations", &on_service()], more].concat(), &[]);
    let rejected = shown(&[]);
    assert_eq!(rejected.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&rejected.stderr).contains("operator token required"), "{rejected:?}");
    assert_eq!(shown(&["--token-file", &token]).status.code(), Some(0));
}

#[test]
fn if_page_is_off_only_the_metrics_port_serves_the_destinations_endpoint() {
    let server = Server::start(&["--page=off"]);
    assert_eq!((server.get("/destinations").status, ask(&server, "").status), (404, 200));
    assert_eq!(server.get("/live").status, 404);
}

#[test]
fn the_destinations_command_shows_the_counts() {
    let server = Server::start(&["--show-keys"]);
    transform(&server, &traffic());
    let url = format!("http://{}", server.metrics);
    let text = |arguments: &[&str]| {
        let output = run(arguments, &[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let all = text(&["destinations", &url]);
    for part in
        ["2 destinations", "d-1 ", "rejected message_not_an_object (message): 1 recent", "orders 13", "hot-user 76.9%"]
    {
        assert!(all.contains(part), "{part}: {all}");
    }
    let filtered = text(&["destinations", &url, "--filter", "D-2"]);
    assert!(filtered.contains("d-2") && !filtered.contains("d-1"), "{filtered}");
    let json: Value = serde_json::from_str(&text(&["destinations", &url, "--json", "--partitions=3"])).expect("JSON");
    assert_eq!(json["partitions"], 3);
    let unreachable = run(&["destinations", "http://127.0.0.1:1"], &[]);
    assert_eq!(unreachable.status.code(), Some(1), "{unreachable:?}");
    assert_eq!(run(&["destinations", "not-a-url"], &[]).status.code(), Some(2));
}

#[test]
fn long_ids_are_truncated_and_control_characters_in_ids_are_not_shown() {
    let server = Server::start(&["--show-keys"]);
    for id in ["x".repeat(1 << 20), "a\u{1b}[31m\nb".to_owned(), "<script>".to_owned()] {
        transform(&server, &[event(&id, &id, &json!({ "destination": { "Config": { "topic": &id } } }))]);
    }
    let text = ask(&server, "").text().to_owned();
    assert!(text.len() < 20_000 && !text.contains('\u{1b}') && !text.contains("\\u001b"), "{text:.2000}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let events = |one: &Value| one["events"]["total"].as_u64();
    let all: u64 = report["destinations"].as_array().expect("destinations").iter().filter_map(events).sum();
    assert_eq!(all, 3, "every event is counted: {text:.2000}");
    let ids: Vec<&Value> =
        report["destinations"].as_array().expect("some").iter().map(|one| &one["destinationId"]).collect();
    assert!(ids.iter().all(|id| id.is_null() || id.as_str().is_some_and(|id| id.len() <= 67)), "{ids:?}");
}

#[test]
fn slow_readers_of_the_destinations_endpoint_do_not_affect_requests() {
    let server = Server::start(&["--workers=1"]);
    for request in 0..30 {
        let topic =
            |number: usize| json!({ "destination": { "Config": { "topic": format!("{number}-{}", "t".repeat(90)) } } });
        let events: Vec<Value> = (0..10)
            .flat_map(|destination| (0..32).map(move |number| (destination, number)))
            .map(|(destination, number)| event(&format!("d-{request}-{destination}"), "u", &topic(number)))
            .collect();
        transform(&server, &events);
    }
    let whole = ask(&server, "").text().len();
    assert!(whole > 1_000_000, "{whole} bytes");
    let slow: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).expect("a connection");
            stream.write_all(b"GET /destinations HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request");
            stream
        })
        .collect();
    for _ in 0..20 {
        transform(&server, &traffic());
    }
    // Responses use the request memory budget, which is free again afterwards.
    drop(slow);
    let deadline = Instant::now() + Duration::from_secs(30);
    while server.sum("kafka_transformer_in_flight_bytes", &[]) > 0.0 {
        assert!(Instant::now() < deadline, "{}", server.scrape());
        std::thread::yield_now();
    }
}

/// Replaces numbers, hashes and generated IDs, which differ from run to run, with `#`.
fn comparable(text: &str) -> String {
    let is_part = |character: char| character.is_ascii_hexdigit() || character == '.';
    let words = text.split_inclusive(|character| !is_part(character));
    let word = |word: &str| {
        let number = word.trim_end_matches(|character| !is_part(character));
        let rest = &word[number.len()..];
        if number.contains(|character: char| character.is_ascii_digit()) { format!("#{rest}") } else { word.to_owned() }
    };
    words.map(word).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_troubleshooting_page_shows_the_actual_output_for_a_rejected_event() {
    let guide = fs::read_to_string(root().join("docs/guides/troubleshooting.md")).expect("the guide");
    let (_, steps) = guide.split_once("## Follow a rejected event").expect("the section");
    let steps: Vec<String> = steps.lines().map(comparable).collect();
    let assert_in_guide = |line: &str| {
        assert!(steps.contains(&comparable(line)), "the guide does not contain\n{line}\nas {}", comparable(line))
    };

    let service = Service::start(&[("LOG_FORMAT", "text")]);
    let event = |message: Value| {
        json!({
            "message": message,
            "metadata": { "jobId": 1, "destinationId": "2Mn5wZx1", "sourceId": "2Nq8sYv0", "workspaceId": "1Kp9tRq7" },
            "destination": { "ID": "2Mn5wZx1", "Config": { "topic": "orders" } },
        })
    };
    let body = json!([event(json!({ "userId": "u-42" })), event(json!("Order Completed"))]).to_string();
    for _ in 0..3 {
        assert_eq!(service.request("POST", "/v0/destinations/kafka", &[], body.as_bytes()).status, 200);
    }
    let url = format!("http://127.0.0.1:{}", service.port);
    let output = run(&["destinations", &url, "--filter", "message_not_an_object"], &[]);
    let request =
        br#"{"events": [{"message": "Order Completed", "metadata": {}}], "destination": {"topic": "orders"}}"#;
    let explained = service.request("POST", "/explain", &[], request).json();
    let log = service.stop();

    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), 6, "{text}");
    text.lines().for_each(assert_in_guide);
    assert!(guide.contains(std::str::from_utf8(request).expect("text")));
    let explained = &explained["events"][0];
    let shown = [&explained["outcome"], &explained["rejection"]["code"], &explained["rejection"]["text"]];
    assert_in_guide(&json!(shown).to_string());
    // The web page shows this text as a sentence. The guide quotes the sentence, with line breaks.
    let (guide, sentence) =
        (guide.split_whitespace().collect::<Vec<_>>().join(" "), shown[2].as_str().expect("a text"));
    assert!(guide.contains(&format!("Rejected: {sentence}.")), "{sentence}");

    let line = log.lines().find(|line| line.contains("events rejected")).unwrap_or_else(|| panic!("{log}"));
    assert_in_guide(line.split_once(" WARN ").map(|(_, rest)| format!("WARN {rest}")).expect("a level").as_str());
}
