//! Reads small files whose paths are settings, such as the operator token.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The maximum size, in bytes, of a file that [`read_bounded`] reads.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Returns the content of a small file.
///
/// # Errors
/// Fails if the file cannot be read, is not a regular file, or is larger than 1 MiB.
pub(crate) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    // Only regular files are read, because reading from a pipe could block.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other("the file is larger than 1 MiB"));
    }
    Ok(bytes)
}
