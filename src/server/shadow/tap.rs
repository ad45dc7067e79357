//! Copies the upstream's response for comparison, while the response is sent to the client.

use bytes::{Bytes, BytesMut};

use super::kept::{Known, PendingComparison};
use crate::server::metrics::labels::Compared;
use crate::server::upstream::BufferedResponse;
use crate::server::upstream::pass::BodyTap;

/// A [`BodyTap`] that copies the upstream's response for comparison.
pub struct ShadowTap(Option<PendingComparison>);

impl ShadowTap {
    /// Creates a tap for a kept request.
    #[must_use]
    pub fn of(mut watch: PendingComparison) -> Self {
        // If the upstream's response never completes, the comparison is counted as failed.
        watch.kept.room.result = Compared::Failed;
        Self(Some(watch))
    }
}

impl BodyTap for ShadowTap {
    fn head(&mut self, status: u16, coding: Option<&str>) {
        if let Some(watch) = &mut self.0 {
            let held = BufferedResponse { status, coding: coding.map(str::to_owned), body: Bytes::new() };
            watch.theirs = Some((held, BytesMut::new()));
        }
    }

    fn piece(&mut self, piece: &Bytes) {
        let Some(watch) = &mut self.0 else { return };
        if watch.kept.room.grow(piece.len()).is_err() {
            watch.kept.room.result = Compared::Dropped;
            self.0 = None;
        } else if let Some((_, body)) = &mut watch.theirs {
            body.extend_from_slice(piece);
        }
    }

    fn end(&mut self) {
        let Some(mut watch) = self.0.take() else { return };
        if let Some((held, body)) = watch.theirs.take() {
            watch.kept.known = Some(Known::Theirs(BufferedResponse { body: body.freeze(), ..held }));
            watch.queue();
        }
    }
}
