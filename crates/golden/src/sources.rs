//! Finds the files with cases at a path: a file, a folder or a checkout of rudder-transformer.

use json::display::shorten;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::unreadable::Unreadable;
use transform::family::FAMILIES;

/// The folder with the cases of all destinations in a checkout of rudder-transformer.
const IN_CHECKOUT: &str = "test/integrations/destinations";
/// The end of [`IN_CHECKOUT`], which is enough to recognize that folder.
const DESTINATIONS: &str = "integrations/destinations";
/// The folders of a checkout that contain tests.
const TEST_FOLDERS: [&str; 2] = ["test", "__tests__"];
/// The maximum number of bytes that are read from the package.json of a checkout.
const MAX_PACKAGE_BYTES: u64 = 1 << 20;
/// The subfolders of a destination's folder that contain cases for the endpoints of this service.
const FEATURES: [&str; 3] = ["processor", "batch", "router"];
/// The possible names of the file that contains the cases of a feature.
const DATA: [&str; 2] = ["data.ts", "data.js"];
/// The extensions of all other files that contain cases.
const EXTENSIONS: [&str; 5] = [".json", ".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz"];

/// The maximum depth of folders.
const MAX_DEPTH: usize = 12;
/// The maximum number of files and folders below a path.
const MAX_ENTRIES: usize = 100_000;

/// A file with cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path. `-` is stdin.
    pub path: PathBuf,
    /// Whether the file was found in a folder. Such a file is skipped if it has no cases.
    pub found: bool,
}

/// The files at a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The files, ordered by name.
    pub sources: Vec<Source>,
    /// The number of destinations in a checkout of rudder-transformer that were skipped because this service does not
    /// support them.
    pub other_destinations: usize,
}

/// Finds the files at a path.
///
/// # Errors
/// Returns the problem with the path if no files with cases are found.
pub fn of_path(path: &Path) -> Result<Found, Unreadable> {
    let unreadable = |error: std::io::Error| Unreadable::file(path, error_text(&error));
    if path == Path::new("-") || !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(Found { sources: vec![Source { path: path.to_owned(), found: false }], other_destinations: 0 });
    }
    let whole = path.canonicalize().map_err(unreadable)?;
    if let Some(name) = other_destination(&whole) {
        let problem = format!("{name} is not supported; use kafka, azure_event_hub or confluent_cloud");
        return Err(Unreadable::file(path, problem));
    }
    if let Some(folder) = destinations_of(path, &whole) {
        let found = of_destinations(&folder);
        let problem =
            "no cases for kafka, azure_event_hub or confluent_cloud; check out rudder-transformer v1.47.0 or later";
        return if found.sources.is_empty() { Err(Unreadable::file(folder, problem)) } else { Ok(found) };
    }
    // This is the folder of one rudder-transformer destination if it contains data files. Folders with the same name in
    // this repository contain no data files.
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
            "the folder contains no files with cases (*.json, *.ndjson, *.ndjson.gz or data.ts)",
        ));
    }
    Ok(walk.found)
}

fn is_ours(name: &std::ffi::OsStr) -> bool {
    FAMILIES.iter().any(|family| family.name == name)
}

/// Returns the rudder-transformer destination that a folder belongs to, if this service does not support it.
fn other_destination(whole: &Path) -> Option<String> {
    let below =
        whole.ancestors().find(|folder| folder.parent().is_some_and(|parent| parent.ends_with(DESTINATIONS)))?;
    let name = below.file_name().filter(|name| !is_ours(name))?;
    Some(shorten(&name.to_string_lossy(), 40).into_owned())
}

/// Returns the folder of destinations in a checkout of rudder-transformer. `path` may be the root of the checkout, the
/// folder of destinations, or any folder between the two. Returns `None` for any other path.
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

/// Returns the data files of the supported destinations in a folder of destinations.
fn of_destinations(folder: &Path) -> Found {
    let sources = FAMILIES.iter().flat_map(|family| data_files(&folder.join(family.name))).collect();
    let entries = fs::read_dir(folder).into_iter().flatten().take(MAX_ENTRIES).flatten();
    let others =
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && !is_ours(&entry.file_name()));
    Found { sources, other_destinations: others.count() }
}

/// Returns the data files of one destination. Entries that are not regular files are included, so that they are
/// reported when the files are read.
fn data_files(folder: &Path) -> Vec<Source> {
    let features = FEATURES.iter().map(|feature| folder.join(feature));
    let exists = |data: &PathBuf| data.try_exists().unwrap_or(true);
    features
        .filter_map(|feature| DATA.map(|data| feature.join(data)).into_iter().find(exists))
        .map(|path| Source { path, found: false })
        .collect()
}

/// Returns whether a folder is a checkout of rudder-transformer that is too old to have cases in TypeScript, or the
/// test folder of such a checkout.
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
                let problem = format!("the folder contains more than {MAX_ENTRIES} files and folders");
                return Err(Unreadable::file(self.top, problem));
            }
            let entry = entry.map_err(unreadable)?;
            // Symbolic links are not followed, because they may form a cycle.
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
            } else if EXTENSIONS.iter().any(|extension| name.ends_with(extension)) || DATA.contains(&name.as_str()) {
                self.found.sources.push(Source { path, found: true });
            }
        }
        Ok(())
    }
}

/// Returns a short description of an I/O error.
pub(super) fn error_text(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
