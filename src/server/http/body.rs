//! A request body on its way to text: collected and decompressed, each within the limit (docs/contract.md#request-body).

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

/// Collects bodies, under the limits of one body and of all together.
#[derive(Debug, Clone)]
pub struct BodyReader {
    /// Bytes of a body, as sent and decompressed.
    pub max_bytes: usize,
    /// The longest pause within a body, see [`MinRate`].
    pub timeout: Duration,
    /// The memory of all requests.
    pub budget: MemoryBudget,
    /// Rejects requests while the worker is overloaded.
    pub shedding: LoadShedding,
    /// What large requests will need.
    pub permits: Permits,
}

/// A body as it was sent.
#[derive(Debug)]
pub struct Body {
    bytes: Bytes,
    coding: Coding,
    limit: usize,
    share: Reservation,
}

/// Bodies from this size on are transformed off the event loop, so that no other request waits for them.
const LARGE_BODY_BYTES: usize = 1 << 20;

/// The capacity for a body before its first byte has come, at most.
const MAX_RESERVED: usize = 1 << 20;

impl BodyReader {
    /// Collects the body of a request, up to the limit for one and within that for all together.
    ///
    /// # Errors
    /// [`RequestError::PayloadTooLarge`], [`RequestError::UnsupportedMediaType`], [`RequestError::Overloaded`],
    /// [`RequestError::RequestTimeout`]; [`RequestError::BadRequest`] where the client disconnected.
    pub async fn collect(&self, request: &HttpRequest, payload: Payload) -> Result<Body, RequestError> {
        self.collect_up_to(self.max_bytes, request, payload).await
    }

    /// [`Self::collect`], with a limit of the endpoint's own.
    ///
    /// # Errors
    /// As there.
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
                // A body that is malformed or has stopped has nothing to look at, and its connection ends soon.
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
        // A declared length is only a claim: it can end a request early, and holds nothing of what others need.
        self.budget.check(length.unwrap_or(0))?;
        let began = Instant::now();
        let rate = MinRate::new(began, self.timeout);
        let mut now = began;
        bytes.reserve_exact(length.unwrap_or(0).min(MAX_RESERVED));
        loop {
            let chunk = timeout(rate.patience(bytes.len(), now), payload.next());
            let Some(chunk) = chunk.await.map_err(|_| RequestError::RequestTimeout)? else { break };
            now = Instant::now();
            let chunk = chunk.map_err(|error| RequestError::BadRequest(format!("the body ended early: {error}")))?;
            if chunk.len() > limit - bytes.len() {
                return Err(too_large(limit));
            }
            make_room(bytes, chunk.len(), length.unwrap_or(limit), &share)?;
            bytes.extend_from_slice(&chunk);
        }
        if length.is_none() {
            request.extensions_mut().insert(Received(bytes.len()));
        }
        Ok((coding, share))
    }
}

impl Body {
    /// A body that is in memory already; what it unfolds to is claimed from `share`.
    #[must_use]
    pub fn held(bytes: Bytes, coding: Coding, limit: usize, share: Reservation) -> Self {
        Self { bytes, coding, limit, share }
    }

    /// The body as it was sent, without a copy.
    #[must_use]
    pub fn sent(&self) -> Bytes {
        self.bytes.clone()
    }

    /// How it is compressed.
    #[must_use]
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether the body is to be processed off the event loop.
    #[must_use]
    pub fn is_large(&self) -> bool {
        is_large(self.coding, self.bytes.len())
    }

    /// Undoes the coding. It stops at the limit: a small body that unfolds into a huge one never does so in memory.
    ///
    /// # Errors
    /// [`RequestError::PayloadTooLarge`], [`RequestError::Overloaded`]; [`RequestError::BadRequest`] where the body is
    /// not what its coding says.
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

/// A body as it was meant.
#[derive(Debug)]
pub struct Decoded {
    /// Its bytes.
    pub bytes: Bytes,
    /// They count as in flight as long as this is kept.
    pub share: Reservation,
}

/// A compressed body may be far larger than it looks.
fn is_large(coding: Coding, length: usize) -> bool {
    coding != Coding::Identity || length >= LARGE_BODY_BYTES
}

/// The first piece that is decompressed.
const MIN_DECODED: usize = 16 << 10;

fn inflate(coding: &str, mut decoder: impl Read, limit: usize, share: &Reservation) -> Result<Bytes, RequestError> {
    let mut decoded = Vec::<u8>::new();
    loop {
        // Up to one byte more than allowed tells a body at the limit from one beyond it.
        let more = MIN_DECODED.min(limit - decoded.len() + 1);
        make_room(&mut decoded, more, limit + 1, share)?;
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

/// Makes room for `more` bytes, of `most` in all, and reserves them before. Memory that was never written to costs nothing,
/// so that the first [`MAX_RESERVED`] bytes of capacity count as they are filled.
fn make_room(bytes: &mut Vec<u8>, more: usize, most: usize, share: &Reservation) -> Result<(), Halt> {
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

/// What of a buffer counts as in use.
fn counted(len: usize, capacity: usize) -> usize {
    if capacity <= MAX_RESERVED { len } else { capacity }
}

fn too_large(limit: usize) -> RequestError {
    let text = format!("the body is larger than {limit} bytes, decompressed or as sent");
    RequestError::PayloadTooLarge(text, Some(LimitValue::of("MAX_BODY_BYTES", limit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::limits::memory_budget::MemoryBudget;

    #[test]
    fn a_buffer_is_reserved_as_it_is_filled() {
        let budget = MemoryBudget::up_to(usize::MAX);
        let share = budget.reservation();
        let mut bytes = Vec::with_capacity(MAX_RESERVED);
        for _ in 0..100 {
            make_room(&mut bytes, 100_000, 10_000_000, &share).unwrap();
            bytes.extend_from_slice(&[0; 100_000]);
            assert!(share.bytes() >= bytes.len());
            assert!(share.bytes() <= 2 * bytes.len().max(MAX_RESERVED));
        }
        assert_eq!((bytes.capacity(), share.bytes()), (10_000_000, 10_000_000), "the declared length and no more");
    }
}
