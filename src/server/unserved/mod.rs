//! Requests that only a rudder-transformer can serve, while there is none to pass them on to. rudder-server drops the
//! events of a request that gets a final response, without a line in any log; so the default is to have it retry, and
//! every such request is counted and logged as an error (docs/guides/without-upstream.md).

mod identity;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::Payload;
use clap::ValueEnum;
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;

use super::app::State;
use super::http::body::Coding;
use super::http::error::RequestError;
use super::http::path::{is_name, is_version, loggable};
use super::log::line_limit::LineLimit;
pub use identity::Identity;

/// The response to a request that nothing here can serve: the setting `UNSERVED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Unserved {
    /// 503 with `X-Rudder-Should-Retry`: rudder-server keeps the events and retries.
    Retry,
    /// 404: rudder-server drops the events.
    Reject,
}

/// An endpoint of rudder-transformer that rudder-server uses and this service does not have
/// (docs/contract.md#requests-of-rudder-server).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnservedEndpoint {
    /// `/customTransform`
    UserTransformation,
    /// `/v0/validate`
    TrackingPlan,
    /// `/v0/destinations/{name}` of another destination.
    Destination,
    /// `/batch` for another destination.
    Batch,
    /// `/routerTransform` for another destination.
    RouterTransform,
    /// `/v0/destinations/{name}/proxy`
    Delivery,
    /// `/deleteUsers`
    Deletion,
    /// `/v0/sources/…`
    Source,
}

impl UnservedEndpoint {
    /// Every endpoint.
    pub const ALL: [Self; 8] = [
        Self::UserTransformation,
        Self::TrackingPlan,
        Self::Destination,
        Self::Batch,
        Self::RouterTransform,
        Self::Delivery,
        Self::Deletion,
        Self::Source,
    ];

    /// The endpoint as a stable word, for metrics and the log.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UserTransformation => "user_transformation",
            Self::TrackingPlan => "tracking_plan",
            Self::Destination => "destination",
            Self::Batch => "batch",
            Self::RouterTransform => "router_transform",
            Self::Delivery => "delivery",
            Self::Deletion => "deletion",
            Self::Source => "source",
        }
    }

    /// What it is for, as the subject of a sentence in the plural.
    fn subject(self) -> &'static str {
        match self {
            Self::UserTransformation => "user transformations",
            Self::TrackingPlan => "tracking plans",
            Self::Destination | Self::Batch | Self::RouterTransform => {
                "destinations other than those of NATIVE_DESTINATIONS"
            }
            Self::Delivery => "deliveries",
            Self::Deletion => "deletions of users",
            Self::Source => "source transformations",
        }
    }

    /// Returns the endpoint at a path, and the destination or source that the path names. Repeated slashes count as one:
    /// they come from a `DEST_TRANSFORM_URL` that ends in a slash. A destination needs a name that one can have: letters,
    /// digits and underscores.
    #[must_use]
    pub fn at(path: &str) -> Option<(Self, Option<String>)> {
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).take(8).collect();
        let named = |endpoint, name: &str| is_name(name).then(|| (endpoint, Some(name.to_owned())));
        match segments[..] {
            ["customTransform"] => Some((Self::UserTransformation, None)),
            ["batch"] => Some((Self::Batch, None)),
            ["routerTransform"] => Some((Self::RouterTransform, None)),
            ["deleteUsers"] => Some((Self::Deletion, None)),
            [version, "validate"] if is_version(version) => Some((Self::TrackingPlan, None)),
            ["v0" | "v1", "destinations", name] => named(Self::Destination, name),
            [version, "destinations", name, "proxy"] if is_version(version) => named(Self::Delivery, name),
            [version, "sources", name, ..] if is_version(version) => named(Self::Source, name),
            _ => None,
        }
    }
}

/// A request that was not served, as far as its response and its log line need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnservedRequest {
    /// The endpoint.
    pub endpoint: UnservedEndpoint,
    /// The response.
    pub policy: Unserved,
    /// The destination or source that the path or `destType` names.
    pub name: Option<String>,
    /// What is logged; `None` if there are too many such lines.
    pub line: Option<UnservedLine>,
}

/// What the log says of a request that was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnservedLine {
    /// The path, [`loggable`].
    pub path: String,
    /// Whose events they are, as far as a look at the start of the body shows.
    pub identity: Identity,
    /// Lines of this kind that were not written since the last one.
    pub suppressed: u64,
}

impl UnservedRequest {
    /// The text of the response.
    #[must_use]
    pub fn message(&self) -> String {
        let subject = self.endpoint.subject();
        format!("{subject} are not served here; set UPSTREAM_TRANSFORMER_URL to a rudder-transformer that serves them")
    }
}

/// Responds to requests that are not served. Copies share the limit of log lines.
#[derive(Debug, Clone)]
pub struct Refusals {
    policy: Unserved,
    lines: Arc<LineLimit>,
}

