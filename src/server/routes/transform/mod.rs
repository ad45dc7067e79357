//! The code that the transformation endpoints share, from the body of a request to its response.

mod owner;
pub(in crate::server::routes) mod response;

use std::rc::Rc;

use actix_web::web::Payload;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};
use bytes::Bytes;

use super::fallback::Fallback;
use crate::server::activity::Activity;
use crate::server::activity::observed::{RejectedEvents, RequestActivity};
use crate::server::config::native_destinations::NativeDestinations;
use crate::server::http::body::BodyReader;
use crate::server::http::error::RequestError;
use crate::server::http::headers::form_of;
use crate::server::http::identity::{self, Identity};
use crate::server::http::route::Version;
use crate::server::limits::memory_budget::Reservation;
use crate::server::metrics::worker::WorkerSeries;
use crate::server::request_log;
use crate::server::shadow::Shadow;
use crate::server::shadow::kept::PendingComparison;
use crate::server::shadow::tap::ShadowTap;
use crate::server::upstream::pass::{self, BodyTap};
use owner::{Owner, Reading};
use transform::endpoint::{Endpoint, Transformed};
use transform::request::coding::Coding;
use transform::request::{Limits, PayloadFormat};

/// The state of these routes.
#[derive(Debug, Clone)]
pub struct Transformation {
    /// Reads the bodies of requests.
    pub bodies: BodyReader,
    /// The limits of one request.
    pub limits: Limits,
    /// The destinations that this service transforms.
    pub native_destinations: NativeDestinations,
    /// Handles requests for destinations that this service does not transform.
    pub fallback: Fallback,
    /// Compares this service's responses with the upstream's, if shadow comparison is enabled.
    pub shadow: Option<Shadow>,
    /// Counts events per destination.
    pub activity: Activity,
}

/// A request whose body has been read.
struct Received<'r> {
    service: &'r Transformation,
    request: &'r HttpRequest,
    endpoint: Endpoint,
    form: PayloadFormat,
    /// The body as the client sent it, possibly compressed.
    sent: Bytes,
    coding: Coding,
    /// Whether this service's and the upstream's responses to the request are compared. `None` if this has not been
    /// decided yet.
    is_sampled: Option<bool>,
}

impl Transformation {
    /// Whether clients get the upstream's responses, so that this service's responses are used only for comparison.
    fn answers_from_upstream(&self) -> bool {
        self.shadow.as_ref().is_some_and(Shadow::answers_from_upstream)
    }

    /// Decides, before the body of a request is read, whether this service's and the upstream's responses to the
    /// request are compared. If the client gets the upstream's response and nothing is compared, the body can be
    /// forwarded without reading it first. Returns `None` if the decision is made later.
    fn sample_early(&self, endpoint: &Endpoint) -> Option<bool> {
        let shadow = self.shadow.as_ref().filter(|shadow| shadow.answers_from_upstream())?;
        matches!(endpoint, Endpoint::Processor { .. }).then(|| shadow.chooses())
    }

    fn reading(&self, endpoint: &Endpoint, form: PayloadFormat) -> Reading {
        Reading {
            endpoint: endpoint.clone(),
            form,
            limits: self.limits,
            native_destinations: self.native_destinations,
            has_upstream: self.fallback.upstream.is_some(),
            upstream_answers: self.answers_from_upstream(),
            activity: self.activity.clone(),
        }
    }

