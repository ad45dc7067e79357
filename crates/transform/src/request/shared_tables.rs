//! The destinations and connections of the compacted format, which events refer to by ID
//! (docs/contract.md#compacted-form).

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::family::Family;
use crate::meter::{ReadError, Usage};
use crate::rejection::Rejection;
use crate::request::destination::Destination;
use crate::request::event::{Event, Metadata};
use crate::request::origin::Origin;
use json::javascript::JsString;
use json::properties::NameHasher;
use json::raw::Raw;
use json::reader::Reader;
use json::text::Text;

/// The tables that the events of a request share. The default value is for the plain format, which has no tables.
#[derive(Debug, Default)]
pub struct SharedTables<'a>(Option<Compacted<'a>>);

/// The two tables of a compacted request.
#[derive(Debug, Default)]
pub(super) struct Compacted<'a> {
    pub(super) destinations: ById<'a>,
    pub(super) connections: ById<'a>,
}

/// A table of values by ID. If an ID occurs several times, the last value wins.
#[derive(Debug, Default)]
pub(super) struct ById<'a> {
    entries: Vec<(Text<'a>, Raw<'a>)>,
    /// Maps each ID to its position in `entries`. The map is built after [`SCANS`] lookups.
    index: OnceCell<HashMap<Cow<'a, [u8]>, usize, NameHasher>>,
    scans: Cell<u8>,
}

/// The number of lookups that search all entries before the index is built. Most requests make one or two lookups, for
/// which searching is faster than hashing all IDs.
const SCANS: u8 = 2;

impl<'a> ById<'a> {
    fn get(&self, id: &[u8]) -> Option<Raw<'a>> {
        let (_, value) = if self.scans.get() < SCANS {
            self.scans.set(self.scans.get() + 1);
            self.entries.iter().rfind(|(name, _)| name.is_bytes(id))?
        } else {
            let by_id = || self.entries.iter().enumerate().map(|(place, (name, _))| (name.decoded(), place)).collect();
            &self.entries[*self.index.get_or_init(by_id).get(id)?]
        };
        Some(*value)
    }
}

impl<'a> SharedTables<'a> {
    pub(super) fn compacted(compacted: Compacted<'a>) -> Self {
        Self(Some(compacted))
    }

    /// Returns the destination of an event.
    ///
    /// # Errors
    /// [`Rejection::DestinationMissing`], [`Rejection::DestinationUnknown`] or [`Rejection::DestinationNotAnObject`].
    pub fn destination_of(&self, event: &Event<'a>, metadata: &Metadata<'a>) -> Result<Raw<'a>, Rejection> {
        let (found, otherwise) = match &self.0 {
            None => (event.destination, Rejection::DestinationMissing),
            Some(compacted) => {
                let id = JsString::of(metadata.destination_id).into_decoded();
                (compacted.destinations.get(&id), Rejection::DestinationUnknown)
            }
        };
        match found.filter(|destination| !destination.is_null()) {
            None => Err(otherwise),
            Some(destination) if destination.is_object() => Ok(destination),
            Some(_) => Err(Rejection::DestinationNotAnObject),
        }
    }

    /// Returns the connection of the event with this metadata. Returns `None` if the request has no such connection or
    /// is in the plain format.
    #[must_use]
    pub fn connection_of(&self, metadata: &Metadata<'a>) -> Option<Raw<'a>> {
        let compacted = self.0.as_ref()?;
        let mut key = JsString::of(metadata.source_id).into_decoded().into_owned();
        key.push(b':');
        key.extend_from_slice(&JsString::of(metadata.destination_id).into_decoded());
        compacted.connections.get(&key)
    }

    /// Returns the metric labels of a request whose first event is `event`.
    #[must_use]
    pub fn origin_of(&self, event: &Event<'a>) -> Origin {
        self.origin_with(event, |destination| destination.member("version"))
    }

    fn origin_with(&self, event: &Event<'a>, version: impl FnOnce(Raw<'a>) -> Option<Raw<'a>>) -> Origin {
        let metadata = event.metadata().ok();
        let destination = metadata.and_then(|metadata| self.destination_of(event, metadata).ok());
        Origin::of(metadata, destination.and_then(version))
    }

    /// Whether the request is in the compacted format.
    #[must_use]
    pub fn is_compacted(&self) -> bool {
        self.0.is_some()
    }
}

/// Reads an object as a table. Any other value is read as an empty table.
pub(super) fn read_map<'a>(reader: &mut Reader<'a>, usage: &Usage<'_>) -> Result<ById<'a>, ReadError> {
    let mut table = ById::default();
    if reader.peek() == Some(b'{') {
        reader.object::<ReadError>(|reader, name| {
            usage.keep_one_more(&table.entries)?;
            // The index may be built later, so its memory is charged here too. The index owns a copy of each name that
            // has escapes.
            usage.keep(INDEX_BYTES + if name.may_have_escapes() { name.escaped().len() } else { 0 })?;
            table.entries.push((name, reader.value()?));
            Ok(())
        })?;
    } else {
        reader.value()?;
    }
    Ok(table)
}

