//! Decodes the bytes of a body as text (docs/contract.md#request-body).

use std::borrow::Cow;
use std::str::Utf8Chunk;

use crate::server::limits::memory_budget::Reservation;
use json::decode::without_bom;
use transform::meter::Halt;

/// Decodes bytes like [`json::decode::text`], but reserves memory in `share` before allocating it.
///
/// # Errors
/// Like [`Reservation::reserve`].
pub fn text_within<'b>(bytes: &'b [u8], share: &Reservation) -> Result<Cow<'b, str>, Halt> {
    let bytes = without_bom(bytes);
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    let of_chunk = |chunk: Utf8Chunk<'_>| (chunk.valid().len(), !chunk.invalid().is_empty());
    let replaced = |(valid, is_broken)| valid + if is_broken { char::REPLACEMENT_CHARACTER.len_utf8() } else { 0 };
    let length = bytes.utf8_chunks().map(of_chunk).map(replaced).sum();
    share.reserve(length)?;
    let mut text = String::with_capacity(length);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::limits::memory_budget::MemoryBudget;
    use json::decode::text;

    #[test]
    fn a_body_is_decoded_to_the_same_text_with_and_without_a_memory_budget() {
        let budget = MemoryBudget::up_to(1 << 20);
        for bytes in [&b"plain"[..], b"\xef\xbb\xbfbom", b"a\xff\xfeb", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"", b"\xff"]
        {
            let share = budget.reservation();
            let within = text_within(bytes, &share).unwrap();
            assert_eq!(within, text(bytes));
            assert_eq!(share.bytes(), if matches!(within, Cow::Owned(_)) { within.len() } else { 0 });
        }
        let small = MemoryBudget::up_to(100);
        assert_eq!(text_within(&[0xff; 50], &small.reservation()), Err(Halt::MemoryLimit));
    }
}
