//! Compares 16 bytes at a time with vector registers, in safe code.
//!
//! Results are masks with one bit per byte. The lowest bit represents the first byte.

use wide::u8x16;

/// The size of a vector register, in bytes.
pub const STEP: usize = 16;

/// Finds the bytes that are special in a string: quotes, backslashes and control characters.
#[inline]
pub fn specials(step: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*step);
    // Flipping this bit moves the quote to 0x20, while control characters stay below 0x20.
    let turned = bytes ^ u8x16::splat(b'"' ^ 0x20);
    let quote_or_control = turned.min(u8x16::splat(0x20)).simd_eq(turned);
    (quote_or_control | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// The size of a lookahead block, in bytes.
pub const BLOCK: usize = 4 * STEP;

/// Finds the same bytes as [`specials`] in a block.
#[inline]
pub fn specials_of_block(block: &[u8; BLOCK]) -> u64 {
    joined(block, specials)
}

/// Joins the masks that `found` returns for the steps of a block.
#[inline]
fn joined(block: &[u8; BLOCK], found: impl Fn(&[u8; STEP]) -> u32) -> u64 {
    let (steps, _) = block.as_chunks::<STEP>();
    steps.iter().rev().fold(0, |all, step| all << STEP | u64::from(found(step)))
}

/// Finds quotes and backslashes, the only special bytes of a valid string.
#[inline]
pub fn ends_of_string(step: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*step);
    (bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// Finds the bytes that end a valid scalar: commas, closing brackets and whitespace.
#[inline]
pub fn ends_of_scalar(step: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*step);
    let space = bytes.min(u8x16::splat(b' ')).simd_eq(bytes);
    let close = (bytes | u8x16::splat(0x20)).simd_eq(u8x16::splat(b'}'));
    (space | close | bytes.simd_eq(u8x16::splat(b','))).to_bitmask()
}

/// The structural bytes of a block, including those inside strings.
#[derive(Debug, Clone, Copy)]
pub struct Structure {
    /// Quotes.
    pub quotes: u64,
    /// Backslashes.
    pub backslashes: u64,
    /// `{` and `[`.
    pub opens: u64,
    /// `}` and `]`.
    pub closes: u64,
}

/// Finds the structural bytes of a block.
#[inline]
pub fn structure_of_block(block: &[u8; BLOCK]) -> Structure {
    let places = |byte| joined(block, |step| u8x16::new(*step).simd_eq(u8x16::splat(byte)).to_bitmask());
    // `[` and `]` differ from `{` and `}` only in this bit.
    let turned = u8x16::splat(0x20);
    let brackets = |byte| joined(block, |step| (u8x16::new(*step) | turned).simd_eq(u8x16::splat(byte)).to_bitmask());
    Structure { quotes: places(b'"'), backslashes: places(b'\\'), opens: brackets(b'{'), closes: brackets(b'}') }
}

/// Finds the bytes that are not digits.
#[inline]
pub fn others_than_digits(step: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*step);
    let digits = bytes.max(u8x16::splat(b'0')).min(u8x16::splat(b'9')).simd_eq(bytes);
    !digits.to_bitmask()
}

/// Returns the length of the common prefix of two texts.
#[inline]
pub fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let mut at = 0;
    while let (Some(a), Some(b)) = (one[at..].first_chunk::<STEP>(), other.get(at..).and_then(<[u8]>::first_chunk)) {
        let same = u8x16::new(*a).simd_eq(u8x16::new(*b)).to_bitmask();
        let differing = !same & 0xffff;
        if differing != 0 {
            return at + differing.trailing_zeros() as usize;
        }
        at += STEP;
    }
    at + one[at..].iter().zip(&other[at..]).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_prefix_ends_where_texts_differ() {
        let one: Vec<u8> = (0..70).collect();
        for length in 0..one.len() {
            assert_eq!(common_prefix(&one, &one[..length]), length);
            assert_eq!(common_prefix(&one[..length], &one), length);
            let mut other = one.clone();
            other[length] = 0xff;
            assert_eq!(common_prefix(&one, &other), length);
        }
    }
}