/// Bytes of a body that are looked at for its destination and workspace, as sent and decompressed. A usual event has 2 to 3 KB.
const LOOK_BYTES: usize = 32 * 1024;

/// How long that part of a body may take to come.
const LOOK_TIME: Duration = Duration::from_millis(250);

impl Refusals {
    /// Responses as the setting says.
    #[must_use]
    pub fn new(policy: Unserved) -> Self {
        Self { policy, lines: Arc::default() }
    }

    /// Rejects a request whose body was not read: `otherwise` if it is for no endpoint that rudder-server uses. Of the body
    /// at most 32 KiB are read, and only for a request that is logged.
    pub async fn reject(
        &self,
        request: &HttpRequest,
        payload: Payload,
        state: &State,
        otherwise: RequestError,
    ) -> RequestError {
        let Some((endpoint, name)) = Self::endpoint(request) else { return otherwise };
        let line = match self.lines.admit(Instant::now()) {
            Some(suppressed) => {
                let identity = match Coding::of(request) {
                    Ok(coding) => Identity::in_start_of(&start_of(payload).await, coding),
                    Err(_) => Identity::default(),
                };
                Some((suppressed, identity))
            }
            None => None,
        };
        self.rejection(request, state, endpoint, name, line)
    }

    /// Rejects a request whose body names `destination`, which is not served here.
    #[must_use]
    pub fn reject_read(
        &self,
        request: &HttpRequest,
        state: &State,
        destination: String,
        (body, coding): (&[u8], Coding),
    ) -> RequestError {
        let endpoint = Self::endpoint(request).filter(|_| is_name(&destination));
        let Some((endpoint, _)) = endpoint else { return RequestError::UnknownDestination(destination) };
        let line = self.lines.admit(Instant::now());
        let line = line.map(|suppressed| (suppressed, Identity::in_start_of(body, coding)));
        self.rejection(request, state, endpoint, Some(destination), line)
    }

    /// rudder-server posts to all of these.
    fn endpoint(request: &HttpRequest) -> Option<(UnservedEndpoint, Option<String>)> {
        (*request.method() == Method::POST).then(|| UnservedEndpoint::at(request.uri().path()))?
    }

    fn rejection(
        &self,
        request: &HttpRequest,
        state: &State,
        endpoint: UnservedEndpoint,
        name: Option<String>,
        line: Option<(u64, Identity)>,
    ) -> RequestError {
        state.metrics.count_unserved(endpoint);
        let line = line.map(|(suppressed, identity)| {
            let identity = Identity { dest_type: name.clone().or(identity.dest_type), ..identity };
            UnservedLine { path: loggable(request.uri().path()), identity, suppressed }
        });
        RequestError::Unserved(Box::new(UnservedRequest { endpoint, policy: self.policy, name, line }))
    }
}

/// The first bytes of a body, as far as they come in time.
async fn start_of(mut payload: Payload) -> Vec<u8> {
    let mut start = Vec::new();
    let collect = async {
        while start.len() < LOOK_BYTES
            && let Some(Ok(piece)) = payload.next().await
        {
            start.extend_from_slice(&piece[..piece.len().min(LOOK_BYTES - start.len())]);
        }
    };
    // What has come by then is looked at.
    tokio::time::timeout(LOOK_TIME, collect).await.ok();
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_rudder_server_are_known_by_their_paths() {
        use UnservedEndpoint as E;
        for (path, endpoint, name) in [
            ("/customTransform", E::UserTransformation, None),
            ("//customTransform/", E::UserTransformation, None),
            ("/v0/validate", E::TrackingPlan, None),
            ("/v0/destinations/ga4", E::Destination, Some("ga4")),
            ("/v1/destinations/BINGADS_AUDIENCE/", E::Destination, Some("BINGADS_AUDIENCE")),
            ("/v0/destinations/g%614", E::Destination, Some("ga4")),
            ("/batch", E::Batch, None),
            ("/routerTransform/", E::RouterTransform, None),
            ("/v1/destinations/kafka/proxy", E::Delivery, Some("kafka")),
            ("/deleteUsers", E::Deletion, None),
            ("/v0/sources/webhook", E::Source, Some("webhook")),
            ("/v2/sources/shopify/x", E::Source, Some("shopify")),
        ] {
            assert_eq!(E::at(path), Some((endpoint, name.map(str::to_owned))), "{path}");
        }
        for path in [
            "/",
            "/foo",
            "/v0/destinations",
            "/v0/destinations/",
            "/v0/destinations/no-such",
            "/v0/destinations/a%20b",
            "/v0/destinations/%ff",
            "/v2/destinations/ga4",
            "/v0/destinations/ga4/x",
            "/v0/destinations/../proxy",
            "/x/../customTransform",
            "/vx/validate",
            "/validate",
            "/CUSTOMTRANSFORM",
        ] {
            assert_eq!(E::at(path), None, "{path}");
        }
        assert_eq!(E::at(&format!("/v0/destinations/{}", "x".repeat(65))), None);
    }
}
