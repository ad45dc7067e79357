//! Findings of `check`. Each file in `test-fixtures/check` contains a destination and its expected findings. No output
//! may contain a secret.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use check::code::{Code, table};
use check::{Report, check};
use serde_json::Value;
use transform::family::Family;

use crate::cli::run;

/// The time at which fixtures are checked, 2027-01-01, as a Unix timestamp in seconds.
const NOW: i64 = 1_798_761_600;

/// The marker that every secret in the fixtures contains. No output may contain it.
pub const SECRET: &str = "s3cret";

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test-fixtures/check")
}

/// A case with its input, destination type and expected findings.
pub struct Case {
    pub name: String,
    pub input: Value,
    family: Option<&'static Family>,
    expected: Vec<(String, String)>,
}

/// Replaces each placeholder `@certificates/<file>` with the content of the file.
fn with_certificates(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(file) = text.strip_prefix("@certificates/") {
                *text = fs::read_to_string(folder().join("certificates").join(file)).expect(file);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(with_certificates),
        Value::Object(members) => members.values_mut().for_each(with_certificates),
        _ => {}
    }
}

pub fn cases() -> Vec<Case> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder()).expect("fixtures").map(|entry| entry.expect("one").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    assert!(paths.len() > 100);
    let read = |path: &PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut case: Value = serde_json::from_slice(&fs::read(path).expect("a fixture")).expect(&name);
        with_certificates(&mut case["input"]);
        let text = |value: &Value| value.as_str().expect(&name).to_owned();
        let expected = case["expected"].as_array().expect(&name);
        let expected = expected.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
        let family = case.get("family").map(|family| Family::by_name(family.as_str().expect(&name)).expect(&name));
        assert!(case["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        Case { name, input: case["input"].take(), family, expected }
    };
    paths.iter().map(read).collect()
}

fn found(report: &Report) -> Vec<(String, String)> {
    let findings = report.destinations.iter().flat_map(|destination| destination.findings.sorted());
    let mut found: Vec<_> = findings.map(|finding| (finding.code.name().to_owned(), finding.pointer.clone())).collect();
    found.sort();
    found
}

#[test]
fn check_reports_exactly_the_expected_findings_for_each_fixture() {
    for mut case in cases() {
        let text = case.input.to_string();
        let report = check(text.as_bytes(), case.family, NOW).expect(&case.name);
        case.expected.sort();
        assert_eq!(found(&report), case.expected, "{}", case.name);
        for (_, pointer) in &case.expected {
            assert!(case.input.pointer(pointer).is_some(), "{}: {pointer} does not exist", case.name);
        }
        assert!(!format!("{report:?}").contains(SECRET), "{}", case.name);
        // A destination without errors has settings for `check --connect`, unless a template is malformed.
        let errors = case.expected.iter().filter(|(code, _)| {
            let code = Code::ALL.iter().find(|known| known.name() == code).expect(&case.name);
            code.severity() == check::code::Severity::Error
        });
        if errors.count() == 0 {
            let usable = report.destinations.iter().all(|destination| destination.settings.is_some());
            let malformed = case.expected.iter().any(|(code, _)| code == "template/malformed");
            assert!(usable || malformed, "{}", case.name);
        }
    }
}

#[test]
fn every_finding_code_is_unique_and_expected_by_a_fixture() {
    let cases = cases();
    let shown: HashSet<&str> = cases.iter().flat_map(|case| &case.expected).map(|(code, _)| code.as_str()).collect();
    let mut names = HashSet::new();
    for code in Code::ALL {
        assert!(shown.contains(code.name()), "no fixture expects {}", code.name());
        assert!(names.insert(code.name()), "duplicate code {}", code.name());
        let is_word =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(
            code.name().split_once('/').is_some_and(|(area, what)| is_word(area) && is_word(what)),
            "{}",
            code.name()
        );
    }
}

#[test]
fn the_findings_page_contains_the_table_of_check_findings() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/findings.md"))
        .expect("docs/reference/findings.md");
    assert!(page.contains(&table()), "docs/reference/findings.md differs from the output of `check --codes`");
}

