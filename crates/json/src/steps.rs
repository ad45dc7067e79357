//! Uses vector registers to compare 16 bytes at a time, in safe code.
//!
//! The results are masks with one bit per byte of the text. The lowest bit represents the first byte.

use wide::u8x16;

/// The size of a vector register, in bytes.
pub const STEP: usize = 16;

/// Returns a mask of the bytes that are special in a string: quotes, backslashes and control characters.
#[inline]
pub fn specials(step: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*step);
    // Flipping the bit 0x02 moves the quote to 0x20, while control characters stay below 0x20.
    let turned = bytes ^ u8x16::splat(b'"' ^ 0x20);
    let quote_or_control = turned.min(u8x16::splat(0x20)).simd_eq(turned);
    (quote_or_control | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// The size of a block, in bytes. One `u64` has a bit for each byte of a block.
pub const BLOCK: usize = 4 * STEP;

/// Returns the same mask as [`specials`], but for a block.
#[inline]
pub fn specials_of_block(block: &[u8; BLOCK]) -> u64 {
    joined(block, specials)
}

/// Calls `found` for every 16 bytes of a block, and joins the returned masks into one mask.
#[inline]
fn joined(block: &[u8; BLOCK], found: impl Fn(&[u8; STEP]) -> u32) -> u64 {
    let (steps, _) = block.as_chunks::<STEP>();
    steps.iter().rev().fold(0, |all, step| all << STEP | u64::from(found(step)))
}

/// Returns a mask of the quotes and backslashes, which are the only special bytes in a valid string.
#[inline]
pub fn ends_of_string(step: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*step);
    (bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// Returns a mask of the bytes that can follow a valid scalar: commas, closing brackets and whitespace.
#[inline]
pub fn ends_of_scalar(step: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*step);
    let space = bytes.min(u8x16::splat(b' ')).simd_eq(bytes);
    let close = (bytes | u8x16::splat(0x20)).simd_eq(u8x16::splat(b'}'));
    (space | close | bytes.simd_eq(u8x16::splat(b','))).to_bitmask()
}

/// Masks of the structural bytes of a block: quotes, backslashes, braces and brackets, even if they are inside strings.
#[derive(Debug, Clone, Copy)]
pub struct Structure {
    /// The mask of quotes.
    pub quotes: u64,
    /// The mask of backslashes.
    pub backslashes: u64,
    /// The mask of `{` and `[`.
    pub opens: u64,
    /// The mask of `}` and `]`.
    pub closes: u64,
}

/// Returns masks of the structural bytes of a block.
#[inline]
pub fn structure_of_block(block: &[u8; BLOCK]) -> Structure {
    let places = |byte| joined(block, |step| u8x16::new(*step).simd_eq(u8x16::splat(byte)).to_bitmask());
    // `[` and `]` differ from `{` and `}` only in this bit.
    let turned = u8x16::splat(0x20);
    let brackets = |byte| joined(block, |step| (u8x16::new(*step) | turned).simd_eq(u8x16::splat(byte)).to_bitmask());
    Structure { quotes: places(b'"'), backslashes: places(b'\\'), opens: brackets(b'{'), closes: brackets(b'}') }
}

/// Returns a mask of the bytes that are not digits.
#[inline]
pub fn non_digits(step: &[u8; STEP]) -> u32 {
    let bytes = u8x16::new(*step);
    let digits = bytes.max(u8x16::splat(b'0')).min(u8x16::splat(b'9')).simd_eq(bytes);
    !digits.to_bitmask()
}

/// Returns the length of the common prefix of two texts, in bytes.
#[inline]
pub fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let steps = one.as_chunks::<STEP>().0.iter().zip(other.as_chunks::<STEP>().0);
    let mut at = 0;
    for (a, b) in steps {
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
    fn the_common_prefix_ends_at_the_first_different_byte() {
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
