//! The endpoints of the service, as functions from a request body to a response body.
//!
//! The routes use these functions to respond. Shadow mode and `verify` use them to compare responses.

use crate::decision::Tally;
use crate::family::Family;
use crate::meter::{Meter, Unlimited};
use crate::observer::{NoopObserver, Restart};
use crate::request::body::{BodyError, Counted, Limits, PayloadFormat, RouterResponse, dest_type};
use crate::{batch, processor, router_transform};

/// The header that announces the compacted payload format.
pub const CONTENT_FORMAT: &str = "x-content-format";

/// The content type of every response.
pub const JSON_CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// Returns the payload format for a value of the header [`CONTENT_FORMAT`].
#[must_use]
pub fn form_named(value: Option<&[u8]>) -> PayloadFormat {
    let compacted = value.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"json+compactedv1"));
    if compacted { PayloadFormat::Compacted } else { PayloadFormat::Plain }
}

/// An endpoint, together with the parts of the request that are not in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// The processor transformation.
    Processor {
        /// The destination type in the path.
        family: &'static Family,
        /// The query string of the URL, without its `?`.
        query: String,
    },
    /// `/batch`, which groups events for delivery.
    Batch,
    /// The router transformation, which no destination type of this service supports.
    RouterTransform,
}

/// A response, and the counts of the decisions made for its events.
#[derive(Debug)]
pub struct Transformed {
    /// The destination type.
    pub family: &'static Family,
    /// The response body, as JSON.
    pub body: String,
    /// The counts of the decisions.
    pub tally: Tally,
    /// The counts for the metrics of transformed events.
    pub counted: Option<Counted>,
}

impl Endpoint {
    /// Returns the endpoint for a path with an optional query, or `None` if no endpoint has this path.
    ///
    /// Use this function only for requests that were read from files. The service has its own routes.
    #[must_use]
    pub fn at(path_and_query: &str) -> Option<Self> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        match path.strip_suffix('/').unwrap_or(path) {
            "/batch" => Some(Self::Batch),
            "/routerTransform" => Some(Self::RouterTransform),
            path => {
                let name =
                    ["/v0/destinations/", "/v1/destinations/"].iter().find_map(|base| path.strip_prefix(base))?;
                Some(Self::Processor { family: Family::by_name(name)?, query: query.to_owned() })
            }
        }
    }

    /// Returns the destination type in the body of a router request, or `None` for endpoints with the destination type
    /// in their path.
    ///
    /// # Errors
    /// [`BodyError`] if the body has no destination type.
    pub fn dest_type(&self, body: &str, form: PayloadFormat) -> Result<Option<String>, BodyError> {
        match self {
            Self::Processor { .. } => Ok(None),
            Self::Batch | Self::RouterTransform => dest_type(body, form).map(Some),
        }
    }

    /// Returns the response of the endpoint to a request body, without limits on memory and work.
    ///
    /// # Errors
    /// [`BodyError`] if the whole body is rejected.
    pub fn respond(&self, body: &str, form: PayloadFormat, limits: Limits) -> Result<Transformed, BodyError> {
        self.respond_within(body, form, limits, &Unlimited)
    }

    /// Returns the response of the endpoint to a request body, within the limits of `meter`.
    ///
    /// # Errors
    /// [`BodyError`] if the whole body is rejected.
    pub fn respond_within(
        &self,
        body: &str,
        form: PayloadFormat,
        limits: Limits,
        meter: &dyn Meter,
    ) -> Result<Transformed, BodyError> {
        self.respond_observed(body, form, limits, meter, &mut NoopObserver)
    }

    /// Like [`Self::respond_within`], but also reports each decision of the processor transformation to `observer`.
    ///
    /// # Errors
    /// [`BodyError`] if the whole body is rejected.
    pub fn respond_observed(
        &self,
        body: &str,
        form: PayloadFormat,
        limits: Limits,
        meter: &dyn Meter,
        observer: &mut impl Restart,
    ) -> Result<Transformed, BodyError> {
        let router = |RouterResponse { family, body, tally, counted }| Transformed { family, body, tally, counted };
        match self {
            Self::Processor { family, query } => {
                let response = processor::respond_observed(family, body, form, query, limits, meter, observer)?;
                let processor::Response { body, tally, origin } = response;
                let counted = Some(Counted { origin, events: tally.events, responses: tally.events });
                Ok(Transformed { family, body, tally, counted })
            }
            Self::Batch => batch::respond_within(body, form, limits, meter).map(router),
            Self::RouterTransform => router_transform::respond_within(body, form, limits, meter).map(router),
        }
    }
}
