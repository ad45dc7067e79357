//! Decodes the bytes of a body to text (docs/contract.md#request-body).

use std::borrow::Cow;

/// Decodes UTF-8 and skips a leading BOM.
///
/// Invalid UTF-8 becomes U+FFFD, so a bad byte in one event does not fail the other events of the request.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = without_bom(bytes);
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Returns `bytes` without the BOM at the start, if there is one.
#[must_use]
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
