//! Computes the partition of a key as rudder-server's producer does (docs/contract.md#partition).
//!
//! Responses do not depend on the partition.

use std::num::NonZeroU32;

/// Returns the partition of a key: its 32-bit FNV-1a hash without the sign bit, modulo the number of partitions.
#[must_use]
pub fn of_key(key: &str, partitions: NonZeroU32) -> u32 {
    of_hash(hash_of_key(key), partitions)
}

/// Returns the hash that determines the partition of a key.
#[must_use]
pub fn hash_of_key(key: &str) -> u32 {
    fnv1a(key.as_bytes())
}

/// Returns [`hash_of_key`] for a key given as a JSON string without its quotes. Returns `None` if the key contains an
/// escape and must be decoded first.
#[must_use]
pub fn hash_of_escaped_key(escaped: &str) -> Option<u32> {
    // The hash loop also searches for escapes, because most keys are so short that a separate search would take longer
    // than the hash.
    let mut hash = FNV_OFFSET;
    for byte in escaped.bytes() {
        if byte == b'\\' {
            return None;
        }
        hash = fnv1a_step(hash, byte);
    }
    Some(hash)
}

/// Returns the partition of a key with this [hash](hash_of_key).
#[must_use]
pub fn of_hash(hash: u32, partitions: NonZeroU32) -> u32 {
    (hash & 0x7fff_ffff) % partitions
}

/// Formats a partition with the range of partition numbers, such as `partition 1 (0–11)`.
#[must_use]
pub fn named(partition: u32, partitions: NonZeroU32) -> String {
    format!("partition {partition} (0–{})", partitions.get() - 1)
}

const FNV_OFFSET: u32 = 0x811c_9dc5;

fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(FNV_OFFSET, |hash, byte| fnv1a_step(hash, *byte))
}

fn fnv1a_step(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}

/// Returns a decoded string as rudder-server reads it from the response: in UTF-8, with U+FFFD for each lone
/// surrogate.
///
/// `decoded` must be a result of [`json::text::Text::decoded`].
#[must_use]
pub fn as_received(decoded: &[u8]) -> String {
    let mut out = String::with_capacity(decoded.len());
    for chunk in decoded.utf8_chunks() {
        out.push_str(chunk.valid());
        // Each of the three bytes of a surrogate is a separate invalid chunk. The first byte, 0xed, is replaced; the
        // other two are dropped.
        if chunk.invalid().first() == Some(&0xed) {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use json::text::unescape;

    #[test]
    fn the_hash_of_a_partition_key_is_fnv_1a() {
        // Test vectors from the authors of the hash function.
        for (text, hash) in [("", 0x811c_9dc5), ("a", 0xe40c_292c), ("b", 0xe70c_2de5), ("foobar", 0xbf9c_f968)] {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn the_json_text_of_a_key_is_hashed_only_if_it_contains_no_escapes() {
        for key in ["", "u-42", "ü😀"] {
            assert_eq!(hash_of_escaped_key(key), Some(hash_of_key(key)), "{key}");
        }
        assert_eq!([r"\", r"a\n", r"\u0041b"].map(hash_of_escaped_key), [None; 3]);
    }

    #[test]
    fn the_sign_bit_of_the_key_hash_is_cleared_before_the_modulo() {
        let partitions = |count| NonZeroU32::new(count).unwrap();
        assert_eq!(of_key("", partitions(12)), (0x811c_9dc5 - 0x8000_0000) % 12);
        assert_eq!(of_key("foobar", partitions(12)), (0xbf9c_f968 - 0x8000_0000) % 12);
        assert_eq!(of_key("foobar", partitions(1)), 0);
        assert_eq!(of_key("foobar", partitions(u32::MAX)), 0xbf9c_f968 - 0x8000_0000);
    }

    #[test]
    fn a_partition_is_formatted_with_the_range_of_partition_numbers() {
        let named = |partition, partitions| named(partition, NonZeroU32::new(partitions).unwrap());
        assert_eq!((named(1, 12).as_str(), named(0, 1).as_str()), ("partition 1 (0–11)", "partition 0 (0–0)"));
    }

    #[test]
    fn a_lone_surrogate_in_a_key_becomes_one_replacement_character() {
        for (escaped, received) in [
            (r"u-\ud800", "u-\u{fffd}"),
            (r"\ud800\ud800x", "\u{fffd}\u{fffd}x"),
            (r"\udc00\ud83d\ude00", "\u{fffd}😀"),
            (r"ü\u00e9", "üé"),
        ] {
            assert_eq!(as_received(&unescape(escaped)), received, "{escaped}");
        }
    }
}
