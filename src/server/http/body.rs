//! A request body on its way to text: collected, decoded and checked, each within the limit
//! (docs/contract.md#request-body).

use std::borrow::Cow;
use std::io::Read;
use std::str::Utf8Chunk;
use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use actix_web::rt::time::timeout;
use actix_web::web::Payload;
use actix_web::{HttpMessage as _, HttpRequest};
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::error::RequestError;
use crate::server::app::State;
use crate::server::limits::memory_budget::Reservation;
use crate::server::limits::min_rate::Pace;
use transform::meter::Halt;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// `gzip`.
    Gzip,
    /// `deflate`, which is zlib.
    Deflate,
    /// `br`.
    Brotli,
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

/// The bytes of a body whose length was not declared, among the extensions of its request.
#[derive(Debug, Clone, Copy)]
struct Received(usize);

/// The capacity for a body before its first byte has come, at most.
const MAX_RESERVED: usize = 1 << 20;

impl Coding {
    /// The coding that a request's header names.
    ///
    /// # Errors
    /// [`RequestError::UnsupportedMediaType`].
    pub fn of(request: &HttpRequest) -> Result<Self, RequestError> {
        let mut codings = request.headers().get_all(CONTENT_ENCODING);
        let (first, more) = (codings.next(), codings.next());
        let Some(value) = first else { return Ok(Self::Identity) };
        if more.is_some() {
            return Err(RequestError::unsupported_encoding("more than one"));
        }
        Self::named(&String::from_utf8_lossy(value.as_bytes()))
    }

    /// The coding called `name`, in any letter case; a blank one is none.
    ///
    /// # Errors
    /// [`RequestError::UnsupportedMediaType`].
    pub fn named(name: &str) -> Result<Self, RequestError> {
        let name = name.trim();
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "br" => Ok(Self::Brotli),
            _ => Err(RequestError::unsupported_encoding(name)),
        }
    }
}

/// The length that a body claims to have.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// How long the body of a request is: as it was received, where it did not declare that.
pub(crate) fn request_bytes(request: &HttpRequest) -> Option<u64> {
    let received = request.extensions().get::<Received>().map(|Received(bytes)| *bytes);
    received.or_else(|| declared_length(request.headers())).map(|bytes| bytes as u64)
}

/// How long the body of an answer is, where that is known before it is sent.
pub(crate) fn answer_bytes(body: &impl MessageBody) -> Option<u64> {
    match body.size() {
        BodySize::None => Some(0),
        BodySize::Sized(bytes) => Some(bytes),
        BodySize::Stream => None,
    }
}

impl Body {
    /// Collects the body of a request, up to the limit for one and within that for all together.
    ///
    /// # Errors
    /// [`RequestError::PayloadTooLarge`], [`RequestError::UnsupportedMediaType`], [`RequestError::Overloaded`],
    /// [`RequestError::RequestTimeout`]; [`RequestError::BadRequest`] where the client broke off.
    pub async fn collect(request: &HttpRequest, payload: Payload, state: &State) -> Result<Self, RequestError> {
        Self::collect_up_to(state.max_body_bytes, request, payload, state).await
    }

    /// [`Body::collect`], with a limit of the endpoint's own.
    ///
    /// # Errors
    /// As there.
    pub async fn collect_up_to(
        limit: usize,
        request: &HttpRequest,
        mut payload: Payload,
        state: &State,
    ) -> Result<Self, RequestError> {
        let share = state.in_flight.reservation();
        let coding = Coding::of(request)?;
        let length = declared_length(request.headers());
        if length.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        state.admission.admit(is_large(coding, length.unwrap_or(0)))?;
        // A declared length is only a claim: it can end a request early, and holds nothing of what others need.
        state.in_flight.check(length.unwrap_or(0))?;
        let began = Instant::now();
        let pace = Pace::new(began, state.body_timeout);
        let mut now = began;
        let mut bytes = Vec::with_capacity(length.unwrap_or(0).min(MAX_RESERVED));
        loop {
            let chunk = timeout(pace.patience(bytes.len(), now), payload.next());
            let Some(chunk) = chunk.await.map_err(|_| RequestError::RequestTimeout)? else { break };
            now = Instant::now();
            let chunk = chunk.map_err(|error| RequestError::BadRequest(format!("the body ended early: {error}")))?;
            if chunk.len() > limit - bytes.len() {
                return Err(too_large(limit));
            }
            make_room(&mut bytes, chunk.len(), length.unwrap_or(limit), &share)?;
            bytes.extend_from_slice(&chunk);
        }
        if length.is_none() {
            request.extensions_mut().insert(Received(bytes.len()));
        }
        Ok(Self { bytes: bytes.into(), coding, limit, share })
    }

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

    /// Whether the body is to be worked on beside the event loop.
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
    RequestError::PayloadTooLarge(format!("the body is larger than {limit} bytes, decompressed or as sent"))
}

/// Reads bytes as text: a leading BOM is passed over, what is not UTF-8 becomes U+FFFD, so that one bad byte in one
/// event costs no other one its answer.
#[must_use]
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = without_bom(bytes);
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// [`text()`], whose memory is reserved before it is taken.
///
/// # Errors
/// [`RequestError::Overloaded`], [`RequestError::MemoryLimit`].
pub fn text_within<'b>(bytes: &'b [u8], share: &Reservation) -> Result<Cow<'b, str>, RequestError> {
    let bytes = without_bom(bytes);
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    let of_chunk = |chunk: Utf8Chunk<'_>| (chunk.valid().len(), !chunk.invalid().is_empty());
    let replaced = |(valid, is_broken)| valid + if is_broken { char::REPLACEMENT_CHARACTER.len_utf8() } else { 0 };
    let length = bytes.utf8_chunks().map(of_chunk).map(replaced).sum();
    share.reserve(length)?;
    let mut text = String::with_capacity(length);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Ok(Cow::Owned(text))
}

fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::limits::memory_budget::MemoryBudget;

    #[test]
    fn text_is_the_same_with_and_without_a_budget() {
        let budget = MemoryBudget::up_to(1 << 20);
        for bytes in [&b"plain"[..], b"\xef\xbb\xbfbom", b"a\xff\xfeb", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"", b"\xff"]
        {
            let share = budget.reservation();
            let within = text_within(bytes, &share).unwrap();
            assert_eq!(within, text(bytes));
            assert_eq!(share.bytes(), if matches!(within, Cow::Owned(_)) { within.len() } else { 0 });
        }
        let small = MemoryBudget::up_to(100);
        assert_eq!(text_within(&[0xff; 50], &small.reservation()), Err(RequestError::MemoryLimit));
    }

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
