//! Lines for `kcat -P -K '\t'`: key, tab, message. What kcat would take apart elsewhere is not written.

use super::output::{Payload, push_line};
use crate::transform::text::Text;

/// The key would not come out as it went in.
#[derive(Debug)]
pub(super) struct Unfit;

/// Appends the line of a payload. Its message is JSON in one line, which has no tab but in a place where it means nothing.
///
/// # Errors
/// [`Unfit`] where the key has a character that ends a key or a line; nothing is appended then.
pub(super) fn push(out: &mut String, payload: &Payload<'_>) -> Result<(), Unfit> {
    let key = payload.user_id.and_then(|raw| raw.as_string()).map(key_of).unwrap_or_default();
    if key.contains(['\t', '\n', '\0']) {
        return Err(Unfit);
    }
    out.push_str(&key);
    out.push('\t');
    push_line(out, payload.message.map_or("{}", |raw| raw.text()));
    out.push('\n');
    Ok(())
}

/// The key's characters; a lone surrogate, which is none, becomes U+FFFD, as everywhere behind rudder-server.
fn key_of(text: Text<'_>) -> String {
    let mut key = String::new();
    for chunk in text.decoded().utf8_chunks() {
        key.push_str(chunk.valid());
        // It comes as three chunks of one byte, of which this is the first.
        if chunk.invalid() == [0xed] {
            key.push(char::REPLACEMENT_CHARACTER);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::json::Raw;

    #[test]
    fn keys_come_out_as_characters() {
        for (json, key) in [(r#""u-1""#, "u-1"), (r#""\ud800x""#, "\u{fffd}x"), (r#""\ud83d\ude00é""#, "😀é"), ("\"\"", "")] {
            assert_eq!(key_of(Raw::parse(json).unwrap().as_string().unwrap()), key);
        }
    }
}
