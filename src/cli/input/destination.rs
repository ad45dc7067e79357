//! The destination that `--destination` gives to the events that have none.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use super::error::InputError;
use super::form::NotJson;
use super::value::Compacted;
use crate::server::body::text;
use crate::transform::event::Metadata;
use crate::transform::fill_in::Missing;
use crate::transform::javascript::JsString;
use crate::transform::json::{Kind, Raw};
use crate::transform::text::escape;

/// A destination with a certificate has some ten kilobytes.
const MAX_BYTES: u64 = 16 << 20;

/// What events get that have no destination.
#[derive(Debug)]
pub(in crate::cli) struct Filling {
    missing: Option<Missing<'static>>,
}

impl Filling {
    /// Without `--destination`.
    pub(super) fn nothing() -> Self {
        Self { missing: None }
    }

    /// Reads a destination or a bare Config, see [`Missing::of`].
    ///
    /// # Errors
    /// [`InputError`] where the file holds no such thing.
    pub(super) fn read(path: &Path) -> Result<Self, InputError> {
        let name: Arc<str> = path.display().to_string().into();
        let not = |reason| InputError::NotADestination { name: Arc::clone(&name), reason };
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|error| InputError::Unreadable { name: Arc::clone(&name), error })?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(not("a destination is not larger than 16 MiB"));
        }
        let text = text(&bytes);
        if text.trim().is_empty() {
            return Err(not("it is empty, and should be a destination or its Config"));
        }
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            let NotJson { line, column, reason } = NotJson::of(&error);
            return Err(InputError::NotJson { name, line, column, reason });
        }
        let Some(raw) = Raw::parse(&text).ok().filter(|raw| raw.is_object()) else {
            return Err(not("it is no JSON object, and should be a destination or its Config"));
        };
        let [config, sources] = raw.members(["Config", "sources"]);
        match (config, sources) {
            (Some(config), _) if !config.is_object() => Err(not("its Config is no JSON object")),
            (None, Some(sources)) if sources.kind() == Kind::Array => {
                Err(not("it is a whole workspace configuration; give one of its destinations"))
            }
            _ => Ok(Self { missing: Some(Missing::of(Some(raw), None)) }),
        }
    }

    /// What is filled in; `None` without `--destination`, when every event stays as it is.
    pub(super) fn missing(&self) -> Option<&Missing<'static>> {
        self.missing.as_ref()
    }

    /// The ids of the destinations that events of a compacted object find in it; `None` without `--destination`, when
    /// nothing is filled in.
    pub(super) fn ids_of<'a>(&self, compacted: &Compacted<'a>) -> Option<HashSet<Cow<'a, [u8]>>> {
        self.missing().and_then(Missing::destination)?;
        let mut known = HashSet::new();
        compacted.destinations.for_each_member(|id, value| {
            if value.is_null() {
                known.remove(&id.decoded());
            } else {
                known.insert(id.decoded());
            }
        });
        Some(known)
    }

    /// Appends the destination to the members in `out`, under the id that an event of a compacted object looks for and that
    /// `known` and `filled` lack. It is added to `filled` then.
    pub(super) fn fill_compacted<'a>(
        &self,
        event: Raw<'a>,
        known: &HashSet<Cow<'_, [u8]>>,
        filled: &mut HashSet<Cow<'a, [u8]>>,
        out: &mut String,
    ) {
        let Some(destination) = self.missing().and_then(Missing::destination) else { return };
        let Some(metadata) = event.member("metadata").and_then(|raw| Metadata::parse(raw.text()).ok()) else { return };
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
