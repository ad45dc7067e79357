//! Arrows point down: `cli → verify → server → destinations → transform` and `cli → check → destinations`; and the transformation and the rules of
//! checks are nothing but arithmetic.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, into);
            } else {
                let text = fs::read_to_string(&path).expect("a source file");
                into.push((path, text));
            }
        }
    }
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder), &mut files);
    assert!(!files.is_empty());
    files
}

/// Lines of code, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or(""))
}

fn assert_free_of(folder: &str, words: &[&str]) {
    for (path, text) in sources(folder) {
        // Counts for tests, and nothing in a release build.
        if path.ends_with("transform/probe.rs") {
            continue;
        }
        for (number, line) in code(&text).enumerate() {
            for word in words {
                assert!(!line.contains(word), "{}:{}: {word} has no place here", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn the_server_does_not_know_the_command_line() {
    assert_free_of("server", &["crate::cli", "crate::verify", "super::super::cli"]);
}

#[test]
fn verifying_does_not_know_the_command_line() {
    assert_free_of("verify", &["crate::cli", "clap", "anstream", "indicatif", "println!"]);
}

#[test]
fn the_transformation_knows_neither_server_nor_command_line() {
    assert_free_of("transform", &["crate::cli", "crate::verify", "crate::server"]);
}

#[test]
fn checks_know_neither_server_nor_command_line_and_neither_knows_them() {
    assert_free_of("check", &["crate::cli", "crate::verify", "crate::server"]);
    assert_free_of("server", &["crate::check"]);
    assert_free_of("verify", &["crate::check"]);
    assert_free_of("transform", &["crate::check", "crate::destinations"]);
    assert_free_of("destinations", &["crate::check", "crate::cli", "crate::verify", "crate::server"]);
}

/// What talks to brokers, and so is not pure; the rest of `check` does not know it.
const CONNECT: &str = "connect";

#[test]
fn the_rules_of_checks_are_pure() {
    let is_rule = |path: &Path| !path.components().any(|part| part.as_os_str() == CONNECT);
    let impure = [
        "actix",
        "tokio",
        "futures",
        "tracing",
        "prometheus",
        "utoipa",
        "ureq",
        "std::time",
        "std::env",
        "std::fs",
        "std::io",
        "std::thread",
        "std::sync",
        "std::process",
        "TcpStream",
        "ToSocketAddrs",
        "static mut",
        "thread_local",
        "println!",
        "option_env!",
        "env!",
        "::now()",
        "connect::",
    ];
    let rules = sources("check").into_iter().filter(|(path, _)| is_rule(path)).chain(sources("destinations"));
    for (path, text) in rules {
        for (number, line) in code(&text).enumerate() {
            for word in impure {
                assert!(!line.contains(word), "{}:{}: {word} has no place here", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn avro_is_a_leaf() {
    for (path, text) in sources("transform/avro") {
        for line in code(&text) {
            for (_, rest) in line.match_indices("crate::").map(|(at, found)| (at, &line[at + found.len()..])) {
                let allowed = ["transform::json::", "transform::partition::as_received", "transform::text::"];
                assert!(allowed.iter().any(|module| rest.starts_with(module)), "{}: {line}", path.display());
            }
            assert!(!line.contains("super::super"), "{}: {line}", path.display());
        }
    }
}

#[test]
fn the_transformation_is_pure() {
    assert_free_of(
        "transform",
        &[
            "actix",
            "tokio",
            "futures",
            "tracing",
            "prometheus",
            "utoipa",
            "std::time",
            "std::env",
            "std::net",
            "std::fs",
            "std::io",
            "std::thread",
            "std::sync",
            "std::process",
            "static mut",
            "thread_local",
            "println!",
            "Mutex",
            "Atomic",
            "option_env!",
            "env!",
        ],
    );
}

#[test]
fn files_can_be_read_in_one_sitting() {
    for (path, text) in sources("") {
        let lines = text.lines().count();
        assert!(lines <= 420, "{} has {lines} lines: split it by decision", path.display());
    }
}
