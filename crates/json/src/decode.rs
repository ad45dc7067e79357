//! Bytes as text (docs/contract.md#request-body).

use std::borrow::Cow;

/// Reads bytes as text: a leading BOM is skipped, invalid UTF-8 becomes U+FFFD, so that one bad byte in one
/// event costs no other one its response.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = without_bom(bytes);
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// The bytes without a leading BOM.
#[must_use]
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
