//! The `verify` command: the cases that it finds, its comparison and reports, and errors for malformed input.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Value, json};

use crate::cli::{binary, run};
use crate::golden::shared_golden;
use crate::server::Server;
use crate::upstream::{FakeUpstream, json as json_response};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test-fixtures")
}

/// Creates an empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verify").join(name);
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn write(folder: &Path, name: &str, contents: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, contents).expect("written");
    path.to_str().expect("a path").to_owned()
}

fn verify(arguments: &[&str]) -> Output {
    run(&[&["verify"], arguments].concat(), &[])
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Runs `verify`, checks its exit code and returns its stdout.
#[track_caller]
fn printed(arguments: &[&str], code: i32) -> String {
    let output = verify(arguments);
    let printed = stdout(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{printed}\n{}", stderr(&output));
    assert_eq!(stderr(&output), "", "{arguments:?}");
    printed
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

/// Formats a recorded case as a line of JSON.
fn recorded(name: &str, body: &str, response: &Value) -> String {
    let case = json!({
        "name": name, "method": "POST", "path": "/v0/destinations/kafka", "headers": {}, "rawBody": body, "response": response
    });
    format!("{case}\n")
}

const EVENT: &str =
    r#"[{"message":{"userId":"u"},"metadata":{"jobId":1,"rudderId":"r"},"destination":{"Config":{"topic":"orders"}}}]"#;

fn event_response(topic: &str) -> Value {
    let metadata = json!({ "jobId": 1, "rudderId": format!("r<<>>{topic}") });
    let output = json!({ "message": { "userId": "u" }, "userId": "u", "topic": topic });
    json!({ "status": 200, "apiVersion": "2", "body": [{ "output": output, "metadata": metadata, "statusCode": 200 }] })
}

#[test]
fn verify_passes_all_fixtures_whatever_the_settings_in_the_environment() {
    let environment =
        [("UPSTREAM_TRANSFORMER_URL", "http://127.0.0.1:1"), ("NATIVE_DESTINATIONS", "none"), ("PORT", "1")];
    let folder = fixtures();
    let output = run(&["verify", folder.to_str().expect("a path")], &environment);
    let printed = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for (file, least) in [("processor", 150), ("batch", 15), ("service", 7), ("recorded/recorded.ndjson.gz", 590)] {
        let line = printed
            .lines()
            .find(|line| line.contains(&format!("test-fixtures/{file} ")))
            .unwrap_or_else(|| panic!("{printed}"));
        let cases: usize = line.split_whitespace().nth(2).and_then(|number| number.parse().ok()).expect(line);
        assert!(line.starts_with("ok ") && cases >= least, "{line}");
    }
    let sum = printed.lines().last().expect("a sum");
    // Only cases that were recorded from rudder-transformer may have intended differences.
    assert!(sum.contains(" as expected, 249 with intended differences;") && !sum.contains("unreadable"), "{sum}");
    assert!(sum.contains("built-in transformer"), "{sum}");
}

#[test]
fn verify_against_a_url_sends_all_fixtures_to_the_transformer_there() {
    // For unknown destination types, the cases expect the response of rudder-transformer, which is 404.
    let server = Server::start(&["--unserved=reject"]);
    let before = server.sum("transformer_http_request_duration_count", &[]);
    let printed = printed(&[fixtures().to_str().expect("a path"), "--against", &format!("{}/", url(&server))], 0);
    assert!(
        printed.lines().last().is_some_and(
            |sum| sum.contains(&url(&server)) && sum.contains(" as expected, 249 with intended differences;")
        ),
        "{printed}"
    );
    assert!(server.sum("transformer_http_request_duration_count", &[]) - before >= 700.0);
}

#[test]
fn verify_shows_the_path_and_both_values_of_each_difference() {
    let folder = folder("difference");
    let original = fs::read_to_string(fixtures().join("processor/topic_event_name.json")).expect("a case");
    let broken = original.replace(r#""topic": "orders""#, r#""topic": "ordars""#).replace(r#""userId": "u1","#, "");
    assert_ne!(original, broken);
    write(&folder, "cases/broken.json", broken);
    write(&folder, "cases/whole.json", &original);
    let cases = folder.join("cases");
    let path = cases.to_str().expect("a path");
    let text = printed(&[path], 1);
    for line in [
        format!("differs  {path}/broken.json:1  broken: track is routed by the event's name"),
        "  /0/output/topic".to_owned(),
        "    expected  \"ordars\"".to_owned(),
        "    got       \"orders\"".to_owned(),
        format!("FAIL  {path}  2 cases, 1 different"),
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert!(
        text.lines()
            .last()
            .is_some_and(|sum| sum.starts_with("2 cases: 1 as expected, 1 different (built-in transformer")),
        "{text}"
    );
    let quiet = printed(&[path, "--quiet"], 1);
    assert!(quiet.contains("differs") && !quiet.contains("FAIL"), "{quiet}");
    let verbose = printed(&[path, "--verbose", "--filter", "WHOLE"], 0);
    assert!(verbose.starts_with("same ") && verbose.contains("1 case: 1 as expected"), "{verbose}");

    let document: Value = serde_json::from_str(&printed(&[path, "--format", "json"], 1)).expect("JSON");
    assert_eq!(document["summary"]["different"], 1);
    let different = &document["different"][0];
    assert_eq!((&different["name"], &different["line"]), (&json!("broken"), &json!(1)));
    let topic = json!({ "path": "/0/output/topic", "expected": "\"ordars\"", "got": "\"orders\"" });
    assert!(different["findings"].as_array().is_some_and(|findings| findings.contains(&topic)), "{document:#}");
    assert_eq!(document["files"][0]["cases"], 2);
}

#[test]
fn verify_writes_a_junit_report_with_the_result_of_each_case() {
    let folder = folder("junit");
    let lines = recorded("fine & <well>", EVENT, &event_response("orders"))
        + &recorded("a \u{1} \"topic\"", EVENT, &event_response("other"))
        + "{\"path\":1,\"response\":{}}\n"
        + &recorded(
            "no events",
            "[]",
            &json!({ "status": 500, "apiVersion": null, "rawBody": "Internal Server Error" }),
        );
    let cases = write(&folder, "cases.ndjson", lines);
    let xml = folder.join("verify.xml");
    printed(&[&cases, "--junit", xml.to_str().expect("a path")], 1);
    let text = fs::read_to_string(&xml).expect("the file");
    let mut reader = Reader::from_str(&text);
    let mut elements: Vec<(String, Vec<(String, String)>)> = Vec::new();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}\n{text}")) {
            Event::Eof => break,
            Event::Start(start) | Event::Empty(start) => {
                let attributes = start.attributes().map(|attribute| {
                    let attribute = attribute.expect("an attribute");
                    let value = std::str::from_utf8(&attribute.value).expect("text").to_owned();
                    (String::from_utf8_lossy(attribute.key.as_ref()).into_owned(), value)
                });
                elements.push((String::from_utf8_lossy(start.name().as_ref()).into_owned(), attributes.collect()));
            }
            _ => {}
        }
    }
    let named = |name: &str| {
        elements.iter().filter(|(other, _)| other == name).map(|(_, attributes)| attributes).collect::<Vec<_>>()
    };
    let value = |attributes: &[(String, String)], name: &str| {
        attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    for suite in [named("testsuites")[0], named("testsuite")[0]] {
        let counts = ["tests", "failures", "errors", "skipped"].map(|name| value(suite, name));
        assert_eq!(counts, ["4", "1", "1", "0"], "{text}");
    }
    assert_eq!(value(named("testsuite")[0], "name"), cases);
    let names: Vec<String> = named("testcase").iter().map(|case| value(case, "name")).collect();
    assert!(names[0].contains("fine &amp; &lt;well&gt;") && names[1].contains("&quot;topic&quot;"), "{names:?}");
    assert!(value(named("failure")[0], "message").starts_with("/0/output/topic: expected &quot;other&quot;"), "{text}");
    assert_eq!(value(named("error")[0], "message"), "path must be a string, not a number");
    assert!(
        text.contains("<system-out>intended difference: /: an empty array (`[]`) as the body</system-out>"),
        "{text}"
    );
}

#[test]
fn verify_lists_intended_differences_and_exits_with_0() {
    let folder = folder("intended");
    let failed = json!({ "status": 500, "apiVersion": null, "rawBody": "Internal Server Error" });
    let cases = write(
        &folder,
        "cases.ndjson",
        recorded("none", "[]", &failed)
            + &recorded("half", &EVENT.replace("}}}]", "}}},null]"), &failed)
            + &recorded("same", EVENT, &event_response("orders")),
    );
    let text = printed(&[&cases], 0);
    assert_eq!(text.lines().filter(|line| line.starts_with("intended  ")).count(), 2, "{text}");
    assert!(text.contains(&format!("{cases}:1  none  /: an empty array (`[]`)")), "{text}");
    assert!(text.contains(&format!("{cases}:2  half  /: an event that is not an object")), "{text}");
    assert!(text.contains("3 cases: 1 as expected, 2 with intended differences ("), "{text}");
    // With --against rudder-transformer, a case of this repository may also have intended differences.
    let reference = FakeUpstream::responding(json_response("500 Internal Server Error", r#"{"error":"x"}"#));
    let against = format!("http://{}", reference.address);
    let own_case = fixtures().join("processor/empty_array.json");
    let own_case = own_case.to_str().expect("a path");
    assert!(printed(&[own_case, "--against", &against], 0).contains("1 with intended differences"));
    let other = fixtures().join("processor/topic_event_name.json");
    let text = printed(&[other.to_str().expect("a path"), "--against", &against], 1);
    assert!(text.contains("expected  200") && text.contains("got       500"), "{text}");
    assert_eq!(reference.next().header("content-type").as_deref(), Some("application/json"));
}

#[test]
fn verify_record_writes_a_reproducible_file_that_passes_verify() {
    let folder = folder("record");
    let (server, path) = (Server::shared(), fixtures());
    let url = url(server);
    let path = path.to_str().expect("a path");
    for name in ["golden.ndjson", "golden.ndjson.gz"] {
        let golden = folder.join(name);
        let golden = golden.to_str().expect("a path");
        let text = printed(&["--record", &url, path, "--output", golden], 0);
        let count: usize = text.split(' ').next().and_then(|number| number.parse().ok()).expect(&text);
        assert!(count >= 776 && text.ends_with(&format!(" responses recorded in {golden}\n")), "{text}");
        let first = fs::read(golden).expect("the file");
        assert_eq!(first.starts_with(&[0x1f, 0x8b]), name.ends_with(".gz"));
        printed(&["--record", &url, path, "--output", golden], 0);
        assert!(fs::read(golden).expect("the file") == first, "{name} differs from one recording to the next");
        let verified = printed(&[golden], 0);
        assert!(verified.contains(&format!("{count} cases: {count} as expected")), "{verified}");
    }
    // The first transformer does not return JSON, and the second is unreachable.
    let html = FakeUpstream::responding(&b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot Found"[..]);
    let golden = folder.join("html.ndjson");
    let golden = golden.to_str().expect("a path");
    let cases = write(&folder, "case.ndjson", recorded("one", EVENT, &event_response("orders")) + "garbage\n");
    let output =
        verify(&["--record", &format!("http://{}", html.address), &cases, "--output", golden, "--format=json"]);
    assert_eq!(output.status.code(), Some(1), "the malformed line is left out");
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    let summary: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!((&summary["recorded"], &summary["leftOut"]), (&json!(1), &json!(1)));
    let line: Value = serde_json::from_str(&fs::read_to_string(golden).expect("the file")).expect("a line");
    assert_eq!(line["response"], json!({ "status": 404, "apiVersion": null, "rawBody": "Not Found" }));
    let before = fs::read(golden).expect("the file");
    let output = verify(&["--record", "http://127.0.0.1:1", &cases, "--output", golden]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
    assert_eq!(stderr(&output), "error: --record: connection refused\n");
    assert_eq!(fs::read(golden).expect("the file"), before, "the existing file is unchanged");
    let left: Vec<_> =
        fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    assert!(left.iter().all(|path| path.extension() != Some("partial".as_ref())), "{left:?}");
}

/// Formats a value as TypeScript.
fn typescript(value: &Value, out: &mut String) {
    let quoted = |text: &str| {
        let escaped = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r");
        format!("'{escaped}'")
    };
    match value {
        Value::Object(members) => {
            out.push_str("{ // an object }\n");
            for (name, value) in members {
                let is_plain = !name.is_empty() && name.chars().all(|character| character.is_ascii_alphabetic());
                out.push_str(&if is_plain { name.clone() } else { quoted(name) });
                out.push_str(": ");
                typescript(value, out);
                out.push_str(",\n");
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push_str("[ /* [ */");
            for value in values {
                typescript(value, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::String(text) => out.push_str(&quoted(text)),
        other => out.push_str(&other.to_string()),
    }
}

#[test]
fn verify_finds_the_cases_in_a_checkout_of_rudder_transformer() {
    let folder = folder("checkout");
    let destinations = "test/integrations/destinations";
    let copy = |from: &str, to: &str| {
        write(
            &folder,
            &format!("{destinations}/{to}"),
            fs::read(fixtures().join("typescript").join(from)).expect("a fixture"),
        );
    };
    for path in ["kafka/processor/data.ts", "kafka/batch/data.ts", "confluent_cloud/processor/data.js", "common.ts"] {
        copy(path, path);
    }
    // Unsupported destinations, and files without processor or router cases, are ignored.
    write(&folder, &format!("{destinations}/hs/processor/data.ts"), "export const data = f(");
    write(&folder, &format!("{destinations}/kafka/dataDelivery/data.ts"), "export const data = f(");
    write(&folder, "node_modules/x/package.json", "{");
    let all = folder.to_str().expect("a path").to_owned();
    let of_all = format!("{all}/{destinations}");
    let (of_one, file) = (format!("{of_all}/kafka"), format!("{of_all}/kafka/processor/data.ts"));
    for (path, files, cases) in [(&all, 3, 4), (&of_all, 3, 4), (&of_one, 2, 3), (&file, 1, 2)] {
        let text = printed(&[path], 0);
        assert_eq!(text.lines().filter(|line| line.starts_with("ok ")).count(), files, "{text}");
        assert!(text.contains(&format!("{cases} cases: {cases} as expected")), "{text}");
    }
    let output = binary().current_dir(&of_one).args(["verify", "."]).output().expect("a child");
    assert!(stdout(&output).contains("3 cases: 3 as expected"), "{}", stdout(&output));
    // An unreadable case is reported with its location and affects no other case.
    let text = fs::read_to_string(&file)
        .expect("the file")
        .replace("'processor-1'", "makeId()")
        .replace("big: 1_000_000", "...rest");
    fs::write(&file, &text).expect("written");
    let line = text.lines().position(|line| line.contains("makeId()")).expect("the line") + 1;
    let text = printed(&[&of_one], 1);
    let problem = format!(
        "unreadable  {file}:{line}:9: the call `makeId(…)` is not supported: only literals, constants, and functions that return them can be read"
    );
    assert!(text.lines().any(|line| line == problem), "{problem}\n{text}");
    assert!(text.contains("2 cases: 2 as expected, 1 unreadable"), "{text}");
    // This checkout has no supported destinations.
    let empty = folder.join("empty");
    write(&empty, &format!("{destinations}/hs/processor/data.ts"), "export const data = []");
    let output = verify(&[empty.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no cases for kafka, azure_event_hub or confluent_cloud"));
}

#[test]
fn verify_finds_the_same_cases_from_every_parent_folder() {
    let folder = folder("layout");
    let case = fs::read(fixtures().join("typescript/kafka/processor/data.ts")).expect("a fixture");
    let common = fs::read(fixtures().join("typescript/common.ts")).expect("a fixture");
    write(&folder, "checkout/test/integrations/destinations/kafka/processor/data.ts", &case);
    write(&folder, "checkout/test/integrations/destinations/common.ts", &common);
    for other in ["hs", "braze", "ga4"] {
        write(
            &folder,
            &format!("checkout/test/integrations/destinations/{other}/processor/data.ts"),
            "export const data = f(",
        );
    }
    write(&folder, "checkout/test/other.json", "{}");
    let at = |path: &str| folder.join(path).to_str().expect("a path").to_owned();
    for path in
        ["checkout", "checkout/test", "checkout/test/integrations", "checkout/test/integrations/destinations", "."]
    {
        let text = printed(&[&at(path)], 0);
        assert!(
            text.contains("2 cases: 2 as expected") && text.contains("; 3 unsupported destinations skipped"),
            "{path}: {text}"
        );
    }
    for path in ["checkout/test/integrations/destinations/hs", "checkout/test/integrations/destinations/hs/processor"] {
        let output = verify(&[&at(path)]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("hs is not supported; use kafka"), "{}", stderr(&output));
    }
    // This checkout is of a release that has no test cases in TypeScript yet.
    write(&folder, "old/package.json", r#"{"name":"rudder-transformer","version":"1.0.0"}"#);
    write(&folder, "old/__tests__/data/kafka_input.json", "[{}]");
    for path in ["old", "old/__tests__"] {
        let output = verify(&[&at(path)]);
        assert_eq!((output.status.code(), stderr(&output).lines().count()), (Some(2), 1));
        assert!(stderr(&output).contains("no test cases in TypeScript"), "{}", stderr(&output));
    }
}

#[test]
#[cfg(unix)]
fn verify_reports_files_that_are_not_regular_and_does_not_block() {
    let folder = folder("pipes");
    let destinations = "test/integrations/destinations";
    write(&folder, "cases/one.ndjson", recorded("one", EVENT, &event_response("orders")));
    fs::create_dir_all(folder.join(destinations).join("kafka/processor")).expect("a folder");
    for pipe in
        [format!("{destinations}/kafka/processor/data.ts"), "cases/data.ts".to_owned(), "cases/pipe.json".to_owned()]
    {
        let made = std::process::Command::new("mkfifo").arg(folder.join(pipe)).status().expect("mkfifo");
        assert!(made.success());
    }
    std::os::unix::fs::symlink(folder.join("cases"), folder.join("cases/loop")).expect("a link");
    std::os::unix::fs::symlink("/dev/zero", folder.join("cases/zero.ndjson")).expect("a link");
    let text = printed(&[folder.join("cases").to_str().expect("a path")], 1);
    let reason = "not a regular file";
    let reported = text.lines().filter(|line| line.starts_with("unreadable") && line.ends_with(reason));
    assert_eq!(reported.count(), 3, "{text}");
    assert!(text.contains("1 case: 1 as expected, 3 unreadable"), "{text}");
    let text = printed(&[folder.to_str().expect("a path")], 2);
    assert!(text.contains("data.ts") && text.contains(reason), "{text}");
}

#[test]
fn verify_output_is_bounded_for_many_cases_and_long_names() {
    let folder = folder("bounded");
    // The number of cases doubles with every line.
    let mut text = "const a0 = [{ name: 'kafka', feature: 'processor', input: { request: { body: [] } }, output: { response: { status: 200, body: 'x' } } }];\n".to_owned();
    for line in 1..17 {
        text.push_str(&format!("const a{line} = [...a{0}, ...a{0}];\n", line - 1));
    }
    text.push_str("export const data = a16;\n");
    let cases = write(&folder, "data.ts", &text);
    let output = verify(&[&cases]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(1), ""));
    assert!(output.stdout.len() < 1 << 20, "{} bytes for {}", output.stdout.len(), text.len());
    // Many cases that differ, each with a very long name and pointer.
    let long = "x".repeat(20_000);
    let response = json!({ "status": 200, "apiVersion": "2", "body": [{ (&*long): 1 }] });
    let lines: String = (0..1200).map(|_| recorded(&long, EVENT, &response)).collect();
    let cases = write(&folder, "cases.ndjson", lines);
    let text = printed(&[&cases], 1);
    assert_eq!(text.lines().filter(|line| line.starts_with("differs")).count(), 1000, "{:.500}", text);
    assert!(text.contains("\n… 200 more different\n") && text.len() < 4 << 20, "{} bytes", text.len());
    let document = printed(&[&cases, "--format=json"], 1);
    assert!(document.len() < 8 << 20, "{} bytes", document.len());
}

#[test]
fn verify_with_a_filter_runs_only_matching_cases() {
    let folder = folder("filter");
    write(&folder, "one.ndjson", recorded("one", EVENT, &event_response("orders")));
    write(&folder, "events.json", "{\"a\":1}");
    let path = folder.to_str().expect("a path");
    assert!(printed(&[path, "-v"], 0).contains("skipped"));
    let text = printed(&[path, "-v", "--filter", "one"], 0);
    assert!(!text.contains("skipped  ") && text.starts_with("same"), "{text}");
}

#[test]
fn verify_times_out_if_the_response_arrives_one_byte_at_a_time() {
    let folder = folder("trickle");
    let cases = write(&folder, "case.ndjson", recorded("one", EVENT, &event_response("orders")));
    for head in ["HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", "HTTP/1.1 200 OK\r\nX-A: "] {
        let trickling = FakeUpstream::start(move |stream, _| {
            stream.write_all(head.as_bytes())?;
            loop {
                stream.write_all(b"x")?;
                std::thread::park_timeout(std::time::Duration::from_millis(50));
            }
        });
        let output = verify(&[&cases, "--timeout", "1", "--against", &format!("http://{}", trickling.address)]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("no response within 1 seconds"), "{}", stderr(&output));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn verify_exits_with_2_if_its_output_cannot_be_written() {
    let folder = folder("full");
    let cases = write(&folder, "case.ndjson", recorded("one", EVENT, &event_response("orders")));
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").expect("the device");
    for arguments in [&["verify", &cases][..], &["verify", &cases, "--format=json"], &["verify", &cases, "--quiet"]] {
        let output = binary().args(arguments).stdout(full()).output().expect("a child");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).starts_with("error: cannot write to stdout: "), "{}", stderr(&output));
    }
    let output = verify(&[&cases, "--junit", "/dev/full"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot write the --junit file"), "{}", stderr(&output));
}

#[test]
fn verify_passes_the_typescript_test_cases_of_rudder_transformer() {
    let Some(shared_golden) = shared_golden() else { return };
    let folder = folder("reference");
    for (name, destination, feature) in [
        ("kafka.processor.json", "kafka", "processor"),
        ("kafka.batch.json", "kafka", "batch"),
        ("azure_event_hub.processor.json", "azure_event_hub", "processor"),
        ("confluent_cloud.processor.json", "confluent_cloud", "processor"),
    ] {
        let text = fs::read_to_string(shared_golden.join("upstream").join(name)).expect("the reference's cases");
        let mut file =
            "import { ProcessorTestData } from '../../../testTypes';\n\nexport const data: ProcessorTestData[] = "
                .to_owned();
        typescript(&serde_json::from_str(&text).expect("JSON"), &mut file);
        file.push_str(" as const;\n");
        write(&folder, &format!("test/integrations/destinations/{destination}/{feature}/data.ts"), file);
    }
    let text = printed(&[folder.to_str().expect("a path")], 0);
    assert!(text.contains("19 cases: 19 as expected"), "{text}");
    let text = printed(&[shared_golden.join("upstream").to_str().expect("a path")], 0);
    assert!(text.contains("19 cases: 19 as expected"), "{text}");
}

#[test]
fn verify_reports_a_malformed_case_file_on_one_line() {
    let folder = folder("bad");
    let noise: Vec<u8> = (0..100_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let long = "x".repeat(1_000_000);
    for (name, contents, problem) in [
        ("noise.json", &noise[..], ":1: invalid UTF-8"),
        ("noise.ndjson", &noise[..], ":1: invalid UTF-8"),
        ("noise.ndjson.gz", &noise[..], ":1: invalid UTF-8"),
        ("noise.ts", &noise[..], ":1: invalid UTF-8"),
        ("empty.json", b"", ": the file is empty"),
        ("empty.ndjson", b"", ": the file is empty"),
        ("blank.ndjson", b"\n\n \n", ": the file is empty"),
        ("empty.ts", b" \n", ": the file is empty"),
        ("long.json", long.as_bytes(), ":1:1: invalid JSON: expected value"),
        ("long.ndjson", long.as_bytes(), ":1:1: invalid JSON: expected value"),
        ("long.ts", long.as_bytes(), ":1:1: the file exports no `data`"),
        ("lines.ndjson", b"\nxyz\nsecond\n", ":2:1: invalid JSON: expected value"),
        ("cut.json", b"{\n \"input\": {", ":2:11: invalid JSON: EOF while parsing an object"),
        ("array.json", b"[]", ": no cases: the array is empty"),
        (
            "other.json",
            b"{\"a\":1}",
            r#":1: not a case: it needs the fields "input" and "output", or "path" and "response""#,
        ),
        ("number.json", b"[7]", ":1: a case must be an object, not a number"),
        ("deep.json", "[".repeat(1_000_000).as_bytes(), ":1:1000000: invalid JSON: EOF while parsing a list"),
        ("open.ts", b"export const data = [", ":1:21: `[` is never closed"),
        ("none.ts", b"export const data = []", ": no cases: the array is empty"),
        (
            "deep.ts",
            format!("export const data = [{}]", "[".repeat(200) + &"]".repeat(200)).as_bytes(),
            ":1:121: this is nested deeper than 100 levels",
        ),
        ("what.txt", b"[]", ": unknown file type: cases are in *.json, *.ndjson, *.ndjson.gz, *.ts or *.js files"),
    ] {
        let path = write(&folder, name, contents);
        assert_eq!(printed(&[&path], 2), format!("unreadable  {path}{problem}\n"));
        let output = verify(&[&path, "--format=json"]);
        let document: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        assert_eq!((output.status.code(), &document["summary"]["unreadable"]), (Some(2), &json!(1)), "{name}");
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(
        (0..500)
            .map(|number| recorded(&format!("n{number}"), EVENT, &event_response("orders")))
            .collect::<String>()
            .as_bytes(),
    )
    .expect("compressed");
    let gzip = gzip.finish().expect("compressed");
    let path = write(&folder, "cut.ndjson.gz", &gzip[..gzip.len() / 2]);
    let text = printed(&[&path], 1);
    assert_eq!(
        text.lines().filter(|line| line.contains("the compressed data is damaged or truncated")).count(),
        1,
        "{text}"
    );
    // A malformed line affects no other line.
    let good = recorded("good", EVENT, &event_response("orders"));
    let path = write(&folder, "mixed.ndjson", format!("{good}{{\"s3cret\n{good}"));
    let text = printed(&[&path], 1);
    assert!(
        text.contains(&format!("unreadable  {path}:2:")) && text.contains("2 cases: 2 as expected, 1 unreadable"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
    // A long line is allowed.
    let large = EVENT.replace("\"u\"", &format!("\"u\",\"more\":\"{}\"", "m".repeat(2_000_000)));
    let path = write(&folder, "large.ndjson", recorded("large", &large, &event_response("orders")));
    let text = printed(&[&path], 1);
    assert!(text.contains("/0/output/message/more") && text.len() < 2000, "{:.3000}", text);
}

#[test]
fn verify_reports_usage_errors_and_unusable_transformers_on_one_line() {
    let folder = folder("usage");
    let empty = folder.join("empty");
    fs::create_dir_all(&empty).expect("a folder");
    let cases = write(&folder, "case.ndjson", recorded("one", EVENT, &event_response("orders")));
    let silent = FakeUpstream::holding_back("").0;
    let ssh = FakeUpstream::responding("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    let closing = FakeUpstream::start(|_, _| Err(std::io::Error::other("closed")));
    let at = |fake: &FakeUpstream| format!("http://{}", fake.address);
    let missing = folder.join("no/such/file");
    let missing = missing.to_str().expect("a path");
    for (arguments, problem) in [
        (vec![missing], "no such file or folder".to_owned()),
        (vec![empty.to_str().expect("a path")], "the folder contains no files with cases".to_owned()),
        (vec![&cases, "--filter", "two"], "no case has the --filter text".to_owned()),
        (vec![&cases, "--junit", missing], format!("--junit {missing}: ")),
        (vec![&cases, "--record", "http://127.0.0.1:1", "--output", missing], format!("{missing}: cannot write")),
        (vec![&cases, "--against", "ftp://x"], "--against must be http:// or https://".to_owned()),
        (
            vec![&cases, "--against", "http://u:s3cret@x"],
            "--against must not contain a user name or password".to_owned(),
        ),
        (vec![&cases, "--against", "http://127.0.0.1:1"], "http://127.0.0.1:1: connection refused".to_owned()),
        (vec![&cases, "--against", &at(&ssh)], "does not speak HTTP".to_owned()),
        (vec![&cases, "--against", &at(&closing)], "the connection was closed before there was a response".to_owned()),
        (vec![&cases, "--timeout", "1", "--against", &at(&silent)], "no response within 1 seconds".to_owned()),
    ] {
        let output = verify(&arguments);
        let text = stderr(&output);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{arguments:?} {text}");
        assert!(text.starts_with("error: ") && text.contains(&problem), "{arguments:?} {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
    for arguments in [
        &[][..],
        &[&cases, "--record", "http://x"],
        &[&cases, "--output", "x"],
        &[&cases, "--record", "http://x", "--output", "x", "--against", "http://y"],
        &[&cases, "--quiet", "--verbose"],
        &[&cases, "--timeout", "0"],
        &[&cases, "--format", "xml"],
    ] {
        assert_eq!(verify(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn verify_stops_sending_cases_if_the_transformer_closes_its_connections() {
    let folder = folder("silent");
    let body = event_response("orders")["body"].to_string();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let fake = FakeUpstream::start(move |stream, _| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => {
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\napiVersion: 2\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            )?;
            Err(std::io::Error::other("closed"))
        }
        _ => Err(std::io::Error::other("closed")),
    });
    let lines: String =
        (0..100).map(|number| recorded(&format!("n{number}"), EVENT, &event_response("orders"))).collect();
    let cases = write(&folder, "cases.ndjson", lines);
    let text = printed(&[&cases, "--against", &format!("http://{}", fake.address)], 1);
    assert_eq!(text.lines().filter(|line| line.starts_with("differs")).count(), 2, "{text}");
    assert!(
        text.contains("the remaining cases were not sent") && text.contains("3 cases: 1 as expected, 2 different"),
        "{text}"
    );
    assert_eq!(fake.rest().len(), 4);
}

#[test]
fn verify_reads_cases_from_stdin_and_allows_stdout_to_be_closed_early() {
    let one = recorded("one", EVENT, &event_response("orders"));
    let mut child = binary()
        .args(["verify", "-", "--verbose"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut input = child.stdin.take().expect("the input");
    input.write_all(one.as_bytes()).expect("written");
    let mut first = [0; 4];
    let mut output = child.stdout.take().expect("the output");
    output.read_exact(&mut first).expect("a line");
    assert_eq!(&first, b"same", "the result is printed before all input is read");
    drop(output);
    for _ in 0..1000 {
        if input.write_all(one.as_bytes()).is_err() {
            break;
        }
    }
    drop(input);
    let ended = child.wait_with_output().expect("an exit");
    assert_eq!((ended.status.code(), stderr(&ended)), (Some(0), String::new()));
}

#[test]
fn verify_help_shows_examples_and_exit_codes() {
    let help = stdout(&verify(&["--help"]));
    for word in ["Examples:", "verify test-fixtures", "--record http://localhost:9090", "Exit codes:"] {
        assert!(help.contains(word), "{help}");
    }
}
