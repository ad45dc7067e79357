//! The destination that `--destination` provides for events without a destination.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::error::InputError;
use super::source::is_standard_input;
use destinations::select::{self, Selector};
use json::javascript::JsString;
use json::raw::Raw;
use json::text::escape;
use transform::family::Family;
use transform::request::event::Metadata;
use transform::request::fill_in::Missing;

/// The maximum size of the destination file, in bytes. A workspace with thousands of destinations takes a few MiB.
const MAX_BYTES: u64 = 64 << 20;

/// The destination that events without a destination get.
#[derive(Debug)]
pub(in crate::cli) struct DefaultDestination {
    missing: Option<Missing<'static>>,
}

impl DefaultDestination {
    /// Creates an empty default, for runs without `--destination`.
    pub(super) fn none() -> Self {
        Self { missing: None }
    }

    /// Reads the destination from a file in any format that [`destinations`] supports. Also returns the destination's
    /// family, which is `given` if the file does not specify a type.
    ///
    /// # Errors
    /// Returns an [`InputError`] if the file does not contain exactly one matching destination.
    pub(super) fn read(
        path: &Path,
        given: Option<&'static Family>,
        selector: &Selector,
    ) -> Result<(Self, &'static Family), InputError> {
        let name: Arc<str> = if is_standard_input(path) { "stdin".into() } else { path.display().to_string().into() };
        let mut bytes = Vec::new();
        let result = if is_standard_input(path) {
            io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes)
        } else {
            File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        };
        result.map_err(|error| InputError::Unreadable { name: Arc::clone(&name), error })?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(InputError::NotADestination {
                name,
                reason: format!("it is larger than {} MiB", MAX_BYTES >> 20),
            });
        }
        let selected = select::from_bytes(&bytes, given, selector).map_err(|error| InputError::NotADestination {
            name,
            reason: error.text("--destination-id or --destination-name"),
        })?;
        Ok((Self { missing: Some(Missing::of(Some(selected.text), None)) }, selected.family))
    }

    /// Returns the fields to fill in. Returns `None` if there is no `--destination`, so that events stay unchanged.
    pub(super) fn missing(&self) -> Option<&Missing<'static>> {
        self.missing.as_ref()
    }

    /// Returns the IDs of the destinations in a compacted object, without destinations that are `null`. Returns `None`
    /// if there is no `--destination`, because the IDs are then not needed.
    pub(super) fn ids_of<'a>(&self, destinations: Raw<'a>) -> Option<HashSet<Cow<'a, [u8]>>> {
        self.missing().and_then(Missing::destination)?;
        let mut known = HashSet::new();
        destinations.for_each_member(|id, value| {
            if value.is_null() {
                known.remove(&id.decoded());
            } else {
                known.insert(id.decoded());
            }
        });
        Some(known)
    }

    /// Fills in the destination for an event, unless `known` or `filled` contains the destination ID that the event
    /// refers to. Appends the destination as a field to `out`, with that ID as its name, and adds the ID to `filled`.
    pub(super) fn fill_compacted<'a>(
        &self,
        event: Raw<'a>,
        known: &HashSet<Cow<'_, [u8]>>,
        filled: &mut HashSet<Cow<'a, [u8]>>,
        out: &mut String,
    ) {
        let Some(destination) = self.missing().and_then(Missing::destination) else { return };
        let Some(metadata) = event.member("metadata").filter(|raw| raw.is_object()).map(Metadata::of) else { return };
        let id = JsString::of(metadata.destination_id).into_decoded();
        if !known.contains(&id) && !filled.contains(&id) {
            out.push_str(",\"");
            escape(&id, out);
            out.push_str("\":");
            out.push_str(destination);
            filled.insert(id);
        }
    }
}
