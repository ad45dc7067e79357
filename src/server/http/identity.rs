//! Finds a request's destination, source and workspace IDs in the first bytes of its body.

use std::cell::RefCell;
use std::fmt;
use std::io::Read;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::error::PayloadError;
use actix_web::rt::time::timeout;
use actix_web::{HttpMessage as _, HttpRequest};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use json::javascript::JsString;
use json::raw::{Kind, Raw};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::coding::coding_of;
use super::path::is_name;
use crate::server::log::line_limit::LineLimit;
use transform::request::coding::Coding;

/// The maximum number of bytes of a body that are searched for IDs. It applies both to the body as sent and to the
/// decompressed body. A typical event has 2 to 3 KB.
pub const LOOK_BYTES: usize = 32 * 1024;

/// IDs and names of the first event of a request. They contain no event data: they come from fields that rudder-server
/// adds, and values that do not look like IDs are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The value of `destType` in the request, or of `destinationType` in the metadata.
    pub dest_type: Option<String>,
    /// The value of `destinationId` in the metadata.
    pub destination_id: Option<String>,
    /// The value of `sourceId` in the metadata.
    pub source_id: Option<String>,
    /// The value of `workspaceId` in the metadata.
    pub workspace_id: Option<String>,
}

impl Identity {
    /// Decompresses the first 32 KiB of a body, and searches the first 32 KiB of the result for IDs. An ID that is
    /// malformed or not found there is `None`.
    #[must_use]
    pub fn in_start_of(body: &[u8], coding: Coding) -> Self {
        let text = decompressed(&body[..body.len().min(LOOK_BYTES)], coding);
        let mut found = Self::default();
        let mut reader = serde_json::Deserializer::from_slice(&text);
        // The text usually ends in the middle of a value, and deserialization fails there. The IDs found before that
        // point are still used.
        IdFinder { place: Place::Request, found: &mut found }.deserialize(&mut reader).ok();
        found
    }
}

fn decompressed(bytes: &[u8], coding: Coding) -> Vec<u8> {
    let mut text = Vec::new();
    let limit = LOOK_BYTES as u64;
    // A prefix of a compressed body decompresses to a prefix of the body.
    match coding {
        Coding::Identity => return bytes.to_vec(),
        Coding::Gzip => flate2::bufread::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut text),
        Coding::Deflate => flate2::bufread::ZlibDecoder::new(bytes).take(limit).read_to_end(&mut text),
        Coding::Brotli => brotli::Decompressor::new(bytes, 4096).take(limit).read_to_end(&mut text),
    }
    .ok();
    text
}

/// Limits how many bodies are searched per second. The log lines that show the results have lower rate limits.
static LOOKS: LineLimit<50> = LineLimit::new();

/// The maximum time to wait for the first chunk of a body that is read only for a log line.
const LOOK_TIME: Duration = Duration::from_millis(50);

/// Records the IDs of a request that is rejected or fails, so that its log line can show them. `start` contains the
/// first bytes of the request's body, as sent.
pub fn note(request: &HttpRequest, start: &[u8]) {
    if LOOKS.admit(Instant::now()).is_some() {
        note_admitted(request, start);
    }
}

/// Like [`note()`], but for a request whose body has not been read. Reads the first chunk of the body, if the chunk
/// arrives soon.
pub async fn note_unread(
    request: &HttpRequest,
    payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
) {
    if LOOKS.admit(Instant::now()).is_some()
        && let Ok(Some(Ok(piece))) = timeout(LOOK_TIME, payload.next()).await
    {
        note_admitted(request, &piece);
    }
}

fn note_admitted(request: &HttpRequest, start: &[u8]) {
    if let Ok(coding) = coding_of(request) {
        request.extensions_mut().insert(Identity::in_start_of(start, coding));
    }
}

/// The first bytes of a forwarded body, which are kept for the log line in case the request fails.
#[derive(Debug, Clone, Default)]
pub struct BodyStart(Rc<RefCell<Vec<u8>>>);

/// The maximum number of bytes that a [`BodyStart`] keeps.
const START_BYTES: usize = 8 * 1024;

impl BodyStart {
    /// Adds a chunk of the body. Only the first 8 KiB of the body are kept.
    pub fn keep(&self, piece: &[u8]) {
        let mut start = self.0.borrow_mut();
        let room = START_BYTES.saturating_sub(start.len());
        start.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// Calls [`note()`] with the bytes that were kept.
    pub fn note(&self, request: &HttpRequest) {
        note(request, &self.0.borrow());
    }
}

/// The position of a value in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The body: an array of events, an object with `input`, or an object that looks like an event.
    Request,
    /// The value of `input`.
    Events,
    /// An event.
    Event,
    /// The value of `metadata`: an object, or an array of objects.
    Metadata,
}

/// Finds the IDs of the first event. It descends only into values that may contain these IDs, and skips all other
/// values without recursion.
struct IdFinder<'f> {
    place: Place,
    found: &'f mut Identity,
}

