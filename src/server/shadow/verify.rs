//! Obtains the response that is still missing (this service's or the upstream's), compares the two responses, and
//! counts and logs the result.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::Request;
use tokio::sync::{Semaphore, mpsc};

use super::kept::{Known, ShadowRequest};
use crate::server::http::body::Body;
use crate::server::http::error::RequestError;
use crate::server::limits::memory_budget::MemoryBudget;
use crate::server::log::line_limit::LineLimit;
use crate::server::metrics::Metrics;
use crate::server::metrics::labels::Compared;
use crate::server::upstream::upload::Upload;
use crate::server::upstream::{BufferError, BufferedResponse, Upstream};
use golden::differences::{Contents, Differences};
use golden::intended::question::{ComparedResponse, Question, Traits};
use golden::intended::siblings::Siblings;
use golden::intended::{self, Judgment};
use json::decode::text;
use transform::endpoint::Endpoint;
use transform::meter::Halt;
use transform::request::coding::Coding;
use transform::request::{Limits, PayloadFormat};

/// The maximum number of concurrent comparisons.
const AT_ONCE: usize = 8;
/// The maximum size of the upstream's response is twice the size of this service's response, plus this number of bytes.
const ROOM_FOR_THEIRS: usize = 64 * 1024;

/// For each request that was kept for comparison, compares the two responses.
pub(super) struct Verifier {
    pub(super) upstream: Upstream,
    pub(super) limits: Limits,
    pub(super) max_body_bytes: usize,
    pub(super) bytes: MemoryBudget,
    pub(super) metrics: Metrics,
    pub(super) lines: Lines,
}

/// The rate limits for log lines about comparisons. Each kind of line has its own limit, so that lines of
/// one kind do not suppress lines of the other kind.
#[derive(Debug, Default)]
pub(super) struct Lines {
    different: LineLimit,
    intended: LineLimit,
}

/// A request whose two responses are compared.
#[derive(Clone)]
struct ComparedRequest {
    endpoint: Endpoint,
    form: PayloadFormat,
    coding: Coding,
    traits: Traits,
    body: Bytes,
}

/// Why a comparison has no result.
enum Stopped {
    Failed,
    Dropped,
}

impl From<RequestError> for Stopped {
    fn from(error: RequestError) -> Self {
        if matches!(error, RequestError::Overloaded(_) | RequestError::MemoryLimit) {
            Self::Dropped
        } else {
            Self::Failed
        }
    }
}

impl From<Halt> for Stopped {
    fn from(_: Halt) -> Self {
        Self::Dropped
    }
}

impl Verifier {
    /// For each request in the queue, compares the two responses. Stops when the queue is closed.
    pub(super) async fn run(self, mut kept: mpsc::UnboundedReceiver<ShadowRequest>) {
        let (this, permits) = (Arc::new(self), Arc::new(Semaphore::new(AT_ONCE)));
        while let Some(next) = kept.recv().await {
            let Ok(permit) = permits.clone().acquire_owned().await else { return };
            let this = this.clone();
            actix_web::rt::spawn(async move {
                this.verify(next).await;
                drop(permit);
            });
        }
    }

    async fn verify(self: Arc<Self>, mut kept: ShadowRequest) {
        kept.room.result = match self.compare(&mut kept).await {
            Ok(found) if found.is_empty() => self.note_intended(&found),
            Ok(found) if found.listed.is_empty() => {
                tracing::warn!("shadow: the responses are nested too deeply to be compared");
                Compared::Failed
            }
            Ok(found) => {
                if let Some(suppressed) = self.lines.different.admit(Instant::now()) {
                    let reported: Vec<String> = found.listed.iter().map(ToString::to_string).collect();
                    let differences = reported.join("; ");
                    tracing::warn!(differences, more = found.more, suppressed, "shadow mismatch");
                }
                Compared::Different
            }
            Err(Stopped::Failed) => Compared::Failed,
            Err(Stopped::Dropped) => Compared::Dropped,
        };
    }

    /// Counts and logs the intended differences between responses that are otherwise equal, and returns the result of
    /// the comparison.
    fn note_intended(&self, found: &Differences) -> Compared {
        let rows = found.rows();
        if rows.is_empty() {
            return Compared::Equal;
        }
        rows.iter().for_each(|row| self.metrics.count_intended(*row));
        if let Some(suppressed) = self.lines.intended.admit(Instant::now()) {
            let rows = rows.iter().map(|row| row.code()).collect::<Vec<_>>().join(", ");
            tracing::info!(rows, suppressed, "shadow: intended difference");
        }
        Compared::Intended
    }

