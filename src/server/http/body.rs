//! Collects and decompresses request bodies within the limits (docs/contract.md#request-body).

use std::io::Read;
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use actix_web::web::Payload;
use actix_web::{HttpMessage as _, HttpRequest};
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::coding::coding_of;
use super::error::RequestError;
use super::identity;
use super::lengths::{Received, declared_length};
use crate::server::limits::limit::LimitValue;
use crate::server::limits::load_shedding::LoadShedding;
use crate::server::limits::memory_budget::{MemoryBudget, Reservation};
use crate::server::limits::min_rate::MinRate;
use crate::server::limits::permits::Permits;
use transform::meter::Halt;
use transform::request::coding::Coding;

/// Collects request bodies, within the limits for one body and for all requests together.
#[derive(Debug, Clone)]
pub struct BodyReader {
    /// The maximum size of a body in bytes, both as sent and decompressed.
    pub max_bytes: usize,
    /// The maximum idle time while a body arrives, see [`MinRate`].
    pub timeout: Duration,
    /// The memory budget shared by all requests.
    pub budget: MemoryBudget,
    /// Rejects requests while the worker is overloaded.
    pub shedding: LoadShedding,
    /// The permits for large requests, which are processed off the event loop.
    pub permits: Permits,
}

/// A request body as it was sent.
#[derive(Debug)]
pub struct Body {
    bytes: Bytes,
    coding: Coding,
    limit: usize,
    share: Reservation,
}

/// The minimum size, in bytes, of a large body. A large body is processed off the event loop, so that other requests do
/// not wait for it.
const LARGE_BODY_BYTES: usize = 1 << 20;

/// The maximum capacity, in bytes, that is allocated before the first byte of a body has arrived.
const MAX_RESERVED: usize = 1 << 20;

impl BodyReader {
    /// Collects the body of a request, within the limits.
    ///
    /// # Errors
    /// [`RequestError::PayloadTooLarge`], [`RequestError::UnsupportedMediaType`], [`RequestError::Overloaded`],
    /// [`RequestError::RequestTimeout`]. [`RequestError::BadRequest`] if the client disconnects.
    pub async fn collect(&self, request: &HttpRequest, payload: Payload) -> Result<Body, RequestError> {
        self.collect_up_to(self.max_bytes, request, payload).await
    }

    /// Like [`Self::collect`], but `limit` is the maximum size of the body in bytes.
    ///
    /// # Errors
    /// Like [`Self::collect`].
    pub async fn collect_up_to(
        &self,
        limit: usize,
        request: &HttpRequest,
        mut payload: Payload,
    ) -> Result<Body, RequestError> {
        let mut bytes = Vec::new();
        match self.receive(limit, request, &mut payload, &mut bytes).await {
            Ok((coding, share)) => Ok(Body { bytes: bytes.into(), coding, limit, share }),
            Err(error) => {
                // If the body ended early or has stalled, no more of it can be read for the log line.
                let failed = matches!(error, RequestError::BadRequest(_) | RequestError::RequestTimeout);
                match (bytes.is_empty(), failed) {
                    (false, _) => identity::note(request, &bytes),
                    (true, false) => identity::note_unread(request, &mut payload).await,
                    (true, true) => {}
                }
                Err(error)
            }
        }
    }

    async fn receive(
        &self,
        limit: usize,
        request: &HttpRequest,
        payload: &mut Payload,
        bytes: &mut Vec<u8>,
    ) -> Result<(Coding, Reservation), RequestError> {
        let share = self.budget.reservation();
        let coding = coding_of(request)?;
        let length = declared_length(request.headers());
        if length.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        if is_large(coding, length.unwrap_or(0)) {
            self.permits.check_waiting()?;
        }
        self.shedding.admit()?;
        // A declared length is only a claim. It can cause an early rejection, but reserves no memory.
        self.budget.check(length.unwrap_or(0))?;
        let began = Instant::now();
        let rate = MinRate::new(began, self.timeout);
        let mut now = began;
        bytes.reserve_exact(length.unwrap_or(0).min(MAX_RESERVED));
        loop {
            let chunk = timeout(rate.time_left(bytes.len(), now), payload.next());
            let Some(chunk) = chunk.await.map_err(|_| RequestError::RequestTimeout)? else { break };
            now = Instant::now();
            let chunk = chunk.map_err(|error| RequestError::BadRequest(format!("the body ended early: {error}")))?;
            if chunk.len() > limit - bytes.len() {
                return Err(too_large(limit));
            }
            grow_buffer(bytes, chunk.len(), length.unwrap_or(limit), &share)?;
            bytes.extend_from_slice(&chunk);
        }
        if length.is_none() {
            request.extensions_mut().insert(Received(bytes.len()));
        }
        Ok((coding, share))
    }
}

impl Body {
    /// Creates a body from bytes that are already in memory. `limit` is the maximum size of the body in bytes. The
    /// memory for decompressing the body is reserved in `share`.
    #[must_use]
    pub fn in_memory(bytes: Bytes, coding: Coding, limit: usize, share: Reservation) -> Self {
        Self { bytes, coding, limit, share }
    }