impl<'de> DeserializeSeed<'de> for IdFinder<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for IdFinder<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let place = match self.place {
            Place::Request | Place::Events => Place::Event,
            Place::Metadata | Place::Event => Place::Metadata,
        };
        values.next_element_seed(IdFinder { place, found: self.found })?;
        // The rest of the array is skipped, because `destType` may follow the events.
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            let found = &mut *self.found;
            let slot = match (self.place, name.as_str()) {
                (Place::Request, "input") => {
                    fields.next_value_seed(IdFinder { place: Place::Events, found })?;
                    continue;
                }
                (Place::Request | Place::Event, "metadata") => {
                    fields.next_value_seed(IdFinder { place: Place::Metadata, found })?;
                    continue;
                }
                (Place::Request | Place::Event, "destType") => &mut found.dest_type,
                (Place::Metadata, "destinationType") => &mut found.dest_type,
                (Place::Metadata, "destinationId") => &mut found.destination_id,
                (Place::Metadata, "sourceId") => &mut found.source_id,
                (Place::Metadata, "workspaceId") => &mut found.workspace_id,
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if let Value::String(text) = fields.next_value()?
                && slot.is_none()
            {
                *slot = if name.ends_with("Type") { Some(text).filter(|text| is_name(text)) } else { id(&text) };
            }
        }
        Ok(())
    }
}

/// The maximum length of an ID, in bytes.
const MAX_ID_BYTES: usize = 64;

/// Returns the ID in a JSON value, or `None` if the value does not look like an ID.
#[must_use]
pub fn id_of(value: Option<Raw<'_>>) -> Option<String> {
    let value = value.filter(|value| value.kind() == Kind::String)?;
    id(JsString::of(Some(value)).escaped())
}

/// Returns `text`, shortened if necessary, or `None` if `text` does not look like an ID. The result contains nothing
/// that a log or terminal would have to escape.
fn id(text: &str) -> Option<String> {
    let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte));
    // Cutting at a number of bytes is safe, because each character of an ID is one byte.
    let start = text.get(..MAX_ID_BYTES.min(text.len())).filter(|start| !start.is_empty() && is_id(start))?;
    Some(if start.len() < text.len() { format!("{start}…") } else { start.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const METADATA: &str =
        r#""metadata":{"jobId":1,"destinationId":"d-1","sourceId":"s1","workspaceId":"w1","destinationType":"GA4"}"#;

    fn look(body: &str) -> [Option<String>; 4] {
        let Identity { dest_type, destination_id, source_id, workspace_id } =
            Identity::in_start_of(body.as_bytes(), Coding::Identity);
        [dest_type, destination_id, source_id, workspace_id]
    }

    fn all() -> [Option<String>; 4] {
        ["GA4", "d-1", "s1", "w1"].map(|text| Some(text.to_owned()))
    }

    #[test]
    fn destination_and_source_ids_are_found_in_every_request_format() {
        let message = r#""message":{"metadata":{"destinationId":"not"},"destinationId":"not","destType":"not"}"#;
        for body in [
            format!("[{{{message},{METADATA}}}]"),
            format!("[{{{METADATA},{message}}},{{\"metadata\":{{\"destinationId\":\"second\"}}}}]"),
            format!("{{\"input\":[{{{message},{METADATA}}},1,null],\"destType\":\"other\"}}"),
            format!("{{\"input\":[{{{message},{METADATA}}}],\"destinations\":{{"),
            format!("{{{METADATA}}}"),
            format!("{{{}}}", METADATA.replace(":{", ":[{").replace("\"}", "\"}]")),
            format!("[{{{message},{METADATA},\"rest\":\"cut o"),
        ] {
            assert_eq!(look(&body), all(), "{body}");
        }
        assert_eq!(look("{\"input\":[],\"destType\":\"hs\"}")[0].as_deref(), Some("hs"));
        assert_eq!(look("[{\"jobId\":\"1\",\"destType\":\"am\"}]")[0].as_deref(), Some("am"));
    }

    #[test]
    fn the_destination_id_is_found_in_a_gzip_or_deflate_body() {
        let body = format!("[{{{METADATA},\"x\":\"{}\"}}]", "padding ".repeat(20_000));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let gzip = gzip.write_all(body.as_bytes()).and_then(|()| gzip.finish()).unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        let zlib = zlib.write_all(body.as_bytes()).and_then(|()| zlib.finish()).unwrap();
        for (bytes, coding) in [(&gzip, Coding::Gzip), (&zlib, Coding::Deflate)] {
            for bytes in [&bytes[..], &bytes[..bytes.len() - 9]] {
                let found = Identity::in_start_of(bytes, coding);
                assert_eq!(found.destination_id.as_deref(), Some("d-1"), "{coding:?}");
            }
            assert_eq!(Identity::in_start_of(b"not compressed", coding), Identity::default());
        }
        assert_eq!(Identity::in_start_of(b"not compressed", Coding::Brotli), Identity::default());
    }

    #[test]
    fn no_ids_are_taken_from_malformed_bodies_or_from_values_that_cannot_be_ids() {
        for value in ["7", "null", "\"\"", "\"a b\"", "\"a\\nb\"", "{\"x\":\"y\"}", &format!("\"{}\"", "ü".repeat(65))]
        {
            let found = look(&format!("[{{\"metadata\":{{\"destinationId\":{value},\"workspaceId\":\"w1\"}}}}]"));
            assert_eq!((found[1].as_deref(), found[3].as_deref()), (None, Some("w1")), "{value}");
        }
        let long = look(&format!("[{{\"metadata\":{{\"destinationId\":\"{}\"}}}}]", "x".repeat(10_000)));
        assert_eq!(long[1], Some(format!("{}…", "x".repeat(64))));
        let deep = "[".repeat(100_000);
        for body in ["", "7", "\"x\"", "null", "[", "{", "[null]", "[[[1]]]", "{\"input\":7}", "\u{0}", &deep] {
            assert_eq!(look(body), [const { None }; 4], "{body:.20}");
        }
        let late = format!("[{{\"message\":\"{}\",{METADATA}}}]", "x".repeat(LOOK_BYTES));
        assert_eq!(look(&late), [const { None }; 4], "beyond the searched bytes");
    }
}