    async fn compare(self: &Arc<Self>, kept: &mut ShadowRequest) -> Result<Differences, Stopped> {
        let again = kept.request.clone();
        let (ours, theirs) = match kept.known.take().ok_or(Stopped::Failed)? {
            Known::Ours(ours) => {
                let limit = 2 * ours.body.len() + ROOM_FOR_THEIRS;
                kept.room.grow(limit)?;
                let request = std::mem::take(&mut kept.request);
                let upload = Upload::Whole { bytes: kept.body.clone(), share: None };
                match self.upstream.exchange(request, upload, limit).await {
                    Ok(theirs) => (Some(ours), theirs),
                    Err(BufferError::TooLarge) => {
                        return Ok(Differences::of_whole("a response", "a response that is more than twice as large"));
                    }
                    Err(BufferError::Failed(error)) => return Err(error.into()),
                }
            }
            Known::Theirs(theirs) => (None, theirs),
        };
        // These statuses mean that the upstream has not processed the request, so there is no response to compare.
        if matches!(theirs.status, 408 | 429 | 502..=504) {
            return Err(Stopped::Failed);
        }
        let (endpoint, form, coding) = (kept.endpoint.clone(), kept.form, kept.coding);
        let asked = ComparedRequest { endpoint, form, coding, traits: kept.traits, body: kept.body.clone() };
        let (this, whole) = (self.clone(), asked.clone());
        let judged = actix_web::web::block(move || this.compare_responses(&whole, ours, theirs));
        let Judgment { mut differences, siblings } = judged.await.map_err(|_| Stopped::Failed)??;
        if let Some(siblings) = siblings.filter(|_| differences.is_empty()) {
            // If the second comparison fails, only the result of the first comparison counts.
            if let Ok(more) = self.compare_siblings(kept, again, asked, siblings).await {
                differences.append(more);
            }
        }
        Ok(differences)
    }

    /// Compares the responses to events that fail in the upstream only because of other events in the same request.
    /// To obtain the upstream's response to these events, sends a second request without the other events.
    async fn compare_siblings(
        self: &Arc<Self>,
        kept: &mut ShadowRequest,
        mut request: Request<()>,
        asked: ComparedRequest,
        siblings: Siblings,
    ) -> Result<Differences, Stopped> {
        let limit = 2 * siblings.ours.len() + ROOM_FOR_THEIRS;
        kept.room.grow(limit + 2 * siblings.body.len() + siblings.ours.len())?;
        ["content-encoding", "content-length"].into_iter().for_each(|name| _ = request.headers_mut().remove(name));
        let upload = Upload::Whole { bytes: siblings.body.clone().into(), share: None };
        let theirs = self.upstream.exchange(request, upload, limit).await.map_err(|_| Stopped::Failed)?;
        let this = self.clone();
        let judged = actix_web::web::block(move || {
            let theirs = this.decoded(theirs)?;
            let whole = asked.question(this.limits, &siblings.body);
            Ok(intended::judge_siblings(&siblings, &whole, &theirs))
        });
        judged.await.map_err(|_| Stopped::Failed)?
    }

    fn compare_responses(
        &self,
        asked: &ComparedRequest,
        ours: Option<ComparedResponse>,
        theirs: BufferedResponse,
    ) -> Result<Judgment, Stopped> {
        let ComparedRequest { endpoint, form, coding, body, .. } = asked;
        let read = Body::in_memory(body.clone(), *coding, self.max_body_bytes, self.bytes.reservation()).decode();
        let text = read.as_ref().map(|read| text(&read.bytes)).unwrap_or_default();
        let ours = match (ours, &read) {
            (Some(ours), _) => Ok(ours),
            (None, Ok(_)) => match endpoint.respond(&text, *form, self.limits).map_err(RequestError::from) {
                Ok(answer) => Ok(ComparedResponse { status: 200, body: answer.body.into() }),
                Err(error) => rejection_of(&error),
            },
            (None, Err(error)) => rejection_of(error),
        }?;
        let theirs = self.decoded(theirs)?;
        let question = asked.question(self.limits, &text);
        Ok(intended::judge(&question, &ours, &theirs, Contents::Hidden))
    }

    /// Returns the upstream's response, decompressed if necessary.
    fn decoded(&self, theirs: BufferedResponse) -> Result<ComparedResponse, Stopped> {
        let name = theirs.coding.as_deref().unwrap_or("");
        let coding = Coding::named(name).ok_or_else(|| RequestError::unsupported_encoding(name))?;
        let limit = self.limits.response_bytes;
        let decoded = Body::in_memory(theirs.body, coding, limit, self.bytes.reservation()).decode()?;
        Ok(ComparedResponse { status: theirs.status, body: decoded.bytes.clone() })
    }
}

impl ComparedRequest {
    fn question<'a>(&'a self, limits: Limits, text: &'a str) -> Question<'a> {
        Question { endpoint: &self.endpoint, form: self.form, limits, text, traits: self.traits }
    }
}

/// Returns this service's response to a request with an unreadable body. Fails for any other error, because other error
/// responses are not compared.
fn rejection_of(error: &RequestError) -> Result<ComparedResponse, Stopped> {
    if !error.is_unreadable() {
        return Err(error.clone().into());
    }
    Ok(ComparedResponse { status: actix_web::ResponseError::status_code(error).as_u16(), body: error.body().into() })
}
