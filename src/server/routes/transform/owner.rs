//! Determines whether this service or the upstream responds to a request whose body has been read.

use std::sync::atomic::AtomicBool;

use crate::server::activity::Activity;
use crate::server::activity::observed::RequestActivity;
use crate::server::config::native_destinations::NativeDestinations;
use crate::server::http::body::{Body, Decoded};
use crate::server::http::error::RequestError;
use crate::server::http::text::text_within;
use crate::server::limits::memory_budget::Reservation;
use crate::server::limits::permits::Permits;
use crate::server::limits::request_meter::RequestMeter;
use crate::server::routes::off_loop::off_the_loop;
use transform::endpoint::{Endpoint, Transformed};
use transform::meter::Halt;
use transform::request::{BodyError, Limits, PayloadFormat};

/// The transformer that responds to a request.
#[derive(Debug)]
pub(super) enum Owner {
    /// This service, with its response and the activity of each destination.
    Us(Box<Transformed>, RequestActivity),
    /// The upstream, which gets the body as the client sent it.
    Upstream {
        /// Whether this service supports the destination, and the upstream responds only because of
        /// `SHADOW_ANSWER=upstream`.
        is_ours: bool,
    },
}

/// The maximum work for a request on the event loop, in units of work. This much work takes a few milliseconds. A
/// typical body causes two units per byte, one for reading and one for writing. A typical body that is not large is
/// therefore processed on the event loop.
const MAX_WORK_ON_LOOP: u64 = 4 << 20;

/// The cancellation flag for work on the event loop. It is never set, because such work completes before its future can
/// be dropped.
static NOT_CANCELLED: AtomicBool = AtomicBool::new(false);

/// The parameters for reading a body.
pub(super) struct Reading {
    pub(super) endpoint: Endpoint,
    pub(super) form: PayloadFormat,
    pub(super) limits: Limits,
    pub(super) native_destinations: NativeDestinations,
    pub(super) has_upstream: bool,
    pub(super) upstream_answers: bool,
    pub(super) activity: Activity,
}

/// The reason why [`Reading::decide`] did not determine an owner.
enum Stopped {
    /// The body takes more work than is allowed on the event loop.
    TooMuchWork,
    /// The request is rejected.
    Rejected(RequestError),
}

impl<E: Into<RequestError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Rejected(error.into())
    }
}

impl Reading {
    /// Reads a body as far as needed to decide which transformer responds. If this service responds, creates the
    /// response. The work for a body that is not large starts on the event loop. If the work exceeds
    /// [`MAX_WORK_ON_LOOP`], it starts again on a blocking thread.
    ///
    /// # Errors
    /// Returns an error if the request is rejected as a whole.
    pub(super) async fn owner_of(self, body: Body, permits: &Permits) -> Result<(Owner, Reservation), RequestError> {
        if body.is_large() {
            return off_the_loop(permits, move |cancelled| self.decide_fully(body.decode()?, cancelled)).await;
        }
        let decoded = body.decode()?;
        let held = decoded.share.bytes();
        match self.decide(&decoded, MAX_WORK_ON_LOOP, &NOT_CANCELLED) {
            Err(Stopped::TooMuchWork) => decoded.share.shrink_to(held),
            Err(Stopped::Rejected(error)) => return Err(error),
            Ok(owner) => return Ok((owner, decoded.share)),
        }
        off_the_loop(permits, move |cancelled| self.decide_fully(decoded, cancelled)).await
    }

