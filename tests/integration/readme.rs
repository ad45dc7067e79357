//! README shows what happens.

use crate::server::Server;

/// The text between two marks.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("README has no {start}"));
    rest.split_once(end).unwrap_or_else(|| panic!("README has no {end} behind {start}")).0
}

#[test]
fn the_curl_of_readme_gets_the_answer_of_readme() {
    let readme = include_str!("../../README.md");
    let section = between(readme, "## Try it", "\n## ");
    let body = between(section, "--data '", "'\n");
    let expected = between(section, "```json\n", "\n```");
    let response = Server::shared().transform(body.as_bytes());
    let expected: serde_json::Value = serde_json::from_str(expected).expect("JSON");
    assert_eq!(response.json(), expected);
}

#[test]
fn every_rejection_is_documented() {
    let readme = include_str!("../../README.md");
    for rejection in rudder_kafka_transformer::transform::rejection::Rejection::ALL {
        let row = format!("| `{}` | {} | {} |", rejection.code(), rejection.error_type().text(), rejection.text());
        assert!(readme.contains(&row), "README does not list {row}");
    }
}

#[test]
fn the_run_of_verify_in_readme_is_a_true_one() {
    let section = between(include_str!("../../README.md"), "### verify\n", "\n## ");
    let command = between(section, "```console\nrudder-kafka-transformer ", "\n```");
    let shown = between(section, "```text\n", "\n```");
    let output = crate::cli::binary()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(command.split(' '))
        .output()
        .expect("the binary runs");
    let told = String::from_utf8(output.stdout).expect("text");
    // All but the time.
    let lines =
        |text: &str| text.lines().map(|line| line.split(", ").next().unwrap_or("").to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(shown), lines(&told));
}
