//! Limits on size, nesting and total work, which bound time and memory for any file.

/// The maximum size of a file in bytes.
pub const MAX_BYTES: usize = 8 << 20;

/// The maximum nesting depth of brackets, and of constants that use constants.
pub(super) const MAX_DEPTH: usize = 100;

/// The maximum cost of all cases of a file: 1 per value, and 1 per [`BYTES_PER_COST`] bytes of a string.
///
/// If each constant uses the previous one twice, the size of the values grows exponentially. The actual limit therefore
/// depends on the size of the file. It is [`BASE_COST`] plus [`COST_PER_TOKEN`] for each token of the file and of its
/// imports, up to this maximum.
pub(super) const MAX_COST: usize = 4 << 20;

/// The part of the cost limit that does not depend on the size of the file.
pub(super) const BASE_COST: usize = 64 << 10;

/// The cost that each token adds to the limit.
pub(super) const COST_PER_TOKEN: usize = 16;

/// The number of bytes of a string that cost as much as one value.
pub(super) const BYTES_PER_COST: usize = 8;

/// The maximum number of files that one file may import, directly or indirectly.
pub(super) const MAX_FILES: usize = 32;