#[test]
fn the_settings_for_check_connect_are_read_from_the_config() {
    let case = |name: &str| {
        let case = cases().into_iter().find(|case| case.name == name).expect(name);
        let mut report = check(case.input.to_string().as_bytes(), case.family, NOW).expect(name);
        report.destinations.remove(0).settings.expect(name)
    };
    let kafka = case("good_sasl_ssl");
    assert_eq!(kafka.brokers[0].to_string(), "kafka.example.com:9092");
    assert!(kafka.tls.as_ref().is_some_and(|tls| tls.ca_pem.as_ref().is_some_and(|pem| pem.starts_with("-----BEGIN"))));
    let sasl = kafka.sasl.as_ref().expect("SASL");
    assert_eq!(
        (sasl.mechanism.name(), sasl.username.reveal(), sasl.password.reveal()),
        ("SCRAM-SHA-512", "s3cret-user", "s3cret-password")
    );
    assert_eq!(kafka.topics, ["events", "users", "pages", "orders", "sevens"]);
    assert_eq!((kafka.topics_from_events, kafka.avro.convert, kafka.avro.embed_schema_id), (false, true, true));
    assert_eq!(
        kafka.ssh.as_ref().map(|ssh| (ssh.host.as_str(), ssh.port, ssh.user.as_str())),
        Some(("bastion", 22, "rudder"))
    );

    let templates = case("good_template");
    assert_eq!((templates.topics.join(" ").as_str(), templates.topics_from_events), ("events orders others", true));
    assert!(templates.tls.is_none() && templates.sasl.is_none() && templates.ssh.is_none());

    let azure = case("good_azure");
    let sasl = azure.sasl.as_ref().expect("SASL");
    assert_eq!(
        (azure.brokers[0].to_string().as_str(), sasl.username.reveal()),
        ("ns.servicebus.windows.net:9093", "$ConnectionString")
    );
    assert!(sasl.password.reveal().starts_with("Endpoint=sb://") && azure.tls.is_some_and(|tls| tls.ca_pem.is_none()));

    let confluent = case("good_confluent");
    let sasl = confluent.sasl.as_ref().expect("SASL");
    assert_eq!((sasl.username.reveal(), sasl.password.reveal()), ("s3cret-key", "s3cret-secret"));
    assert!(confluent.tls.is_some());
}

#[test]
fn check_determines_to_the_second_whether_a_certificate_is_valid() {
    let report = |name: &str, now: i64| {
        let case = cases().into_iter().find(|case| case.name == name).expect(name);
        let report = check(case.input.to_string().as_bytes(), None, now).expect(name);
        report.destinations[0].findings.sorted().first().map(|finding| finding.message.clone()).unwrap_or_default()
    };
    // The validity period of the certificate in RudderStack's documentation, until 2021-05-19 10:59:10 UTC.
    let (from, until) = (1_589_885_950, 1_621_421_950);
    let expired = "the certificate \"Rudderstack\" expired on 2021-05-19";
    assert_eq!(report("seed", until + 1), expired);
    assert_eq!(report("seed", NOW), expired);
    assert_eq!(report("seed", until), "the certificate \"Rudderstack\" expires on 2021-05-19: 0 days are left");
    assert_eq!(report("seed", until - 86_400), "the certificate \"Rudderstack\" expires on 2021-05-19: 1 day is left");
    assert_eq!(report("seed", until - 30 * 86_400), "");
    assert_eq!(report("seed", from), "");
    assert_eq!(report("seed", from - 1), "the certificate \"Rudderstack\" is not valid before 2020-05-19");
    for now in [i64::MIN, i64::MAX] {
        assert!(!report("seed", now).is_empty());
    }
}

