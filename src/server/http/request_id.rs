//! The ID of a request: the value of `X-Request-ID` if the client sent a valid one, or else a new ID.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header that contains the ID of a request, both in the request and in its response.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The maximum length of an ID from a client, in characters.
const MAX_LENGTH: usize = 128;

/// The length of a new ID, in characters.
const LENGTH: usize = 32;

/// Creates IDs that are unique across requests and processes.
#[derive(Debug)]
pub struct RequestIds {
    /// 80 random bits, different for each process.
    process: u128,
    /// The number of IDs created so far. Each ID contains the low 48 bits of this number, which do not repeat for nine
    /// years at a million requests per second.
    count: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        // The standard library seeds its hash maps from the system's random source.
        let half = |salt: u8| u128::from(RandomState::new().hash_one(salt));
        Self { process: (half(0) << 64 | half(1)) & ((1 << 80) - 1), count: AtomicU64::new(0) }
    }
}

impl RequestIds {
    /// Returns the ID of the request with these headers. The ID is a copy, because a slice of the headers would keep
    /// the read buffer in memory.
    #[must_use]
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
        headers
            .get(X_REQUEST_ID)
            .filter(|id| is_usable(id.as_bytes()))
            .and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok())
            .unwrap_or_else(|| self.make())
    }

    /// Creates a new ID: 32 lowercase hexadecimal digits.
    fn make(&self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let count = u128::from(self.count.fetch_add(1, Ordering::Relaxed)) & ((1 << 48) - 1);
        let mut id = self.process << 48 | count;
        let mut text = [0; LENGTH];
        for digit in text.iter_mut().rev() {
            *digit = DIGITS[(id & 15) as usize];
            id >>= 4;
        }
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Whether a client's ID may be written to logs and responses: 1 to 128 visible ASCII characters.
fn is_usable(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn id(ids: &RequestIds, sent: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(sent).unwrap());
        ids.of(&headers).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_valid_x_request_id_is_kept_and_any_other_is_replaced() {
        let ids = RequestIds::default();
        let longest = "x".repeat(128);
        for sent in ["a", "~!{}\"=", "0af7651916cd43dd8448eb211c80319c", &longest] {
            assert_eq!(id(&ids, sent.as_bytes()), sent);
        }
        let too_long = "x".repeat(129);
        for sent in [b"".as_slice(), b"a b", b"a\tb", "é".as_bytes(), b"\xff", too_long.as_bytes()] {
            let made = id(&ids, sent);
            assert_eq!(made.len(), 32, "{sent:?}");
            assert!(made.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{made}");
        }
    }

    #[test]
    fn generated_request_ids_are_unique_within_and_across_processes() {
        let (one, other) = (RequestIds::default(), RequestIds::default());
        let made: HashSet<_> = (0..1000).flat_map(|_| [one.make(), other.make()]).collect();
        assert_eq!(made.len(), 2000);
        assert_ne!(one.process, other.process);
    }
}