    /// Responds to a request, or forwards it if its body names a destination that the upstream transforms.
    ///
    /// # Errors
    /// Returns an error if the request is rejected as a whole.
    pub async fn serve(
        &self,
        endpoint: Endpoint,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<HttpResponse, RequestError> {
        let is_sampled = self.sample_early(&endpoint);
        if is_sampled == Some(false) {
            return self.fallback.forward_or(request, payload, RequestError::NotFound).await;
        }
        let form = form_of(request);
        let body = self.bodies.collect(request, payload).await?;
        let (sent, coding) = (body.sent(), body.coding());
        let owner = self.reading(&endpoint, form).owner_of(body, &self.bodies.permits).await;
        let received = Received { service: self, request, endpoint, form, sent, coding, is_sampled };
        match owner {
            Ok((Owner::Us(transformed, activity), memory)) => Ok(received.respond(*transformed, activity, memory)),
            Ok((Owner::Upstream { is_ours }, memory)) => received.forward(is_ours, memory).await,
            Err(error) => received.reject(error),
        }
    }
}

impl Received<'_> {
    fn respond(self, transformed: Transformed, activity: RequestActivity, memory: Reservation) -> HttpResponse {
        self.request.extensions_mut().insert(transformed.family);
        if let Some(series) = self.request.app_data::<Rc<WorkerSeries>>() {
            let version = self.request.app_data().map_or("", |Version(version)| *version);
            series.count_transformed(&transformed, version);
        }
        if transformed.tally.rejected() > 0 {
            let mut rejected = activity.rejected();
            if rejected.is_empty() {
                rejected.push(self.rejected_by_router(&transformed));
            }
            request_log::note_rejected(self.request, rejected);
        }
        for seen in activity.destinations() {
            let id = seen.identity.destination_id.as_deref();
            let (family, counts) = (transformed.family, &seen.counts);
            self.service.fallback.metrics.count_destination(family, id, counts.transformed(), counts.rejected());
        }
        self.service.activity.add(transformed.family, activity);
        request_log::note_events(self.request, &transformed.tally);
        // The part of the response that is being written is in memory twice.
        let bytes = transformed.body.capacity() + transformed.body.len().min(response::LARGE_RESPONSE_BYTES);
        let body = Bytes::from(transformed.body);
        let then = self.watch().and_then(|watch| watch.answered(200, body.clone()));
        drop(self.sent);
        memory.shrink_to(bytes);
        response::response(body, memory, then)
    }

    /// Returns the rejected events of a request to a router endpoint. All of them are attributed to the destination of
    /// the first event.
    fn rejected_by_router(&self, transformed: &Transformed) -> RejectedEvents {
        RejectedEvents {
            identity: Identity::in_start_of(&self.sent, self.coding),
            events: transformed.tally.events,
            rejected: transformed.tally.rejected,
        }
    }

    async fn forward(self, is_ours: bool, memory: Reservation) -> Result<HttpResponse, RequestError> {
        let Fallback { upstream, metrics, .. } = &self.service.fallback;
        let Some(upstream) = upstream else { return Err(RequestError::NotFound) };
        let watch = if is_ours { self.watch() } else { None };
        let tap = watch.map(|watch| Box::new(ShadowTap::of(watch)) as Box<dyn BodyTap>);
        pass::whole(self.request, (self.sent, memory), upstream, metrics, tap).await
    }

    fn reject(self, error: RequestError) -> Result<HttpResponse, RequestError> {
        identity::note(self.request, &self.sent);
        match error {
            error if error.is_unreadable() => {
                let (status, body) = (error.status_code().as_u16(), Bytes::from(error.body()));
                let then = self.watch().and_then(|watch| watch.answered(status, body));
                Ok(response::and_then(HttpResponse::from_error(error), then))
            }
            RequestError::UnknownDestination(name) => {
                Err(self.service.fallback.unserved.reject_read(self.request, name, (&self.sent, self.coding)))
            }
            error => Err(error),
        }
    }

    /// Keeps the request for shadow comparison, if the request is selected.
    fn watch(&self) -> Option<PendingComparison> {
        let (shadow, upstream) = self.service.shadow.as_ref().zip(self.service.fallback.upstream.as_ref())?;
        let is_sampled = self.is_sampled.unwrap_or_else(|| shadow.chooses());
        let asked = (self.endpoint.clone(), self.form, self.coding);
        is_sampled.then(|| shadow.keep(upstream, self.request, asked, &self.sent)).flatten()
    }
}