    /// Returns the body as it was sent, without copying it.
    #[must_use]
    pub fn sent(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The content coding of the body.
    #[must_use]
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether the body must be processed off the event loop.
    #[must_use]
    pub fn is_large(&self) -> bool {
        is_large(self.coding, self.bytes.len())
    }

    /// Decompresses the body. Decompression fails at the limit, so that a small body cannot expand to a huge one in
    /// memory.
    ///
    /// # Errors
    /// [`RequestError::PayloadTooLarge`], [`RequestError::Overloaded`]. [`RequestError::BadRequest`] if the body is not
    /// valid in its content coding.
    pub fn decode(self) -> Result<Decoded, RequestError> {
        let Self { bytes, coding, limit, share } = self;
        let decoded = match coding {
            Coding::Identity => return Ok(Decoded { bytes, share }),
            Coding::Gzip => inflate("gzip", flate2::bufread::MultiGzDecoder::new(&*bytes), limit, &share),
            Coding::Deflate => inflate("deflate", flate2::bufread::ZlibDecoder::new(&*bytes), limit, &share),
            Coding::Brotli => inflate("br", brotli::Decompressor::new(&*bytes, 16 * 1024), limit, &share),
        };
        Ok(Decoded { bytes: decoded?, share })
    }
}

/// A decompressed body.
#[derive(Debug)]
pub struct Decoded {
    /// The bytes of the body.
    pub bytes: Bytes,
    /// The memory reserved for the body, which counts as in flight until this value is dropped.
    pub share: Reservation,
}

/// Whether a body is large. A compressed body always counts as large, because it may expand.
fn is_large(coding: Coding, length: usize) -> bool {
    coding != Coding::Identity || length >= LARGE_BODY_BYTES
}

/// The free capacity, in bytes, that is made available at the end of the buffer before each step of decompression.
const MIN_DECODED: usize = 16 << 10;

fn inflate(coding: &str, mut decoder: impl Read, limit: usize, share: &Reservation) -> Result<Bytes, RequestError> {
    let mut decoded = Vec::<u8>::new();
    loop {
        // Up to one byte more than the limit is read, to distinguish a body at the limit from a body above it.
        let more = MIN_DECODED.min(limit - decoded.len() + 1);
        grow_buffer(&mut decoded, more, limit + 1, share)?;
        let room = decoded.capacity() - decoded.len();
        let read = decoder.by_ref().take(room as u64).read_to_end(&mut decoded);
        match read {
            Err(_) => return Err(RequestError::BadRequest(format!("the body is not valid {coding}"))),
            Ok(0) => return Ok(decoded.into()),
            Ok(_) if decoded.len() > limit => return Err(too_large(limit)),
            Ok(_) => {}
        }
    }
}

/// Makes room for `more` bytes at the end of a buffer: first reserves memory in `share`, then allocates capacity. The
/// capacity doubles as needed, up to `most` bytes in total. The OS provides memory only when the process writes to it.
/// If the capacity does not exceed [`MAX_RESERVED`], only the filled part of the buffer is therefore reserved in
/// `share`.
fn grow_buffer(bytes: &mut Vec<u8>, more: usize, most: usize, share: &Reservation) -> Result<(), Halt> {
    let needed = bytes.len() + more;
    let before = counted(bytes.len(), bytes.capacity());
    if needed <= bytes.capacity() {
        return share.reserve(counted(needed, bytes.capacity()) - before);
    }
    let capacity = needed.max(bytes.capacity().saturating_mul(2).min(most));
    share.reserve(counted(needed, capacity) - before)?;
    bytes.reserve_exact(capacity - bytes.len());
    Ok(())
}

/// Returns how many bytes of a buffer count as in use.
fn counted(len: usize, capacity: usize) -> usize {
    if capacity <= MAX_RESERVED { len } else { capacity }
}

fn too_large(limit: usize) -> RequestError {
    let text = format!("the body is larger than {limit} bytes, as sent or decompressed");
    RequestError::PayloadTooLarge(text, Some(LimitValue::of("MAX_BODY_BYTES", limit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::limits::memory_budget::MemoryBudget;

    #[test]
    fn the_reserved_memory_grows_with_the_received_part_of_the_body() {
        let budget = MemoryBudget::up_to(usize::MAX);
        let share = budget.reservation();
        let mut bytes = Vec::with_capacity(MAX_RESERVED);
        for _ in 0..100 {
            grow_buffer(&mut bytes, 100_000, 10_000_000, &share).unwrap();
            bytes.extend_from_slice(&[0; 100_000]);
            assert!(share.bytes() >= bytes.len());
            assert!(share.bytes() <= 2 * bytes.len().max(MAX_RESERVED));
        }
        assert_eq!((bytes.capacity(), share.bytes()), (10_000_000, 10_000_000), "exactly the declared length");
    }
}
