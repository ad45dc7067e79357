//! Which files a path stands for: a file itself, a checkout of the reference, or a folder with cases in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::Unreadable;
use crate::transform::family::FAMILIES;

/// Where the reference keeps the cases of its destinations.
const IN_CHECKOUT: &str = "test/integrations/destinations";
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

/// The files that a path stands for, in the order of their names.
///
/// # Errors
/// What is wrong with the path.
pub fn of_path(path: &Path) -> Result<Vec<Source>, Unreadable> {
    let unreadable = |error: std::io::Error| Unreadable::file(path, error_text(&error));
    if path == Path::new("-") || !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![Source { path: path.to_owned(), found: false }]);
    }
    let destinations = path.join(IN_CHECKOUT);
    let data = checkout(path, &destinations);
    if !data.is_empty() {
        return Ok(data.into_iter().map(|path| Source { path, found: false }).collect());
    }
    if destinations.is_dir() {
        return Err(Unreadable::file(
            destinations,
            "none of kafka, azure_event_hub and confluent_cloud has cases here",
        ));
    }
    let mut walk = Walk { found: Vec::new(), seen: 0, top: path };
    walk.folder(path, 0)?;
    if walk.found.is_empty() {
        return Err(Unreadable::file(
            path,
            "no file with cases is below this folder: no *.json, *.ndjson, *.ndjson.gz or data.ts",
        ));
    }
    Ok(walk.found)
}

/// The data files of our destinations, where a folder is a checkout, its folder of destinations, or that of one.
fn checkout(path: &Path, destinations: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for family in FAMILIES {
        folders.extend([destinations.join(family.name), path.join(family.name)]);
    }
    // One destination's folder; ours, with fixtures in folders of these names, have no data files.
    folders.push(path.to_owned());
    let features = folders.iter().flat_map(|folder| FEATURES.map(|feature| folder.join(feature)));
    features.filter_map(|folder| DATA.map(|data| folder.join(data)).into_iter().find(|data| data.is_file())).collect()
}

struct Walk<'a> {
    found: Vec<Source>,
    seen: usize,
    top: &'a Path,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), Unreadable> {
        let unreadable = |error: std::io::Error| Unreadable::file(folder, error_text(&error));
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
                self.found.push(Source { path, found: true });
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
