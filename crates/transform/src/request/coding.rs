//! The compression of request bodies (docs/contract.md#request-body).

/// A content coding, as in the header `Content-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// The body is not compressed.
    Identity,
    /// `gzip`.
    Gzip,
    /// `deflate`, which is the zlib format.
    Deflate,
    /// `br`.
    Brotli,
}

impl Coding {
    /// Returns the coding called `name`, ignoring case. A blank name means [`Coding::Identity`]. Returns `None` for an
    /// unknown name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            _ => None,
        }
    }
}
