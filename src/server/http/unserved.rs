//! Requests from rudder-server that only a rudder-transformer can serve, with the data for their response, metric and
//! log line.

use percent_encoding::percent_decode_str;

use super::identity::Identity;
use super::path::{is_name, is_version};
use crate::server::config::UnservedPolicy;

/// An endpoint to which rudder-server sends requests that only a rudder-transformer can serve
/// (docs/contract.md#requests-of-rudder-server).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnservedEndpoint {
    /// `/customTransform`
    UserTransformation,
    /// `/v0/validate`
    TrackingPlan,
    /// `/v0/destinations/{name}` for a destination type that this service does not handle.
    Destination,
    /// `/batch` for a destination type that this service does not handle.
    Batch,
    /// `/routerTransform` for a destination type that this service does not handle.
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

    /// A stable identifier of the endpoint, for metrics and logs.
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

    /// The purpose of the endpoint, as the plural subject of the sentence in [`UnservedRequest::message`].
    fn subject(self) -> &'static str {
        match self {
            Self::UserTransformation => "user transformations",
            Self::TrackingPlan => "tracking plans",
            Self::Destination | Self::Batch | Self::RouterTransform => "destinations not in NATIVE_DESTINATIONS",
            Self::Delivery => "deliveries",
            Self::Deletion => "user deletions",
            Self::Source => "source transformations",
        }
    }

    /// Returns the endpoint at a path, and the destination or source named in the path. Repeated slashes are treated as
    /// one, because a `DEST_TRANSFORM_URL` may end in a slash. The name of a destination or source consists of
    /// letters, digits and underscores.
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

/// A request that was not served, with the data for its response and log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnservedRequest {
    /// The endpoint.
    pub endpoint: UnservedEndpoint,
    /// How to respond to the request.
    pub policy: UnservedPolicy,
    /// The destination or source named in the path or in `destType`.
    pub name: Option<String>,
    /// The log line, or `None` if it exceeds the rate limit.
    pub line: Option<UnservedLine>,
}

/// The log line of a request that was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnservedLine {
    /// The path, sanitized by [`super::path::loggable`].
    pub path: String,
    /// The IDs of the destination, source and workspace, if they are found in the first bytes of the body.
    pub identity: Identity,
    /// The number of similar lines that were suppressed since the last line that was logged.
    pub suppressed: u64,
}

impl UnservedRequest {
    /// The message of the response.
    #[must_use]
    pub fn message(&self) -> String {
        let subject = self.endpoint.subject();
        format!(
            "{subject} are not served by this service: set UPSTREAM_TRANSFORMER_URL to a rudder-transformer that serves them"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unserved_endpoints_are_recognized_by_their_paths() {
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