/// Runs the binary once on all fixtures.
fn run_on_all(format: &str) -> (String, Vec<PathBuf>) {
    // Each run writes its own files, because another test may write files for the same format at the same time.
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run_number = RUNS.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{format}-{run_number}"));
    fs::create_dir_all(&folder).expect("a folder");
    let mut paths = Vec::new();
    for case in cases() {
        let path = folder.join(&case.name);
        fs::write(&path, case.input.to_string()).expect("written");
        paths.push(path);
    }
    let files: Vec<&str> = paths.iter().map(|path| path.to_str().expect("a path")).collect();
    let output = run(&[&["check", "--family=kafka", "--format", format], files.as_slice()].concat(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (String::from_utf8(output.stdout).expect("text"), paths)
}

#[test]
fn check_output_contains_no_secret_in_any_format() {
    let key = fs::read_to_string(folder().join("certificates/private_key.pem")).expect("a key");
    let certificate = fs::read_to_string(folder().join("certificates/ca.pem")).expect("a certificate");
    for format in ["text", "json"] {
        let (printed, _) = run_on_all(format);
        assert!(!printed.contains(SECRET), "{printed}");
        for line in key.lines().chain(certificate.lines()).filter(|line| !line.starts_with('-') && line.len() > 20) {
            assert!(!printed.contains(line), "{format}: {line}");
        }
        assert!(!printed.contains('\u{1b}'), "colors are only for terminals");
        for code in Code::ALL {
            // This finding depends on the time. The unit test of its rule covers this finding.
            let depends = code.name() == "certificate/expires-soon";
            assert!(printed.contains(code.name()) || depends, "{format}: {}", code.name());
        }
    }
}

#[test]
fn check_json_output_has_the_expected_fields_and_counts() {
    let (printed, paths) = run_on_all("json");
    let document: Value = serde_json::from_str(&printed).expect("JSON");
    let names = |value: &Value| value.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>().join(" "));
    assert_eq!(names(&document).as_deref(), Some("inputs errors warnings hints"));
    let inputs = document["inputs"].as_array().expect("inputs");
    assert_eq!(inputs.len(), paths.len());
    let of = |name: &str| {
        inputs
            .iter()
            .find(|input| input["input"].as_str().is_some_and(|path| path.ends_with(name)))
            .expect(name)
            .clone()
    };
    let workspace = of("/place_workspace");
    assert_eq!(names(&workspace).as_deref(), Some("input destinations others"));
    assert_eq!(workspace["others"], serde_json::json!({"POSTGRES": 1}));
    let destination = &workspace["destinations"][0];
    let expected = "id name family pointer enabled sources resolved findings findingsLeftOut";
    assert_eq!(names(destination).as_deref(), Some(expected));
    assert_eq!(destination["sources"], serde_json::json!([{"id": "s-1", "name": "Web"}, {"id": "s-2", "name": "iOS"}]));
    let finding = &destination["findings"][0];
    assert_eq!(names(finding).as_deref(), Some("code severity pointer message advice"));
    assert_eq!((&finding["code"], &finding["severity"]), (&Value::from("port/missing"), &Value::from("error")));
    let good = &of("/good_sasl_ssl")["destinations"][0]["resolved"];
    let expected = serde_json::json!({
        "brokers": ["kafka.example.com:9092"], "tls": true, "ownCa": true, "sasl": "SCRAM-SHA-512",
        "topics": ["events", "users", "pages", "orders", "sevens"], "topicsFromEvents": false, "avro": true, "sshHost": "bastion",
    });
    assert_eq!(*good, expected);
    let counted = |severity: &str| printed.matches(&format!("\"severity\": \"{severity}\"")).count();
    for (member, severity) in [("errors", "error"), ("warnings", "warning"), ("hints", "hint")] {
        assert_eq!(document[member], counted(severity), "{member}");
    }
}

#[test]
fn the_check_guide_shows_the_actual_output_of_check() {
    let guide = include_str!("../../docs/guides/check.md");
    let section =
        guide.split_once("## Check the settings\n").expect("a section").1.split("\n#").next().expect("the text");
    let mut blocks = section.split("```");
    let command = blocks.nth(1).expect("a command").trim_start_matches("console\n").trim();
    let shown = blocks.nth(1).expect("the output").trim_start_matches("text\n");
    let arguments: Vec<&str> = command.split(' ').skip(1).collect();
    let output = run(&arguments, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stdout).expect("text"), shown);
}