/// The maximum memory of an entry in an index, in bytes. An index has eight slots for every seven entries, and the
/// number of slots is rounded up to a power of two.
const INDEX_BYTES: usize = 3 * (size_of::<(Cow<'_, [u8]>, usize)>() + 1);

/// The memory of an entry in the map `read` of [`Destinations`], in bytes.
const ENTRY_BYTES: usize = 32;

/// A cache of the destinations of a request. A destination is read when the first event with that destination is
/// transformed.
pub struct Destinations<'a> {
    family: &'static Family,
    /// Maps the memory address of a destination's text to the destination, or to the reason why the destination is
    /// rejected. Consecutive events with equal destinations share the text, see [`Reader::value_like`].
    read: HashMap<usize, Result<Rc<Destination<'a>>, Rejection>>,
    /// The destination of the previous event. The next event usually has the same destination.
    latest: Option<Latest<'a>>,
}

struct Latest<'a> {
    /// The ID by which events in the compacted format refer to the destination.
    id: Option<Raw<'a>>,
    raw: Raw<'a>,
    destination: Rc<Destination<'a>>,
}

impl<'a> Destinations<'a> {
    /// Creates an empty cache for destinations of `family`.
    #[must_use]
    pub fn of(family: &'static Family) -> Self {
        Self { family, read: HashMap::new(), latest: None }
    }

    /// Like [`SharedTables::origin_of`], but does not read the destination again if the previous event had the same
    /// destination.
    #[must_use]
    pub fn origin_of(&self, shared: &SharedTables<'a>, event: &Event<'a>) -> Origin {
        shared.origin_with(event, |raw| {
            let place = raw.text().as_ptr().addr();
            match self.latest.as_ref().filter(|latest| latest.raw.text().as_ptr().addr() == place) {
                Some(latest) => latest.destination.version,
                None => raw.member("version"),
            }
        })
    }

    /// Returns the destination of an event twice: as it was sent, and with its settings parsed.
    ///
    /// # Errors
    /// The errors of [`SharedTables::destination_of`] and [`Destination::read`].
    pub fn find(
        &mut self,
        shared: &SharedTables<'a>,
        event: &Event<'a>,
        metadata: &Metadata<'a>,
        usage: &Usage<'_>,
    ) -> Result<(Raw<'a>, Rc<Destination<'a>>), Rejection> {
        let id = metadata.destination_id.filter(|_| shared.is_compacted());
        if let Some(latest) = self.latest.as_ref().filter(|latest| id.is_some() && latest.id == id) {
            return Ok((latest.raw, Rc::clone(&latest.destination)));
        }
        let raw = shared.destination_of(event, metadata)?;
        let place = raw.text().as_ptr().addr();
        if let Some(latest) = self.latest.as_ref().filter(|latest| latest.raw.text().as_ptr().addr() == place) {
            return Ok((raw, Rc::clone(&latest.destination)));
        }
        // Most requests have only one destination, for which `latest` is enough. That destination is added to `read`
        // when a second destination is found.
        let is_first = self.latest.is_none() && self.read.is_empty();
        if let Some(Latest { raw, destination, .. }) = self.latest.take().filter(|_| self.read.is_empty()) {
            self.cache(raw, Ok(destination), usage)?;
        }
        let destination = match self.read.get(&place) {
            Some(read) => read.clone()?,
            None => {
                let charged =
                    usage.keep(size_of::<Destination<'_>>()).and_then(|()| usage.work(raw.text().len() as u64));
                // If the meter rejects the charge, the whole request fails, so this rejection is never sent.
                charged.map_err(|_| Rejection::TemplatesTooComplex)?;
                let read = Destination::read(raw, self.family, usage).map(Rc::new);
                if !is_first || read.is_err() {
                    self.cache(raw, read.clone(), usage)?;
                }
                read?
            }
        };
        self.latest = Some(Latest { id, raw, destination: Rc::clone(&destination) });
        Ok((raw, destination))
    }

    /// Caches a destination, or the reason why it is rejected, for later events.
    fn cache(
        &mut self,
        raw: Raw<'a>,
        read: Result<Rc<Destination<'a>>, Rejection>,
        usage: &Usage<'_>,
    ) -> Result<(), Rejection> {
        let charged = usage.keep_one_more_entry(self.read.len(), self.read.capacity(), ENTRY_BYTES);
        charged.map_err(|_| Rejection::TemplatesTooComplex)?;
        self.read.insert(raw.text().as_ptr().addr(), read);
        Ok(())
    }
}
