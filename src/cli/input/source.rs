//! Reads bytes from a file or from stdin. gzip is detected by the first bytes of the data, regardless of the file name.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::error::InputError;

/// The file name that means stdin.
pub(in crate::cli) const STANDARD_INPUT: &str = "-";

/// Whether a path is `-`.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
}

/// An existing file, or stdin.
pub(super) struct Source {
    name: Arc<str>,
    place: Origin,
    bytes: Option<u64>,
}

enum Origin {
    StandardInput,
    /// A file that is opened only when it is read, because there may be more files than file descriptors.
    File(PathBuf),
    /// A pipe or a device, which can be opened only once.
    Open(File),
}

/// An open source.
pub(super) struct Stream {
    /// The name of the input, as shown in errors and warnings.
    pub(super) name: Arc<str>,
    bytes: Box<dyn Read + Send>,
    gzip: bool,
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The number of compressed bytes that are read at once.
const COMPRESSED_STEP: usize = 256 << 10;

impl Source {
    /// Checks that a file can be read. `-` means stdin.
    ///
    /// # Errors
    /// Returns [`InputError::Unreadable`].
    pub(super) fn find(path: &Path) -> Result<Self, InputError> {
        if path == Path::new("-") {
            return Ok(Self { name: "stdin".into(), place: Origin::StandardInput, bytes: None });
        }
        let name: Arc<str> = path.display().to_string().into();
        let found = File::open(path).and_then(|file| {
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let regular = metadata.is_file();
            let place = if regular { Origin::File(path.to_owned()) } else { Origin::Open(file) };
            Ok((place, regular.then_some(metadata.len())))
        });
        match found {
            Ok((place, bytes)) => Ok(Self { name, place, bytes }),
            Err(error) => Err(InputError::Unreadable { name, error }),
        }
    }

    /// Returns the name of the input, as shown in errors and warnings.
    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Returns the size on disk in bytes, if it is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Opens the source. The number of bytes read from disk is added to `read`.
    ///
    /// # Errors
    /// Returns [`InputError::Unreadable`].
    pub(super) fn open(self, read: &Arc<AtomicU64>) -> Result<Stream, InputError> {
        let name = self.name;
        let unreadable = |error| InputError::Unreadable { name: Arc::clone(&name), error };
        let bytes: Box<dyn Read + Send> = match self.place {
            Origin::StandardInput => Box::new(io::stdin()),
            Origin::File(path) => Box::new(File::open(path).map_err(unreadable)?),
            Origin::Open(file) => Box::new(file),
        };
        let mut bytes = Counted { bytes, read: Arc::clone(read) };
        let mut magic = Vec::new();
        bytes.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic).map_err(unreadable)?;
        let gzip = magic == GZIP_MAGIC;
        let bytes = Cursor::new(magic).chain(bytes);
        let bytes: Box<dyn Read + Send> = if gzip {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(COMPRESSED_STEP, bytes)))
        } else {
            Box::new(bytes)
        };
        Ok(Stream { name, bytes, gzip })
    }
}

impl Stream {
    /// Creates a stream that returns the given bytes in pieces of `step` bytes.
    #[cfg(test)]
    pub(super) fn of_bytes(bytes: &[u8], step: usize) -> Self {
        struct Pieces(Cursor<Vec<u8>>, usize);
        impl Read for Pieces {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let step = self.1.min(buffer.len());
                self.0.read(&mut buffer[..step])
            }
        }
        Self { name: "test".into(), bytes: Box::new(Pieces(Cursor::new(bytes.to_vec()), step)), gzip: false }
    }

    /// Reads up to `step` bytes, and appends them to `buffer`. Stops earlier if reading more would block. Returns the
    /// number of bytes read; 0 means the end of the stream.
    ///
    /// # Errors
    /// Returns [`InputError::Unreadable`] or [`InputError::Gzip`].
    pub(super) fn read_into(&mut self, buffer: &mut Vec<u8>, step: usize) -> Result<usize, InputError> {
        let before = buffer.len();
        buffer.resize(before + step, 0);
        let read = loop {
            match self.bytes.read(&mut buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        buffer.truncate(before + read.as_ref().map_or(0, |bytes| *bytes));
        read.map_err(|error| {
            let name = Arc::clone(&self.name);
            let damaged = matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
            if self.gzip && (damaged || error.kind() == io::ErrorKind::UnexpectedEof) {
                InputError::Gzip { name }
            } else {
                InputError::Unreadable { name, error }
            }
        })
    }
}

/// Counts the bytes that are read from disk.
struct Counted {
    bytes: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes.read(buffer)?;
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}
