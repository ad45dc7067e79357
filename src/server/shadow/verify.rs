//! The comparison itself: gets the answer that is missing, compares, counts and logs.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::compare::{Contents, Differences};
use super::deliberate::{self, Answer, Question};
use super::{Compared, Kept, Known};
use crate::server::body::{Body, Coding, text};
use crate::server::endpoint::{Endpoint, cannot_be_read};
use crate::server::error::RequestError;
use crate::server::overload::InFlight;
use crate::server::upstream::{Held, NotHeld, Upload, Upstream};
use crate::transform::request::{Form, Limits};

/// Comparisons at once.
const AT_ONCE: usize = 8;
/// How much larger than ours the upstream's answer may be: some bytes, and once ours again.
const ROOM_FOR_THEIRS: usize = 64 * 1024;

/// Compares what is kept.
pub(super) struct Verifier {
    pub(super) upstream: Upstream,
    pub(super) limits: Limits,
    pub(super) max_body_bytes: usize,
    pub(super) bytes: InFlight,
}

/// Why there is nothing to compare.
enum Stopped {
    Failed,
    Dropped,
}

impl From<RequestError> for Stopped {
    fn from(error: RequestError) -> Self {
        if matches!(error, RequestError::Overloaded(_)) { Self::Dropped } else { Self::Failed }
    }
}

impl Verifier {
    /// Compares until nothing more can come.
    pub(super) async fn run(self, mut kept: mpsc::UnboundedReceiver<Kept>) {
        let (this, turns) = (Arc::new(self), Arc::new(Semaphore::new(AT_ONCE)));
        while let Some(next) = kept.recv().await {
            let Ok(turn) = turns.clone().acquire_owned().await else { return };
            let this = this.clone();
            actix_web::rt::spawn(async move {
                this.verify(next).await;
                drop(turn);
            });
        }
    }

    async fn verify(self: Arc<Self>, mut kept: Kept) {
        kept.room.result = match self.compare(&mut kept).await {
            Ok(found) if found.is_empty() => Compared::Equal,
            Ok(found) if found.told.is_empty() => {
                tracing::warn!("shadow: the answers are nested too deep to be compared");
                Compared::Failed
            }
            Ok(found) => {
                let told: Vec<String> = found.told.iter().map(ToString::to_string).collect();
                let differences = told.join("; ");
                tracing::warn!(differences, more = found.more, "shadow: the upstream answers otherwise");
                Compared::Different
            }
            Err(Stopped::Failed) => Compared::Failed,
            Err(Stopped::Dropped) => Compared::Dropped,
        };
    }

    async fn compare(self: &Arc<Self>, kept: &mut Kept) -> Result<Differences, Stopped> {
        let (ours, theirs) = match kept.known.take().ok_or(Stopped::Failed)? {
            Known::Ours(ours) => {
                let limit = 2 * ours.body.len() + ROOM_FOR_THEIRS;
                kept.room.grow(limit)?;
                let request = std::mem::take(&mut kept.request);
                let upload = Upload::Whole { bytes: kept.body.clone(), share: None };
                match self.upstream.exchange(request, upload, limit).await {
                    Ok(theirs) => (Some(ours), theirs),
                    Err(NotHeld::TooLarge) => {
                        return Ok(Differences::of_whole("answer", "one more than twice as large"));
                    }
                    Err(NotHeld::Failed(error)) => return Err(error.into()),
                }
            }
            Known::Theirs(theirs) => (None, theirs),
        };
        // It could not answer now; what it would have answered nobody knows.
        if matches!(theirs.status, 408 | 429 | 502..=504) {
            return Err(Stopped::Failed);
        }
        let asked = (kept.endpoint.clone(), kept.form, kept.coding, kept.body.clone());
        let this = self.clone();
        actix_web::web::block(move || this.judge(&asked, ours, theirs)).await.map_err(|_| Stopped::Failed)?
    }

    fn judge(
        &self,
        (endpoint, form, coding, body): &(Endpoint, Form, Coding, bytes::Bytes),
        ours: Option<Answer>,
        theirs: Held,
    ) -> Result<Differences, Stopped> {
        let asked = Body::held(body.clone(), *coding, self.max_body_bytes, self.bytes.share()).decode();
        let text = asked.as_ref().map(|asked| text(&asked.bytes)).unwrap_or_default();
        let ours = match (ours, &asked) {
            (Some(ours), _) => Ok(ours),
            (None, Ok(_)) => match endpoint.answer(&text, *form, self.limits).map_err(RequestError::from) {
                Ok(answer) => Ok(Answer { status: 200, body: answer.body.into() }),
                Err(error) => Answer::refusing(&error),
            },
            (None, Err(error)) => Answer::refusing(error),
        }?;
        let theirs = self.decoded(theirs)?;
        let question = Question { endpoint, form: *form, limits: self.limits, text: &text };
        Ok(deliberate::judge(&question, &ours, &theirs, Contents::Hidden))
    }

    /// The upstream's answer without its coding, which the client may have asked for.
    fn decoded(&self, theirs: Held) -> Result<Answer, Stopped> {
        let coding = Coding::named(theirs.coding.as_deref().unwrap_or(""))?;
        let limit = self.limits.answer_bytes;
        let decoded = Body::held(theirs.body, coding, limit, self.bytes.share()).decode()?;
        Ok(Answer { status: theirs.status, body: decoded.bytes.clone() })
    }
}

impl Answer {
    /// What a client is told of a body that cannot be read. Other refusals are no answers to compare.
    fn refusing(error: &RequestError) -> Result<Self, Stopped> {
        if !cannot_be_read(error) {
            return Err(error.clone().into());
        }
        Ok(Self { status: actix_web::ResponseError::status_code(error).as_u16(), body: error.body().into() })
    }
}
