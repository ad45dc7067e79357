//! Whose events a request has, as far as the start of its body shows it.

use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::LOOK_BYTES;
use crate::server::http::path::is_name;
use crate::server::http::unserved::Identity;
use transform::request::coding::Coding;

impl Identity {
    /// Looks at the first 32 KiB of a body, decompressed. Whatever is not there, or not as rudder-server sends it, is
    /// `None`.
    #[must_use]
    pub fn in_start_of(body: &[u8], coding: Coding) -> Self {
        let text = decompressed(&body[..body.len().min(LOOK_BYTES)], coding);
        let mut found = Self::default();
        let mut reader = serde_json::Deserializer::from_slice(&text);
        // The text mostly ends somewhere in the middle: what was found until then counts.
        Look { place: Place::Request, found: &mut found }.deserialize(&mut reader).ok();
        found
    }
}

fn decompressed(bytes: &[u8], coding: Coding) -> Vec<u8> {
    let mut text = Vec::new();
    let limit = LOOK_BYTES as u64;
    // Of a part of a compressed body, the part that it decompresses to counts.
    match coding {
        Coding::Identity => return bytes.to_vec(),
        Coding::Gzip => flate2::bufread::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut text),
        Coding::Deflate => flate2::bufread::ZlibDecoder::new(bytes).take(limit).read_to_end(&mut text),
        Coding::Brotli => brotli::Decompressor::new(bytes, 4096).take(limit).read_to_end(&mut text),
    }
    .ok();
    text
}

/// Where in a request a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The body: an array of events, or an object with `input`, or one that is like an event.
    Request,
    /// The value of `input`.
    Events,
    /// One event.
    Event,
    /// The value of `metadata`: an object, or an array of them.
    Metadata,
}

/// Walks to the IDs of the first event. It goes down a fixed number of levels; all other values are skipped without recursion.
struct Look<'f> {
    place: Place,
    found: &'f mut Identity,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let place = match self.place {
            Place::Request | Place::Events => Place::Event,
            Place::Metadata | Place::Event => Place::Metadata,
        };
        values.next_element_seed(Look { place, found: self.found })?;
        // `destType` may come after the events.
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            let found = &mut *self.found;
            let slot = match (self.place, name.as_str()) {
                (Place::Request, "input") => {
                    fields.next_value_seed(Look { place: Place::Events, found })?;
                    continue;
                }
                (Place::Request | Place::Event, "metadata") => {
                    fields.next_value_seed(Look { place: Place::Metadata, found })?;
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
            let is_usable = if name.ends_with("Type") { is_name } else { is_id };
            if let Value::String(text) = fields.next_value()?
                && is_usable(&text)
                && slot.is_none()
            {
                *slot = Some(text);
            }
        }
        Ok(())
    }
}

/// Whether a text looks like an ID: visible, short, and without anything that a log would have to escape.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte))
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
    fn ids_are_found_in_every_form_of_a_request() {
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
    fn compressed_bodies_are_looked_into() {
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
    fn what_is_no_id_is_not_taken_and_no_body_is_too_odd() {
        for value in ["7", "null", "\"\"", "\"a b\"", "\"a\\nb\"", "{\"x\":\"y\"}", &format!("\"{}\"", "x".repeat(65))]
        {
            let found = look(&format!("[{{\"metadata\":{{\"destinationId\":{value},\"workspaceId\":\"w1\"}}}}]"));
            assert_eq!((found[1].as_deref(), found[3].as_deref()), (None, Some("w1")), "{value}");
        }
        let deep = "[".repeat(100_000);
        for body in ["", "7", "\"x\"", "null", "[", "{", "[null]", "[[[1]]]", "{\"input\":7}", "\u{0}", &deep] {
            assert_eq!(look(body), [const { None }; 4], "{body:.20}");
        }
        let late = format!("[{{\"message\":\"{}\",{METADATA}}}]", "x".repeat(LOOK_BYTES));
        assert_eq!(look(&late), [const { None }; 4], "beyond what is looked at");
    }
}
