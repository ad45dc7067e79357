//! The maximum cost of a request, relative to the size of its body and response. The tests and the fuzz targets use the
//! same bounds.

use std::cell::Cell;

use json::probe;
use transform::meter::{Halt, Meter};
use transform::request::{BodyError, max_response_bytes};

use crate::allocations::peak_of;

/// The maximum number of bytes that a request may read, per byte of its body and response.
const READ_PER_BYTE: u64 = 80;
/// The maximum number of bytes that a request may reserve, per byte of its body and response. An event of one byte
/// becomes a list entry of 300 bytes, and the list needs twice its memory while it grows.
const RESERVED_PER_BYTE: usize = 700;
/// The number of bytes that is added to each bound, so that the bound also holds for small requests.
const BASE: usize = 64 << 10;

/// A meter that grants every reservation and counts the reserved bytes.
#[derive(Default)]
struct CountingMeter(Cell<usize>);

impl Meter for CountingMeter {
    fn reserve(&self, bytes: usize) -> Result<(), Halt> {
        self.0.set(self.0.get() + bytes);
        Ok(())
    }

    fn checkpoint(&self, _work: u64) -> Result<(), Halt> {
        Ok(())
    }
}

/// Calls `endpoint` and returns its response to `body`. `response_bytes` returns the size of a response.
///
/// # Panics
/// Panics if the endpoint reads or reserves more bytes than the bounds allow, or uses clearly more memory than it
/// reserved.
#[track_caller]
pub fn assert_bounded<T>(
    name: &str,
    body: &str,
    endpoint: impl FnOnce(&dyn Meter) -> Result<T, BodyError>,
    response_bytes: impl FnOnce(&T) -> usize,
) -> Result<T, BodyError> {
    let meter = CountingMeter::default();
    _ = probe::take();
    let (peak, response) = peak_of(|| endpoint(&meter));
    let (read, reserved) = (probe::take(), meter.0.get());
    let written = match &response {
        Ok(response) => response_bytes(response),
        // The response grew up to the limit before it was rejected.
        Err(BodyError::ResponseTooLarge(limit)) => *limit,
        Err(BodyError::ResponseOutOfProportion(_)) => max_response_bytes(body.len()),
        Err(_) => 0,
    };
    let bytes = body.len() + written;
    let of = format!("{name}: {} bytes of body and {written} of response", body.len());
    assert!(read <= READ_PER_BYTE * bytes as u64 + BASE as u64, "{of}: read {read}");
    assert!(peak <= reserved + reserved / 4 + BASE, "{of}: peak memory {peak}, reserved {reserved}");
    assert!(reserved <= RESERVED_PER_BYTE * bytes + BASE, "{of}: reserved {reserved}");
    response
}