    fn decide(&self, decoded: &Decoded, max_work: u64, cancelled: &AtomicBool) -> Result<Owner, Stopped> {
        let text = text_within(&decoded.bytes, &decoded.share)?;
        if (self.has_upstream || self.native_destinations != NativeDestinations::ALL)
            && let Some(name) = self.endpoint.dest_type(&text, self.form)?
            && self.native_destinations.by_name(&name).is_none()
        {
            return if self.has_upstream {
                Ok(Owner::Upstream { is_ours: false })
            } else {
                Err(RequestError::unknown_destination(&name).into())
            };
        }
        if self.upstream_answers {
            return Ok(Owner::Upstream { is_ours: true });
        }
        let meter = RequestMeter { reservation: &decoded.share, cancelled, max_work };
        let mut activity = self.activity.observer();
        match self.endpoint.respond_observed(&text, self.form, self.limits, &meter, &mut activity) {
            Ok(transformed) => Ok(Owner::Us(Box::new(transformed), activity)),
            Err(BodyError::Halted(Halt::WorkLimit)) => Err(Stopped::TooMuchWork),
            Err(error) => Err(error.into()),
        }
    }

    /// Decides like [`Self::decide`], but without a work limit.
    fn decide_fully(&self, decoded: Decoded, cancelled: &AtomicBool) -> Result<(Owner, Reservation), RequestError> {
        match self.decide(&decoded, u64::MAX, cancelled) {
            Ok(owner) => Ok((owner, decoded.share)),
            Err(Stopped::Rejected(error)) => Err(error),
            Err(Stopped::TooMuchWork) => Err(RequestError::InternalServerError),
        }
    }
}

#[cfg(test)]
mod tests {
    use transform::family::KAFKA;

    use super::*;
    use crate::server::limits::limit::Limit;
    use crate::server::limits::memory_budget::MemoryBudget;
    use transform::request::coding::Coding;

    fn reading() -> Reading {
        Reading {
            endpoint: Endpoint::Processor { family: &KAFKA, query: String::new() },
            form: PayloadFormat::Plain,
            limits: Limits { events: 1_000, response_bytes: 10 << 20 },
            native_destinations: NativeDestinations::ALL,
            has_upstream: false,
            activity: Activity::new(false),
            upstream_answers: false,
        }
    }

    /// Creates events whose templates search a wide object repeatedly, because one of the object's fields has a dot in
    /// its name.
    fn events(count: usize) -> String {
        let fields: Vec<String> =
            (0..200).map(|name| format!("\"a{name}\":\"\"")).chain(["\"a0.b\":0".to_owned()]).collect();
        let templates: Vec<String> = (0..60).map(|name| format!("\"{{{{ event.a{name} || c }}}}\"")).collect();
        let event = format!(
            r#"{{"message":{{{}}},"metadata":{{"jobId":1}},"destination":{{"Config":{{"topic":"t","x":[{}]}}}}}}"#,
            fields.join(","),
            templates.join(",")
        );
        format!("[{}]", vec![event; count].join(","))
    }

    async fn owner_of(text: &str, permits: &Permits, budget: &MemoryBudget) -> Result<Owner, RequestError> {
        let body = Body::in_memory(text.to_owned().into(), Coding::Identity, 10 << 20, budget.reservation());
        assert!(!body.is_large(), "{} bytes", text.len());
        reading().owner_of(body, permits).await.map(|(owner, _)| owner)
    }

    #[test]
    fn expensive_small_bodies_are_processed_off_the_event_loop() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (permits, budget) = (Permits::new(1), MemoryBudget::up_to(64 << 20));
            let taken = permits.acquire().await.unwrap();
            let (little, much) = (events(1), events(200));
            assert!(matches!(owner_of(&little, &permits, &budget).await, Ok(Owner::Us(..))), "it needs no permit");
            let rejected = owner_of(&much, &permits, &budget).await;
            assert_eq!(rejected.err(), Some(RequestError::Overloaded(Limit::Wait)), "an expensive body needs a permit");
            assert_eq!(budget.bytes(), 0);
            drop(taken);
            let Ok(Owner::Us(transformed, _)) = owner_of(&much, &permits, &budget).await else { panic!("no response") };
            assert_eq!(transformed.tally.events, 200);
            assert_eq!(transformed.tally.rejected.iter().sum::<u64>(), 0);
        });
    }
}
