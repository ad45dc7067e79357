//! The commands `transform`, `completions` and `man`: input formats, order, output, and errors for malformed input.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::server::Server;

/// A temporary folder for one test, empty at first.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools").join(test);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

/// The exit code and output of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

fn command(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rudder-kafka-transformer"));
    command.env_clear().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the binary with `input` as stdin.
pub fn run(arguments: &[impl AsRef<OsStr>], input: impl AsRef<[u8]>) -> Ran {
    let mut child = command(arguments).spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("the input");
    let input = input.as_ref().to_vec();
    // The process may exit before it has read all input.
    let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().expect("an exit");
    writer.join().expect("the input is written");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

pub const DESTINATION: &str =
    r#"{"topic":"events","enableMultiTopic":true,"eventToTopicMap":[{"from":"Paid","to":"money"}]}"#;

const MESSAGES: [&str; 3] = [
    r#"{"type":"track","event":"Paid","userId":"u-1","n":1.0}"#,
    r#"{"type":"page","anonymousId":"a-ü","s":"\ud800 [{\"} "}"#,
    r#"{"type":"track","event":"Other"}"#,
];

/// Returns the payloads of [`MESSAGES`] for [`DESTINATION`].
fn payloads() -> String {
    let mut lines = String::new();
    for (message, (key, topic)) in MESSAGES.iter().zip([("u-1", "money"), ("a-ü", "events"), ("", "events")]) {
        let _ = writeln!(lines, r#"{{"message":{message},"userId":"{key}","topic":"{topic}"}}"#);
    }
    lines
}

#[test]
fn transform_prints_the_same_payloads_for_every_input_format() {
    let folder = Folder::new("formats");
    let destination = folder.write("destination.json", DESTINATION);
    let [a, b, c] = MESSAGES;
    let event = |message: &str| format!(r#"{{"message":{message},"metadata":{{"destinationId":"d"}}}}"#);
    let own =
        |message: &str| format!(r#"{{"message":{message},"metadata":{{}},"destination":{{"Config":{DESTINATION}}}}}"#);
    let events = MESSAGES.map(event).join(",");
    let compacted =
        format!(r#"{{"input":[{events}],"destinations":{{"d":{{"Config":{DESTINATION}}}}},"connections":{{}}}}"#);
    let formats = [
        ("lines of messages", MESSAGES.join("\n")),
        ("lines of events", MESSAGES.map(event).join("\r\n\r\n") + "\n"),
        ("lines of events with destinations", MESSAGES.map(own).join("\n")),
        ("lines of all kinds", format!("{a}\n[{}]\n{}\n", event(b), own(c))),
        ("an array of messages", format!("[{}]", MESSAGES.join(","))),
        ("an array over lines", format!(" [\n{a}\n,\n\n{b},{c}\n]\n")),
        ("one array per line", format!("[{a},{b}]\n[{c}]\n")),
        ("objects over lines", format!("{{\n\"message\":{a},\n\"metadata\":{{}}}}\n{}{}", event(b), event(c))),
        ("a compacted object", compacted.clone()),
        ("a compacted object over lines", compacted.replace(r#","destinations""#, ",\n\n\"destinations\"")),
        ("a compacted object without the destination", compacted.replace(r#""d":{"#, r#""e":{"#)),
        ("an object with only input", format!(r#"{{"destType":"kafka","input":[{events}]}}"#)),
        (
            "a null destination",
            MESSAGES.map(|message| format!(r#"{{"message":{message},"metadata":{{}},"destination":null}}"#)).join("\n"),
        ),
        ("a byte order mark", format!("\u{feff}{}", MESSAGES.join("\n"))),
    ];
    let arguments = ["transform", "--payloads", "--destination", &destination];
    let expected = Ran { code: Some(0), out: payloads(), err: String::new() };
    for (what, text) in &formats {
        assert_eq!(run(&arguments, text), expected, "{what}");
        let file = folder.write("events", gzip(text.as_bytes()));
        assert_eq!(run(&[&arguments[..], &[&file]].concat(), ""), expected, "{what}, gzip");
    }
    let (first, second) = (folder.write("1.json", format!("[{a}]")), folder.write("2.ndjson", format!("{b}\n{c}")));
    assert_eq!(run(&[&arguments[..], &[&first, &second]].concat(), ""), expected, "two files");
    assert_eq!(run(&[&arguments[..], &[&first, "-"]].concat(), format!("{b}\n{c}")), expected, "a file and stdin");
    let full = folder.write("full.json", format!(r#"{{"ID":"x","Config":{DESTINATION}}}"#));
    let arguments = ["transform", "--payloads", "--destination", &full];
    assert_eq!(run(&arguments, MESSAGES.join("\n")), expected, "a whole destination");
}

#[test]
fn transform_prints_the_same_responses_as_the_service() {
    for (family, name) in [("kafka", "kafka_two"), ("azure_event_hub", "azure"), ("confluent_cloud", "confluent")] {
        let events: Vec<Value> = (0..50)
            .map(|index| {
                serde_json::json!({
                    "message": { "type": "track", "event": "Paid", "userId": index, "integrations": { "KAFKA": { "topic": "x" } } },
                    "metadata": { "jobId": index },
                    "destination": if index % 7 == 0 { Value::Null } else { serde_json::json!({ "Config": { "topic": name } }) },
                })
            })
            .collect();
        let body = Value::from(events.clone()).to_string();
        let url = format!("/v0/destinations/{family}");
        let response = Server::shared().post(&url, &[], body.as_bytes());
        let ran = run(&["transform", "--family", family], &body);
        assert_eq!((ran.code, ran.out.trim_end()), (Some(1), response.text()), "{family}");
        let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
        let ran = run(&["transform", "--family", family], lines.join("\n"));
        assert_eq!(format!("[{}]", ran.out.trim_end().replace('\n', ",")), response.text(), "{family}, lines");
        assert_eq!(ran.err.lines().next(), Some("stdin:1: rejected: the event has no destination"));
    }
}

#[test]
fn transform_output_order_does_not_depend_on_the_number_of_jobs() {
    let folder = Folder::new("order");
    let destination = folder.write("destination.json", DESTINATION);
    // Several batches whose events take different amounts of time.
    let padding = "x".repeat(700);
    let lines: Vec<String> = (0..6000)
        .map(|index| {
            format!(r#"{{"type":"track","event":"Paid","userId":"{index}","p":"{}"}}"#, &padding[..index % 700])
        })
        .collect();
    let (ndjson, array) =
        (folder.write("a.ndjson", lines.join("\n")), folder.write("a.json", format!("[{}]", lines.join(",\n"))));
    let mut outputs = Vec::new();
    for jobs in ["1", "2", "5"] {
        for file in [&ndjson, &array] {
            let ran = run(&["transform", "--payloads", "--jobs", jobs, "--destination", &destination, file], "");
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
            outputs.push(ran.out);
        }
    }
    let ids = |out: &str| -> Vec<usize> {
        let id = |line: &str| serde_json::from_str::<Value>(line).ok()?["userId"].as_str()?.parse().ok();
        out.lines().map(|line| id(line).expect("a payload")).collect()
    };
    assert_eq!(ids(&outputs[0]), (0..6000).collect::<Vec<_>>());
    assert!(outputs.iter().all(|output| output == &outputs[0]));
    let whole = run(&["transform", "--jobs", "5", "--destination", &destination, &array], "");
    let responses: Vec<Value> = serde_json::from_str(&whole.out).expect("one array");
    assert_eq!(responses.len(), 6000);
}

#[test]
fn transform_processes_a_line_before_the_next_line_arrives() {
    let mut child = command(&["transform"]).spawn().expect("the binary runs");
    let (mut stdin, stdout) = (child.stdin.take().expect("the input"), child.stdout.take().expect("the output"));
    let mut responses = BufReader::new(stdout).lines();
    for id in ["a", "b"] {
        writeln!(
            stdin,
            r#"{{"message":{{"userId":"{id}"}},"metadata":{{}},"destination":{{"Config":{{"topic":"t"}}}}}}"#
        )
        .expect("written");
        let response = responses.next().expect("a response").expect("text");
        assert!(response.contains(&format!(r#""userId":"{id}","topic":"t""#)), "{response}");
    }
    drop(stdin);
    assert!(child.wait().expect("an exit").success());
}

/// Returns the peak RSS in kB of a run, measured after it has written `bytes` bytes. Until then, the input stays open.
fn peak_of(arguments: &[&str], input: &str, times: usize, bytes: usize) -> u64 {
    let mut child = command(&[arguments, &["--jobs", "2"]].concat()).stderr(Stdio::null()).spawn().expect("a child");
    let (mut stdin, mut stdout) = (child.stdin.take().expect("the input"), child.stdout.take().expect("the output"));
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        let mut writer = std::io::BufWriter::new(&mut stdin);
        for _ in 0..times {
            writer.write_all(input.as_bytes()).expect("written");
        }
        writer.flush().expect("written");
        drop(writer);
        stdin
    });
    // The output is read to its end, even after `bytes` bytes.
    let (reached, enough) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let (mut seen, mut buffer) = (0, vec![0; 1 << 16]);
        loop {
            let read = stdout.read(&mut buffer).expect("the output");
            if seen < bytes && seen + read >= bytes {
                reached.send(()).expect("a receiver");
            }
            seen += read;
            if read == 0 {
                break;
            }
        }
    });
    if enough.recv_timeout(Duration::from_secs(120)).is_err() {
        child.kill().expect("a live process");
        panic!("{arguments:?}: less than {bytes} bytes of output within two minutes");
    }
    let stdin = writer.join().expect("all is written");
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a live process");
    drop(stdin);
    reader.join().expect("all is read");
    child.wait().expect("an exit");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    peak.and_then(|peak| peak.parse().ok()).expect("the peak")
}

const MAX_PEAK_KB: u64 = 40 << 10;

#[test]
fn memory_of_transform_does_not_grow_with_the_input() {
    let event = format!(
        "{{\"message\":{{\"userId\":\"u\",\"p\":\"{}\"}},\"metadata\":{{}},\"destination\":{{\"Config\":{{\"topic\":\"t\"}}}}}}\n",
        "x".repeat(4000)
    );
    let payload_bytes = r#"{"message":{"userId":"u","p":""},"userId":"u","topic":"t"}"#.len() + 4000 + 1;
    let peak = peak_of(&["transform", "--payloads"], &event, 15_000, payload_bytes * 15_000);
    assert!(peak < MAX_PEAK_KB, "{peak} kB for 60 MB");
}

#[test]
fn memory_of_transform_and_explain_does_not_grow_with_the_output() {
    let folder = Folder::new("output");
    let destination = folder.write("destination.json", format!("{{\"topic\":\"{}\"}}", "t".repeat(10_000)));
    let (tiny, filled) = ("1\n", "{\"type\":\"page\"}\n");
    for (arguments, line, times) in [
        // Every line becomes a response of a hundred bytes.
        (&["transform"][..], tiny, 150_000),
        (&["explain", "--format", "json"], tiny, 50_000),
        // Every line becomes a response that contains a topic name of 10 KB twice.
        (&["transform", "--destination", &destination], filled, 5_000),
        (&["explain", "--format", "json", "--destination", &destination], filled, 3_000),
    ] {
        // The output per line is computed from two runs, so that it excludes the summary at the end.
        let [few, more] = [20, 40].map(|lines| run(arguments, line.repeat(lines)).out.len());
        let each = (more - few) / 20;
        let peak = peak_of(arguments, line, times, each * times);
        assert!(peak < MAX_PEAK_KB, "{arguments:?}: {peak} kB for {times} times {line:?}");
    }
    // For each element of an array, the tool keeps an entry that needs more memory than the element itself.
    let each = run(&["transform"], tiny).out.len();
    let peak = peak_of(&["transform"], &format!("[{}1", "1,".repeat(150_000)), 1, each * 149_999);
    assert!(peak < MAX_PEAK_KB, "{peak} kB for an array");
}

#[test]
fn memory_of_transform_and_explain_does_not_grow_with_the_responses_to_one_line() {
    // A line with an array or a compacted object, whose responses are far larger than the line.
    let array = format!("{{}}\n[{}1]\n", "1,".repeat(150_000));
    let events = vec![r#"{"message":{},"metadata":{"destinationId":"d"}}"#; 300].join(",");
    let topic = "t".repeat(200_000);
    let compacted = format!(
        "{{}}\n{{\"input\":[{events}],\"destinations\":{{\"d\":{{\"Config\":{{\"topic\":\"{topic}\"}}}}}},\"connections\":{{}}}}\n"
    );
    for (line, bytes) in [(&array, 240 * 150_000), (&compacted, 2 * 300 * topic.len())] {
        for arguments in [&["transform"][..], &["explain", "--format", "json"]] {
            let peak = peak_of(arguments, line, 1, bytes);
            assert!(peak < MAX_PEAK_KB, "{arguments:?}: {peak} kB for {bytes} bytes");
        }
    }
    // The object does not contain the destinations that its events refer to, so each event gets a copy of the filled-in
    // destination. Together, the copies would be 250 MB.
    let folder = Folder::new("filled");
    let destination = folder.write("destination.json", format!("{{\"topic\":\"{}\"}}", "t".repeat(100_000)));
    let events: Vec<String> =
        (0..2500).map(|id| format!("{{\"message\":{{}},\"metadata\":{{\"destinationId\":\"{id}\"}}}}")).collect();
    let filled = format!("{{}}\n{{\"input\":[{}],\"destinations\":{{}}}}\n", events.join(","));
    let peak = peak_of(&["transform", "--payloads", "--destination", &destination], &filled, 1, 2500 * 100_000);
    assert!(peak < MAX_PEAK_KB, "{peak} kB with filled-in destinations");
}

#[test]
fn transform_prints_one_array_for_a_line_that_is_split_into_requests() {
    let folder = Folder::new("slices");
    let destination = folder.write("destination.json", DESTINATION);
    let event = |number: usize| {
        let id = if number.is_multiple_of(3) { "known" } else { "new" };
        format!(r#"{{"message":{{"n":{number}}},"metadata":{{"destinationId":"{id}-{}"}}}}"#, number % 2)
    };
    let events = (0..2500).map(event).collect::<Vec<_>>().join(",");
    let known = r#""known-0":{"Config":{"topic":"a"}}"#;
    for destinations in [String::new(), known.to_owned(), format!("{known},\"known-1\":null")] {
        let compacted =
            format!("{{\"input\":[{events}],\"destinations\":{{ {destinations} }},\"connections\":{{}}}}\n");
        let ran = run(&["transform", "--destination", &destination], format!("{compacted}{compacted}"));
        assert_eq!((ran.code, ran.err.as_str(), ran.out.lines().count()), (Some(0), "", 2));
        for line in ran.out.lines() {
            let responses: Vec<Value> = serde_json::from_str(line).expect("an array");
            assert_eq!(responses.len(), 2500);
            for (number, response) in responses.iter().enumerate() {
                let is_known = number.is_multiple_of(6) && !destinations.is_empty();
                assert_eq!(response["output"]["topic"], if is_known { "a" } else { "events" }, "{number}: {response}");
                assert_eq!(response["output"]["message"]["n"], number, "{response}");
            }
        }
    }
    // A rejected event is reported by its number in the line, regardless of the request that contained it.
    let input = format!("{{}}\n[{}1]\n", "{\"message\":{}},".repeat(2500));
    let ran = run(&["transform", "--destination", &destination], input);
    assert!(ran.out.lines().nth(1).is_some_and(|line| line.ends_with("]")), "{:.200}", ran.out);
    assert!(ran.err.contains("event_not_an_object 1, metadata_missing 2500"), "{}", ran.err);
    let ran = run(&["transform"], format!("{{}}\n[{}1]\n", format!("{},", FULL_EVENT).repeat(2500)));
    assert!(ran.err.contains("stdin:2: event 2501: rejected: the event is not a JSON object"), "{}", ran.err);
}

const FULL_EVENT: &str = r#"{"message":{},"metadata":{},"destination":{"Config":{"topic":"t"}}}"#;

#[test]
fn kcat_output_has_one_key_and_message_per_line() {
    let folder = Folder::new("kcat");
    let destination = folder.write("destination.json", DESTINATION);
    let arguments = ["transform", "--destination", &destination, "--format", "kcat", "--only-topic", "money"];
    let input = r#"[
        {"event":"Paid","type":"track","userId":"a b",
            "s":"x\t\n y"},
        {"event":"Else","type":"track","userId":"c"},
        {"event":"Paid","type":"track"},
        {"event":"Paid","type":"track","userId":"d\te"},
        {"event":"Paid","type":"track","userId":"d\ne"},
        {"event":"Paid","type":"track","userId":"d\u0000e"},
        {"event":"Paid","type":"track","userId":"\ud800"}
    ]"#;
    let ran = run(&arguments, input);
    assert_eq!(
        ran.out,
        "a b\t{\"event\":\"Paid\",\"type\":\"track\",\"userId\":\"a b\",\"s\":\"x\\t\\n y\"}\n\
         \t{\"event\":\"Paid\",\"type\":\"track\"}\n\
         \u{fffd}\t{\"event\":\"Paid\",\"type\":\"track\",\"userId\":\"\\ud800\"}\n"
    );
    let skipped: Vec<&str> = ran.err.lines().collect();
    assert_eq!((ran.code, skipped.len()), (Some(1), 3), "{}", ran.err);
    for (line, number) in skipped.iter().zip(6..) {
        assert!(line.starts_with(&format!("stdin:{number}:9: skipped: the event's key contains a tab")), "{line}");
    }
    for (arguments, word) in [
        (&["--format=kcat"][..], "--only-topic"),
        (&["--only-topic=x"], "--format"),
        (&["--payloads", "--format=json"], "--payloads"),
        (&["--jobs=0"], "--jobs"),
        (&["--jobs=18446744073709551615"], "--jobs"),
    ] {
        let ran = run(&[&["transform"], arguments].concat(), "");
        assert_eq!(ran.code, Some(2), "{arguments:?}");
        assert!(ran.err.contains(word), "{}", ran.err);
    }
    let ran =
        run(&["transform", "--destination", &destination, "--payloads", "--only-topic", "events"], MESSAGES.join("\n"));
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.out);
}

#[test]
fn a_malformed_line_in_the_input_of_transform_affects_no_other_line() {
    let folder = Folder::new("lines");
    let destination = folder.write("destination.json", DESTINATION);
    let [a, b, c] = MESSAGES;
    let arguments = ["transform", "--payloads", "--destination", &destination];
    let ran = run(&arguments, format!("{a}\n{{\"userId\":\"s3cret\",}}\n{b}\nnull\n\u{0}\u{1}\n{c}"));
    assert_eq!((ran.code, &ran.out), (Some(1), &payloads()));
    let printed: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        printed,
        [
            "stdin:2:20: not JSON: key must be a string",
            "stdin:4: rejected: the event is not a JSON object",
            "stdin:5:1: not JSON: expected value",
        ]
    );
    // Invalid UTF-8 becomes U+FFFD, as in a request.
    let ran = run(&arguments, b"{\"userId\":\"a\xffb\"}\n");
    assert_eq!(ran.out, "{\"message\":{\"userId\":\"a\u{fffd}b\"},\"userId\":\"a\u{fffd}b\",\"topic\":\"events\"}\n");
    // A truncated first line is also skipped if the second line is complete. With --lines, any malformed line is
    // skipped.
    let ran = run(&arguments, format!("rId\":1}}\n{a}\n{b}\n{c}\n"));
    assert_eq!((ran.code, &ran.out), (Some(1), &payloads()), "{}", ran.err);
    let ran = run(&[&arguments[..], &["--lines"]].concat(), format!("x\n[\n{a}\n{b}\n{c}\n"));
    assert_eq!((ran.code, &ran.out), (Some(1), &payloads()), "{}", ran.err);
}

#[test]
fn transform_summarizes_many_rejections_without_event_contents() {
    let mut lines = String::new();
    for index in 0..3000 {
        let _ = writeln!(lines, r#"{{"message":{{"email":"s3cret-{index}"}},"metadata":{{}}}}"#);
    }
    lines.push_str("{\"type\":\"s3cret\"}\n[1,{\"s3cret\":\"s3cret\"}]\n");
    let ran = run(&["transform", "--payloads"], lines);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    let printed: Vec<&str> = ran.err.lines().collect();
    assert_eq!(printed.len(), 12, "{}", ran.err);
    assert_eq!(printed[9], "stdin:10: rejected: the event has no destination");
    assert_eq!(
        printed[10],
        "and 2993 more; in total: destination_missing 3000, event_not_an_object 1, metadata_missing 2"
    );
    assert!(printed[11].starts_with("note: 2 events have no message, metadata or destination"), "{}", printed[11]);
    assert!(!ran.err.contains("s3cret"), "{}", ran.err);
}

#[test]
fn transform_reports_unusable_input_in_one_error_line() {
    let folder = Folder::new("unusable");
    let mut numbers = 1_u64;
    let garbage: Vec<u8> = std::iter::repeat_with(|| {
        numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (numbers >> 56) as u8
    })
    .take(100_000)
    .collect();
    let cut = gzip(MESSAGES.join("\n").repeat(1000).as_bytes());
    let lines = " (use --lines to skip lines that are not JSON)";
    for (name, bytes, printed) in [
        ("garbage", [b"\x7fELF".to_vec(), garbage].concat(), format!(":1:1: not JSON: expected value{lines}")),
        ("large", vec![b'x'; 1 << 20], format!(":1:1: not JSON: expected value{lines}")),
        (
            "large_open",
            [b"{\"a\":\"".to_vec(), vec![b'x'; 1 << 20]].concat(),
            format!(":1:1048582: not JSON: EOF while parsing a string{lines}"),
        ),
        ("csv", b"user,event\n1,2\n".to_vec(), format!(":1:1: not JSON: expected value{lines}")),
        ("single", b"{\"a\":1,}\n".to_vec(), format!(":1:8: not JSON: key must be a string{lines}")),
        ("trailing", b"{\"a\":1}}".to_vec(), format!(":1:8: not JSON: trailing characters{lines}")),
        ("open", b"[\n {\"a\":1},".to_vec(), ":2:10: not JSON: unexpected end of input within a value".to_owned()),
        ("comma", b"[\n {\"metadata\":1},\n]".to_vec(), ":3:1: not JSON: expected a value".to_owned()),
        ("element", b"[\n\n  {\"a\":\n nil}]".to_vec(), ":4:3: not JSON: expected ident".to_owned()),
        ("object", b"{\n\"a\":1,\n\"b\":tru}".to_vec(), format!(":3:8: not JSON: expected ident{lines}")),
        ("cut.gz", cut[..cut.len() / 2].to_vec(), ": the gzip data is damaged or truncated".to_owned()),
        (
            "bad.gz",
            [b"\x1f\x8b".to_vec(), vec![7; 1000]].concat(),
            ": the gzip data is damaged or truncated".to_owned(),
        ),
    ] {
        let file = folder.write(name, bytes);
        let ran = run(&["transform", "--payloads", &file], "");
        let last = ran.err.lines().last().unwrap_or_default();
        assert_eq!((ran.code, last), (Some(2), format!("error: {file}{printed}").as_str()), "{name}");
        let others = ran.err.lines().count() - 1;
        assert!(others <= usize::from(matches!(name, "open" | "comma" | "cut.gz")) * 12, "{name}: {}", ran.err);
    }
    for (path, printed) in
        [(folder.path().join("nowhere"), "no such file"), (folder.path().to_owned(), "it is a directory, not a file")]
    {
        let path = path.display().to_string();
        let good = folder.write("good", MESSAGES[0]);
        // The error is printed before any output.
        let ran = run(&["transform", &good, &path], "");
        assert_eq!(ran, Ran { code: Some(2), out: String::new(), err: format!("error: {path}: {printed}\n") });
        let ran = run(&["transform", &good, "--destination", &path], "");
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
        assert!(ran.err.starts_with(&format!("error: {path}: ")), "{}", ran.err);
    }
    for (input, out) in [("", ""), (" \n\n", ""), ("\u{feff}", "")] {
        let ran = run(&["transform"], input);
        let err = "note: stdin: no events found\n".to_owned();
        assert_eq!(ran, Ran { code: Some(0), out: out.to_owned(), err }, "{input:?}");
    }
    let ran = run(&["transform", "--lines"], "x\ny\n");
    assert_eq!((ran.code, ran.err.lines().last()), (Some(2), Some("error: stdin: no line is JSON")));
}

#[test]
fn transform_reports_an_invalid_destination_file_on_one_line() {
    let folder = Folder::new("destination");
    for (text, printed) in [
        ("", ": it is empty"),
        ("[]", ": the array is empty: there is no destination in it"),
        ("{\"Config\":7}", ": the Config of the destination without name or ID is not a JSON object"),
        ("{\"sources\":[]}", ": it has no Kafka, Azure Event Hubs or Confluent Cloud destination"),
        ("{\n\"topic\":\"s3cret\",}", ": it is not JSON: key must be a string at line 2 column 18"),
    ] {
        let file = folder.write("destination.json", text);
        let ran = run(&["transform", "--destination", &file], "{}");
        assert_eq!(ran, Ran { code: Some(2), out: String::new(), err: format!("error: {file}{printed}\n") });
    }
}

#[test]
fn transform_output_is_not_valid_json_if_the_input_array_is_malformed() {
    let ran = run(&["transform"], "[\n{\"metadata\":{}},\n{\"metadata\":{}}\nx]");
    assert_eq!(ran.code, Some(2));
    assert!(ran.out.starts_with("[{\"metadata\":{},\"statusCode\":400") && ran.out.ends_with("}\n"), "{}", ran.out);
    assert!(serde_json::from_str::<Value>(&ran.out).is_err());
    assert_eq!(run(&["transform"], "[]").out, "[]\n");
}

#[test]
fn transform_reads_lines_of_several_megabytes() {
    let folder = Folder::new("megabyte");
    let destination = folder.write("destination.json", DESTINATION);
    let large = format!(r#"{{"userId":"{}","type":"page"}}"#, "k".repeat(3 << 20));
    let ran = run(
        &["transform", "--payloads", "--batch-bytes=10000000", "--destination", &destination],
        format!("{large}\n{}\n{large}", MESSAGES[0]),
    );
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let lengths: Vec<usize> = ran.out.lines().map(str::len).collect();
    assert_eq!((lengths.len(), lengths[0], lengths[2]), (3, lengths[2], 2 * (3 << 20) + 68));
}

#[test]
fn transform_rejects_only_the_event_whose_templates_exceed_a_limit() {
    let folder = Folder::new("work");
    // A template does not remove an empty value from the event, so every template finds the same value. Because of the
    // field name with a dot, each template is looked up separately.
    let many: Vec<String> = (0..900).map(|index| format!("\"t{index}\":\"{{{{ event.a || x }}}}\"")).collect();
    let destination = folder.write("destination.json", format!("{{\"topic\":\"t\",{}}}", many.join(",")));
    let expensive = format!("{{\"type\":\"page\",\"a.b\":1,\"a\":[{}[]]}}", "[],".repeat(30_000));
    let ran = run(
        &["transform", "--payloads", "--destination", &destination],
        format!("{}\n{expensive}\n{}\n", MESSAGES[0], MESSAGES[2]),
    );
    assert_eq!((ran.code, ran.out.lines().count()), (Some(1), 2), "{}", ran.err);
    assert!(ran.err.starts_with("stdin:2: rejected: the templates exceed a limit"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
}

#[test]
fn tools_print_no_error_if_stdout_is_closed_before_the_input_ends() {
    for arguments in
        [&["transform", "--lines"][..], &["explain", "--all"], &["explain", "--format=json"], &["completions", "zsh"]]
    {
        let mut child = command(arguments).spawn().expect("the binary runs");
        let mut stdin = child.stdin.take().expect("the input");
        drop(child.stdout.take());
        let event = format!("{{\"message\":{{\"p\":\"{}\"}}}}\n", "x".repeat(10_000)).repeat(500);
        // The process stops reading when a write fails, or earlier.
        while stdin.write_all(event.as_bytes()).is_ok() {}
        let output = child.wait_with_output().expect("an exit");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!printed.contains("panic") && !printed.contains("error"), "{arguments:?}: {printed}");
    }
}

#[test]
fn explain_prints_no_colors_and_no_progress_bar_without_a_terminal() {
    let ran = run(&["explain"], r#"{"message":{},"metadata":{},"destination":{"Config":{"topic":"t"}}}"#);
    assert_eq!(ran.code, Some(0));
    assert!(!ran.out.contains('\u{1b}') && ran.err.is_empty(), "{ran:?}");
}

#[test]
fn the_help_examples_of_the_commands_transform_explain_and_completions_work() {
    let folder = Folder::new("examples");
    let program = env!("CARGO_BIN_EXE_rudder-kafka-transformer");
    folder.write("destination.json", DESTINATION);
    folder.write("events.json", r#"[{"message":{},"metadata":{},"destination":{"Config":{"topic":"t"}}}]"#);
    folder.write("events.ndjson", MESSAGES.join("\n"));
    folder.write("events.ndjson.gz", gzip(MESSAGES.join("\n").as_bytes()));
    fs::create_dir_all(folder.path().join(".zfunc")).expect("a folder");
    fs::create_dir_all(folder.path().join(".config/fish/completions")).expect("a folder");
    let mut ran = 0;
    for tool in ["transform", "explain", "completions"] {
        let help = run(&[tool, "--help"], "");
        assert_eq!(help.code, Some(0));
        let (_, examples) = help.out.split_once("Examples:\n").expect("examples");
        let (examples, _) = examples.split_once("\n\n").unwrap_or((examples, ""));
        for example in examples.replace("\\\n", "").lines() {
            let line =
                example.replace("rudder-kafka-transformer ", &format!("{program} ")).replace("kcat -P", "cat >sent #");
            let output = Command::new("bash")
                .args(["-euc", &format!("set -o pipefail; {line}")])
                .current_dir(folder.path())
                .env("HOME", folder.path())
                .output()
                .expect("bash runs");
            assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
            ran += 1;
        }
    }
    assert_eq!(ran, 9);
    assert_eq!(fs::read_to_string(folder.path().join("sent")).expect("the input of kcat"), "");
    assert!(folder.path().join(".zfunc/_rudder-kafka-transformer").exists());
}

#[test]
fn completions_are_generated_for_each_shell() {
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef"),
        ("fish", "complete -c"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let ran = run(&["completions", shell], "");
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{shell}");
        for word in [word, "transform", "explain", "payloads", "completions"] {
            assert!(ran.out.contains(word), "{shell}: {word}");
        }
        if shell == "bash" {
            let mut bash = Command::new("bash").args(["-n", "-"]).stdin(Stdio::piped()).spawn().expect("bash runs");
            bash.stdin.take().expect("the input").write_all(ran.out.as_bytes()).expect("written");
            assert!(bash.wait().expect("an exit").success());
        }
    }
    assert_eq!(run(&["completions", "tcsh"], "").code, Some(2));
}

#[test]
fn every_command_has_a_man_page() {
    let page = run(&["man"], "");
    assert_eq!((page.code, page.err.as_str()), (Some(0), ""));
    assert!(page.out.contains(".TH rudder-kafka-transformer 1") && page.out.contains("UPSTREAM_TRANSFORMER_URL"));

    let folder = Folder::new("man");
    let target = folder.path().join("share/man1");
    let written = run(&["man", target.to_str().expect("a path")], "");
    assert_eq!((written.code, written.out.as_str(), written.err.as_str()), (Some(0), "", ""));
    assert_eq!(fs::read_to_string(target.join("rudder-kafka-transformer.1")).expect("a page"), page.out);
    for command in ["serve", "health", "verify", "check", "transform", "explain", "completions", "man", "openapi"] {
        let page = fs::read_to_string(target.join(format!("rudder-kafka-transformer-{command}.1"))).expect(command);
        assert!(
            page.contains(".SH SYNOPSIS") && page.contains(&format!("rudder\\-kafka\\-transformer {command}")),
            "{page}"
        );
    }

    let failed = run(&["man", "/dev/null/man"], "");
    assert_eq!((failed.code, failed.err.lines().count()), (Some(2), 1), "{}", failed.err);
    assert!(failed.err.starts_with("error: cannot write man pages to /dev/null/man: "), "{}", failed.err);
}
