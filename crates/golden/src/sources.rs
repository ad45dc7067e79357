//! Which files a path stands for: a file itself, a checkout of the reference, or a folder with cases in it.

use json::display::shorten;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::unreadable::Unreadable;
use transform::family::FAMILIES;

/// Where the reference keeps the cases of its destinations.
const IN_CHECKOUT: &str = "test/integrations/destinations";
/// How the path of that folder ends, from wherever it is seen.
const DESTINATIONS: &str = "integrations/destinations";
/// The folders of a checkout that have its tests.
const TEST_FOLDERS: [&str; 2] = ["test", "__tests__"];
/// As much of a checkout's package.json as is read.
const MAX_PACKAGE_BYTES: u64 = 1 << 20;
/// The folders of a destination whose cases are sent to an endpoint that is served here.
const FEATURES: [&str; 3] = ["processor", "batch", "router"];
/// What the cases of a feature stand in.
const DATA: [&str; 2] = ["data.ts", "data.js"];
/// What a folder's other files with cases may be called.
const ENDINGS: [&str; 5] = [".json", ".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz"];

/// Folders in folders that are looked into.
const MAX_DEPTH: usize = 12;
/// Files and folders that are looked at, for one path.
const MAX_ENTRIES: usize = 100_000;

/// A file with cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// Whether it was found in a folder, so that one without cases is passed over.
    pub found: bool,
}

/// The files that a path stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The files, in the order of their names.
    pub sources: Vec<Source>,
    /// Folders of destinations of rudder-transformer that are not served here. They are skipped.
    pub other_destinations: usize,
}

/// The files that a path stands for.
///
/// # Errors
/// What is wrong with the path.
pub fn of_path(path: &Path) -> Result<Found, Unreadable> {
    let unreadable = |error: std::io::Error| Unreadable::file(path, error_text(&error));
    if path == Path::new("-") || !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(Found { sources: vec![Source { path: path.to_owned(), found: false }], other_destinations: 0 });
    }
    let whole = path.canonicalize().map_err(unreadable)?;
    if let Some(name) = other_destination(&whole) {
        let problem = format!("{name} is not served here; only kafka, azure_event_hub and confluent_cloud are");
        return Err(Unreadable::file(path, problem));
    }
    if let Some(folder) = destinations_of(path, &whole) {
        let found = of_destinations(&folder);
        let problem = "none of kafka, azure_event_hub and confluent_cloud has cases here; rudder-transformer v1.47.0 and later have them";
        return if found.sources.is_empty() { Err(Unreadable::file(folder, problem)) } else { Ok(found) };
    }
    // One destination's folder; ours, with fixtures in folders of these names, have no data files.
    let sources = data_files(path);
    if !sources.is_empty() {
        return Ok(Found { sources, other_destinations: 0 });
    }
    if is_old_release(&whole) {
        let problem = "this release of rudder-transformer has no test cases in TypeScript (test/integrations/destinations); check out v1.47.0 or later";
        return Err(Unreadable::file(path, problem));
    }
    let mut walk = Walk { found: Found::default(), seen: 0, top: path };
    walk.folder(path, 0)?;
    if walk.found.sources.is_empty() {
        return Err(Unreadable::file(
            path,
            "no file with cases is below this folder: no *.json, *.ndjson, *.ndjson.gz or data.ts",
        ));
    }
    Ok(walk.found)
}

fn is_ours(name: &std::ffi::OsStr) -> bool {
    FAMILIES.iter().any(|family| family.name == name)
}

/// The reference's destination that a folder belongs to, where it is not served here.
fn other_destination(whole: &Path) -> Option<String> {
    let below =
        whole.ancestors().find(|folder| folder.parent().is_some_and(|parent| parent.ends_with(DESTINATIONS)))?;
    let name = below.file_name().filter(|name| !is_ours(name))?;
    Some(shorten(&name.to_string_lossy(), 40).into_owned())
}

/// The folder of destinations of a checkout, where a path is the checkout or a folder on the way to it.
fn destinations_of(path: &Path, whole: &Path) -> Option<PathBuf> {
    let has_ours = |folder: &Path| FAMILIES.iter().any(|family| !data_files(&folder.join(family.name)).is_empty());
    if whole.ends_with(DESTINATIONS) {
        return Some(path.to_owned());
    }
    let below = [path.join(IN_CHECKOUT), path.join(DESTINATIONS), path.join("destinations")];
    let below =
        below.into_iter().find(|folder| folder.is_dir() && (folder.ends_with(DESTINATIONS) || has_ours(folder)));
    below.or_else(|| has_ours(path).then(|| path.to_owned()))
}

/// The data files of our destinations in a folder of destinations.
fn of_destinations(folder: &Path) -> Found {
    let sources = FAMILIES.iter().flat_map(|family| data_files(&folder.join(family.name))).collect();
    let entries = fs::read_dir(folder).into_iter().flatten().take(MAX_ENTRIES).flatten();
    let others =
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && !is_ours(&entry.file_name()));
    Found { sources, other_destinations: others.count() }
}

/// The data files of one destination. What is not a regular file is among them, so that it is reported when it is read.
fn data_files(folder: &Path) -> Vec<Source> {
    let features = FEATURES.iter().map(|feature| folder.join(feature));
    let exists = |data: &PathBuf| data.try_exists().unwrap_or(true);
    features
        .filter_map(|feature| DATA.map(|data| feature.join(data)).into_iter().find(exists))
        .map(|path| Source { path, found: false })
        .collect()
}

/// Whether a folder is a checkout of the reference, or its folder of tests, from before it had cases in TypeScript.
fn is_old_release(whole: &Path) -> bool {
    let is_reference = |folder: &Path| {
        let mut text = String::new();
        let read = fs::File::open(folder.join("package.json"))
            .and_then(|file| file.take(MAX_PACKAGE_BYTES).read_to_string(&mut text));
        let package = read.ok().and_then(|_| serde_json::from_str::<serde_json::Value>(&text).ok());
        package.is_some_and(|package| package["name"].as_str().is_some_and(|name| name.contains("rudder-transformer")))
    };
    let is_test_folder = TEST_FOLDERS.iter().any(|name| whole.ends_with(name));
    let top = if is_test_folder { whole.parent() } else { Some(whole) };
    top.is_some_and(|top| top.join("package.json").is_file() && is_reference(top) && !top.join(IN_CHECKOUT).is_dir())
}

struct Walk<'a> {
    found: Found,
    seen: usize,
    top: &'a Path,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), Unreadable> {
        let unreadable = |error: std::io::Error| Unreadable::file(folder, error_text(&error));
        if folder.ends_with(DESTINATIONS) {
            let Found { sources, other_destinations } = of_destinations(folder);
            self.found.sources.extend(sources);
            self.found.other_destinations += other_destinations;
            return Ok(());
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                let problem = format!("there are more than {MAX_ENTRIES} files and folders below it");
                return Err(Unreadable::file(self.top, problem));
            }
            let entry = entry.map_err(unreadable)?;
            // A link is not followed: it may lead around in a circle.
            let is_folder = entry.file_type().map_err(unreadable)?.is_dir();
            entries.push((entry.path(), is_folder));
        }
        entries.sort();
        for (path, is_folder) in entries {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_folder {
                if depth < MAX_DEPTH && !name.starts_with('.') && name != "node_modules" {
                    self.folder(&path, depth + 1)?;
                }
            } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) || DATA.contains(&name.as_str()) {
                self.found.sources.push(Source { path, found: true });
            }
        }
        Ok(())
    }
}

/// An error of the system in few words.
pub(super) fn error_text(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        _ => error.to_string(),
    }
}
