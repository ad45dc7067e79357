//! Reads the `output` of the response to an event, and computes the size of the Kafka record that rudder-server
//! produces from this `output`.

use crate::partition::as_received;
use json::invalid::Invalid;
use json::raw::Raw;
use json::reader::Reader;

/// The `output` of the response to an event.
#[derive(Debug, Clone, Copy)]
pub struct Produced<'a> {
    /// The complete `output`.
    pub raw: Raw<'a>,
    /// The message.
    pub message: Option<Raw<'a>>,
    /// The key, which is a string.
    pub user_id: Option<Raw<'a>>,
    /// The ID of the Avro schema.
    pub schema_id: Option<Raw<'a>>,
    /// The topic.
    pub topic: Option<Raw<'a>>,
}

/// The size of a record without key and value, in bytes, as kafka-go counts it: CRC, magic byte, attributes, timestamp,
/// and the lengths of key and value.
const RECORD_OVERHEAD: u64 = 22;

impl<'a> Produced<'a> {
    /// Reads the response for a transformed event. Returns `None` for a rejected event. Only `output`, the first field
    /// of the response, is read.
    #[must_use]
    pub fn of(response: &'a str) -> Option<Self> {
        let mut reader = Reader::new(response.strip_prefix("{\"output\":")?);
        let [mut message, mut user_id, mut schema_id, mut topic] = [None; 4];
        let raw = reader.object::<Invalid>(|reader, key| {
            let value = reader.value()?;
            match &*key.decoded() {
                b"message" => message = Some(value),
                b"userId" => user_id = Some(value),
                b"schemaId" => schema_id = Some(value),
                b"topic" => topic = Some(value),
                _ => {}
            }
            Ok(())
        });
        Some(Self { raw: raw.ok()?, message, user_id, schema_id, topic })
    }

    /// The key as rudder-server reads it from the response.
    #[must_use]
    pub fn key(&self) -> String {
        self.user_id.and_then(Raw::as_string).map(|text| as_received(&text.decoded())).unwrap_or_default()
    }

    /// Returns the size of the record, in bytes. rudder-server's Kafka client compares this size with
    /// `Router.KAFKA.batchBytes`.
    ///
    /// The size is the sum of the size of the key, the size of the message as reformatted by rudder-server, and the
    /// record overhead (docs/contract.md#delivery-by-rudder-server).
    #[must_use]
    pub fn record_bytes(&self) -> u64 {
        let message = self.message.map_or(2, |message| printed_bytes(message.text()));
        self.key().len() as u64 + message + RECORD_OVERHEAD
    }
}

/// Returns the size of a JSON text, in bytes, after rudder-server has removed whitespace and unnecessary escapes.
/// Numbers keep their length.
fn printed_bytes(json: &str) -> u64 {
    let bytes = json.as_bytes();
    let (mut count, mut at, mut in_string) = (0, 0, false);
    while let Some(byte) = bytes.get(at) {
        let (read, printed) = match byte {
            b'\\' if in_string => escape_bytes(&bytes[at + 1..]),
            b'"' => {
                in_string = !in_string;
                (1, 1)
            }
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => (1, 0),
            _ => (1, 1),
        };
        at += read;
        count += printed;
    }
    count
}

/// Returns the length of an escape in bytes, including the backslash, before and after rudder-server reformats it.
/// `rest` is the text after the backslash. A surrogate pair is treated as one escape.
fn escape_bytes(rest: &[u8]) -> (usize, u64) {
    let Some(b'u') = rest.first() else {
        let is_kept = matches!(rest.first(), Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't'));
        return (2, if is_kept { 2 } else { 1 });
    };
    let unit = |from: &[u8]| u32::from_str_radix(std::str::from_utf8(from.get(1..5)?).ok()?, 16).ok();
    let Some(first) = unit(rest) else { return (2, 1) };
    match char::from_u32(first) {
        Some('"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t') => (6, 2),
        Some(character) if character.is_control() && character.is_ascii() && character != '\u{7f}' => (6, 6),
        Some(character) => (6, character.len_utf8() as u64),
        None => {
            let second = rest.get(5..).and_then(|rest| rest.strip_prefix(b"\\")).and_then(unit);
            let is_pair = first < 0xdc00 && second.is_some_and(|second| (0xdc00..0xe000).contains(&second));
            // A lone surrogate becomes U+FFFD.
            if is_pair { (12, 4) } else { (6, 3) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_key_message_and_schema_id_are_read_from_a_response() {
        let response = r#"{"output":{"message":{"a":1},"userId":"u-\ud800","schemaId":7,"topic":"t"},"metadata":{},"statusCode":200}"#;
        let produced = Produced::of(response).unwrap();
        assert_eq!(produced.raw.text(), &response[10..response.find(",\"metadata\"").unwrap()]);
        assert_eq!((produced.message.unwrap().text(), produced.key().as_str()), (r#"{"a":1}"#, "u-\u{fffd}"));
        assert_eq!((produced.schema_id.unwrap().text(), produced.topic.unwrap().text()), ("7", "\"t\""));
        assert_eq!(produced.record_bytes(), 22 + 5 + 7);
        assert!(Produced::of(r#"{"metadata":{},"statusCode":400}"#).is_none());
    }

    #[test]
    fn the_message_size_excludes_whitespace_and_unnecessary_json_escapes() {
        for (json, printed) in [
            ("{ \"a b\" : [ 1.50,\n\ttrue ] }", r#"{"a b":[1.50,true]}"#),
            (r#""\u00fc\/\u0041""#, "\"ü/A\""),
            (r#""\ud83d\ude00\ud83d\u0041\udc00""#, "\"😀\u{fffd}A\u{fffd}\""),
            (r#""\"\\\n\u000a\u0001\u0022""#, r#""\"\\\n\n\u0001\"""#),
            ("\"\\ud83d", "\"\u{fffd}"),
        ] {
            assert_eq!(printed_bytes(json), printed.len() as u64, "{json}");
        }
    }
}
