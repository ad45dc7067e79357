//! The documentation is consistent: links resolve, and the book contains every page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::golden::root;

fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            markdown(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "md") {
            found.push(path);
        }
    }
}

/// Returns the pages in `docs` and those next to `README.md`.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    markdown(&root().join("docs"), &mut found);
    let top = fs::read_dir(root()).expect("the repository").map(|entry| entry.expect("an entry").path());
    found.extend(top.filter(|path| path.is_file() && path.extension().is_some_and(|kind| kind == "md")));
    assert!(found.len() > 20, "{found:?}");
    found
}

/// Removes code blocks, in which `[x](y)` is not a link.
fn prose(text: &str) -> String {
    let mut in_block = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        !in_block && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the targets of a page's links and images.
fn targets(text: &str) -> Vec<String> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let named = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).map(|(_, target)| target);
    let sources = ["src=\"", "srcset=\""]
        .iter()
        .flat_map(|name| text.split(name).skip(1))
        .filter_map(|rest| rest.split('"').next());
    inline.chain(named).chain(sources).map(|target| target.trim().to_owned()).collect()
}

/// Returns the anchors of a page: explicit anchors, and the anchors that GitHub and mdbook derive from headings.
pub fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors: BTreeSet<String> =
        text.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect();
    for line in prose(text).lines().filter(|line| line.starts_with('#')) {
        let title = line.trim_start_matches('#').trim();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
        anchors.insert(kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect());
    }
    anchors
}

/// Resolves `.` and `..` in a path.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn every_relative_link_in_the_docs_resolves_to_a_file_and_an_anchor() {
    let mut broken = Vec::new();
    let mut links = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for target in targets(&prose(&text)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = if file.is_empty() { page.clone() } else { plain(&page.parent().expect("a folder").join(file)) };
            let is_known = path.exists()
                && path.starts_with(root())
                && (anchor.is_empty() || anchors(&fs::read_to_string(&path).unwrap_or_default()).contains(anchor));
            if !is_known {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(links > 100, "only {links} links");
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

/// Returns the pages in the book's chapters.
fn chapters() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for chapter in ["guides", "reference", "internals"] {
        markdown(&root().join("docs").join(chapter), &mut found);
    }
    found
}

#[test]
fn the_summary_of_the_book_lists_every_page() {
    let docs = root().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).expect("SUMMARY.md");
    let listed: BTreeSet<PathBuf> = targets(&summary).iter().map(|target| docs.join(target)).collect();
    let missing: Vec<PathBuf> = chapters().into_iter().filter(|page| !listed.contains(page)).collect();
    assert!(missing.is_empty(), "not in docs/SUMMARY.md: {missing:?}");
}

#[test]
fn every_page_of_the_book_states_its_purpose_in_its_introduction() {
    for page in chapters() {
        let text = fs::read_to_string(&page).expect("a page");
        let opening = text.lines().skip(1).take_while(|line| !line.starts_with("##")).collect::<Vec<_>>().join(" ");
        assert!(opening.contains("his page "), "{} does not state its purpose: This page shows …", page.display());
    }
}

/// Returns the code spans of a page.
fn spans(text: &str) -> Vec<String> {
    let text = prose(text);
    text.split('`').skip(1).step_by(2).map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Returns whether a source path in a page resolves to a file.
fn is_source_file(name: &str) -> bool {
    let in_crate = || {
        let (first, rest) = name.split_once('/')?;
        Some(root().join("crates").join(first).join("src").join(rest))
    };
    ["", "src", "tests/integration", "crates/transform/tests/suite"]
        .iter()
        .any(|at| root().join(at).join(name).exists())
        || in_crate().is_some_and(|path| path.exists())
}

/// Returns whether a filter such as `module::start_of_a_name` selects a test or a file of tests.
fn is_test(filter: &str, sources: &[PathBuf]) -> bool {
    let Some((_, name)) = filter.rsplit_once("::") else { return true };
    let function = format!("fn {name}");
    sources.iter().any(|path| {
        path.file_stem().is_some_and(|stem| stem == name)
            || fs::read_to_string(path).expect("a source file").contains(&function)
    })
}

#[test]
fn source_files_and_tests_named_in_the_docs_exist() {
    let mut missing = Vec::new();
    let mut tests = Vec::new();
    for folder in ["tests/integration", "crates/transform/tests/suite"] {
        sources_below(&root().join(folder), &mut tests);
    }
    // The changelog may name files and tests of earlier versions.
    let is_exact = |page: &&PathBuf| !page.ends_with("CHANGELOG.md");
    for page in pages().iter().filter(is_exact) {
        for span in spans(&fs::read_to_string(page).expect("a page")) {
            let is_missing = if let Some(command) = span.strip_prefix("cargo test ") {
                let mut words = command.split(' ').skip_while(|word| *word != "--test").skip(1);
                let (suite, filter) = (words.next(), words.next().unwrap_or_default());
                let module = filter.split("::").next().unwrap_or_default();
                let has_module = is_source_file(&format!("{module}.rs")) || is_source_file(module);
                suite.is_some() && !module.is_empty() && !(has_module && is_test(filter, &tests))
            } else {
                Path::new(&span).extension().is_some_and(|kind| kind == "rs")
                    && !span.contains(' ')
                    && !is_source_file(&span)
            };
            if is_missing {
                missing.push(format!("{}: {span}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "pages name files or tests that do not exist:\n{}", missing.join("\n"));
}

#[test]
fn log_messages_quoted_in_the_troubleshooting_page_exist_in_the_source() {
    let page = fs::read_to_string(root().join("docs/guides/troubleshooting.md")).expect("a page");
    let lines: BTreeSet<String> = spans(&page)
        .iter()
        .filter_map(|span| span.strip_prefix("warn: ").or_else(|| span.strip_prefix("error: ")).map(str::to_owned))
        .collect();
    assert!(lines.len() >= 6, "{lines:?}");
    let mut sources = Vec::new();
    sources_below(&root().join("src"), &mut sources);
    let all: String = sources.iter().map(|path| fs::read_to_string(path).expect("a source file")).collect();
    let missing: Vec<&String> = lines.iter().filter(|line| !all.contains(&format!("\"{line}"))).collect();
    assert!(missing.is_empty(), "docs/guides/troubleshooting.md names lines that are not logged: {missing:?}");
}

fn sources_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources_below(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn readme_has_at_most_150_lines_of_at_most_100_characters() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    assert!(readme.lines().count() <= 150, "README.md has {} lines", readme.lines().count());
    let wide: Vec<&str> =
        readme.lines().filter(|line| line.chars().count() > 100 && !line.starts_with(['|', '['])).collect();
    assert!(wide.is_empty(), "lines of more than 100 characters: {wide:#?}");
}
