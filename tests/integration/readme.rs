//! The examples in README.md and the guides match the actual output. The pages about rejections and intended
//! differences are complete.

use golden::intended::table::{self, IntendedDifference};

use crate::server::Server;

/// Returns the text between two markers.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("there is no {start}"));
    rest.split_once(end).unwrap_or_else(|| panic!("there is no {end} after {start}")).0
}

#[test]
fn the_curl_command_in_readme_gets_the_response_shown_there() {
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
    let page = include_str!("../../docs/reference/rejections.md");
    for rejection in transform::rejection::Rejection::ALL {
        let row = format!("| `{}` | {} | {} |", rejection.code(), rejection.error_type().text(), rejection.text());
        assert!(page.contains(&row), "docs/reference/rejections.md does not list {row}");
    }
}

#[test]
fn intended_differences_are_documented() {
    let codes: std::collections::BTreeSet<&str> = IntendedDifference::ALL.iter().map(|row| row.code()).collect();
    assert_eq!(codes.len(), IntendedDifference::ALL.len(), "a code is used twice");
    let page = include_str!("../../docs/reference/differences.md");
    assert!(
        page == table::page(),
        "docs/reference/differences.md is out of date: cargo run -- differences > docs/reference/differences.md"
    );
}

#[test]
fn the_verify_guide_shows_the_actual_output_of_verify() {
    let section = between(include_str!("../../docs/guides/verify.md"), "## Run cases\n", "\n## ");
    let command = between(section, "```console\nrudder-kafka-transformer ", "\n```");
    let shown = between(section, "```text\n", "\n```");
    let output = crate::cli::binary()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(command.split(' '))
        .output()
        .expect("the binary runs");
    let printed = String::from_utf8(output.stdout).expect("text");
    // Compares everything except the time.
    let lines =
        |text: &str| text.lines().map(|line| line.split(", ").next().unwrap_or("").to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(shown), lines(&printed));
}

/// Runs each command of a section, and compares its output with the block after the command. Returns the number of
/// commands.
fn compare_runs(section: &str) -> usize {
    let binary = env!("CARGO_BIN_EXE_rudder-kafka-transformer");
    let mut compared = 0;
    let mut blocks = section.split("```").skip(1).step_by(2).peekable();
    while let Some(command) = blocks.next().and_then(|block| block.strip_prefix("console\n")) {
        let shown = blocks.next_if(|block| !block.starts_with("console"));
        let Some((_, shown)) = shown.and_then(|block| block.split_once('\n')) else {
            assert!(command.contains("| kcat "), "the guide does not show the output of {command}");
            continue;
        };
        let output = std::process::Command::new("bash")
            .args(["-euc", &command.replace("rudder-kafka-transformer", binary)])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("bash runs");
        assert!(output.status.success() && output.stderr.is_empty(), "{command}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), shown.trim_end(), "{command}");
        compared += 1;
    }
    compared
}

#[test]
fn the_explain_guide_shows_the_actual_output_of_transform_and_explain() {
    let guide = include_str!("../../docs/guides/explain.md");
    for title in ["Where does this event go?", "Many events", "What would be produced?"] {
        assert_eq!(compare_runs(between(guide, &format!("\n## {title}\n"), "\n## ")), 1, "{title}");
    }
}
