//! The rules of `docs/contract.md` and `docs/reference/differences.md`. Each rule has a test case, and every citation
//! names an existing rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use check::code::Code;
use golden::intended::table::IntendedDifference;
use transform::rejection::Rejection;

use crate::docs::anchors;
use crate::golden::{fixtures, root};

/// The rules about a destination's Config. Each rule is followed by the findings of `check` that report a violation of
/// it. For each finding, there is a fixture in `test-fixtures/check`.
const CONFIG_RULES: &[(&str, &[&str])] = &[
    ("config-topic", &["topic/missing"]),
    ("config-hosts", &["host/missing", "host/several-share-port", "host/all-blanks"]),
    ("config-port", &["port/missing", "port/invalid"]),
    ("config-tls", &["tls/certificate-unused"]),
    ("config-ca-certificate", &["certificate/no-certificate", "certificate/indented", "certificate/skipped"]),
    ("config-sasl", &["sasl/without-tls", "sasl/type-unknown", "sasl/username-missing", "sasl/password-missing"]),
    ("config-avro", &["avro/schemas-missing", "avro/schema-id-not-embeddable"]),
    ("config-avro-schemas", &["avro/schema-invalid", "avro/schema-id-missing", "avro/union-field"]),
    ("config-topic-maps", &["map/entry-not-an-object", "map/type-never-matches"]),
    ("config-ssh", &["ssh/host-missing", "ssh/host-invalid", "ssh/user-missing", "ssh/port-invalid"]),
    ("config-azure", &["bootstrap/missing", "bootstrap/port-missing", "azure/connection-string-missing"]),
    ("config-confluent", &["confluent/api-key-missing", "confluent/api-secret-missing"]),
    ("config-letter-case", &["field/letter-case"]),
    ("config-forms", &["config/missing"]),
];

/// Folders and files whose citations are checked.
const CITING: &[&str] =
    &["src", "crates", "tests", "benches", "examples", "fuzz/fuzz_targets", "docs", "deploy", ".ci"];

/// The file names of the two pages that define rules, with the `#` that precedes a rule in a citation.
const PAGES: &[&str] = &["contract.md#", "differences.md#"];

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap_or_else(|error| panic!("docs/{name}: {error}"))
}

/// Returns the text up to the first character that cannot be part of an anchor.
fn anchor(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))).unwrap_or(text.len());
    text[..end].trim_end_matches('-')
}

/// Returns the explicit anchors of a page, which are its rules.
fn rules(page: &str) -> Vec<&str> {
    page.split("<a id=\"").skip(1).map(anchor).collect()
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            files(&entry.expect("an entry").path(), found);
        }
    } else if path.extension().is_some_and(|kind| ["rs", "md", "yaml", "py", "sh"].iter().any(|known| kind == *known)) {
        found.push(path.to_owned());
    }
}

/// Returns every citation of a rule or heading, with the files that contain it.
fn citations() -> BTreeMap<String, BTreeSet<PathBuf>> {
    let mut paths = Vec::new();
    for folder in CITING.iter().map(|folder| root().join(folder)).filter(|folder| folder.exists()) {
        files(&folder, &mut paths);
    }
    for entry in fs::read_dir(root()).expect("the repository").flatten().filter(|entry| entry.path().is_file()) {
        files(&entry.path(), &mut paths);
    }
    let mut cited: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for name in PAGES.iter().flat_map(|page| text.split(page).skip(1)).map(anchor).filter(|name| !name.is_empty()) {
            cited.entry(name.to_owned()).or_default().insert(path.clone());
        }
    }
    cited
}

#[test]
fn every_rule_cited_in_the_source_exists_and_every_rule_has_a_test_case() {
    let (contract, differences) = (page("contract.md"), page("reference/differences.md"));
    let all: Vec<&str> = rules(&contract).into_iter().chain(rules(&differences)).collect();
    let listed: BTreeSet<&str> = all.iter().copied().collect();
    assert!(listed.len() == all.len() && all.len() > 100, "there are duplicate rules, or too few: {all:?}");
    for difference in IntendedDifference::ALL {
        assert!(listed.contains(difference.code()), "{} has no anchor in differences.md", difference.code());
    }

    let mut known: BTreeSet<String> = listed.iter().map(|rule| (*rule).to_owned()).collect();
    known.extend(anchors(&contract).into_iter().chain(anchors(&differences)));
    let cited = citations();
    let unknown: Vec<_> = cited.iter().filter(|(name, _)| !known.contains(*name)).collect();
    assert!(unknown.is_empty(), "citations of unknown rules: {unknown:#?}");

    let cases = fixtures();
    let mut shown: BTreeSet<&str> = cases.iter().flat_map(|(_, case)| case.rules.iter().map(String::as_str)).collect();
    let not_rules: Vec<_> = shown.difference(&listed).collect();
    assert!(not_rules.is_empty(), "cases with unknown rules: {not_rules:?}");
    let ruleless: Vec<_> = cases.iter().filter(|(_, case)| case.rules.is_empty()).map(|(path, _)| path).collect();
    assert!(ruleless.is_empty(), "cases without a rule: {ruleless:?}");
    let by_test =
        cited.iter().filter(|(_, by)| by.iter().any(|path| path.components().any(|part| part.as_os_str() == "tests")));
    shown.extend(by_test.map(|(name, _)| name.as_str()));
    shown.extend(CONFIG_RULES.iter().map(|(rule, _)| *rule));
    let without: Vec<_> = listed.difference(&shown).collect();
    assert!(without.is_empty(), "rules without a fixture or test: {without:?}");
}

#[test]
fn every_config_rule_exists_and_lists_existing_findings_of_check() {
    for (rule, findings) in CONFIG_RULES {
        assert!(page("contract.md").contains(&format!("<a id=\"{rule}\"></a>")), "{rule}");
        for finding in *findings {
            assert!(Code::ALL.iter().any(|code| code.name() == *finding), "{rule}: there is no finding {finding}");
        }
    }
}

#[test]
fn every_kind_of_rejection_has_a_test_case() {
    let folder = root().join("test-fixtures");
    let all: String =
        fixtures().iter().map(|(path, _)| fs::read_to_string(folder.join(path)).expect("a fixture")).collect();
    for rejection in Rejection::ALL {
        assert!(all.contains(rejection.text()), "no case for {}", rejection.code());
    }
    let codes: BTreeSet<_> = Rejection::ALL.iter().map(|rejection| rejection.code()).collect();
    assert_eq!(codes.len(), Rejection::ALL.len(), "a code is used twice");
}
