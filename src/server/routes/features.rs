//! `GET /features`: the features of the service and of its upstream (docs/contract.md#features).

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::config::native_destinations::NativeDestinations;
use crate::server::http::error::RequestError;
use crate::server::http::headers::JSON;
use crate::server::openapi::responses::ErrorBody;
use crate::server::upstream::Upstream;
use crate::server::upstream::features::UpstreamFeatures;

/// The state of this route.
#[derive(Debug, Clone)]
pub struct FeatureSource {
    /// The upstream, or `None` if none is configured.
    pub upstream: Option<Upstream>,
    /// The cached features of the upstream.
    pub known: Arc<UpstreamFeatures>,
    /// The destinations that this service transforms.
    pub native_destinations: NativeDestinations,
}

/// The features of the service. rudder-server requests them before it sends events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// Always empty: no destination has a router transformation.
    router_transform: serde_json::Map<String, serde_json::Value>,
    /// Always empty: no destination supports the deletion of users.
    regulations: Vec<String>,
    /// Always true.
    support_source_transform_v1: bool,
    /// Always true.
    support_transformer_proxy_v1: bool,
    /// Always true.
    upgraded_to_source_transform_v2: bool,
    /// Always true: the compacted format is supported.
    support_dest_transform_compacted_payload_v1: bool,
}

/// Show the features of the service
///
/// With an upstream, returns the upstream's response, corrected for the destinations that this service transforms.
#[utoipa::path(get, path = "/features", tag = "status", responses(
    (status = 200, description = "The features", body = Features),
    (status = 503, description = "Overloaded, or /features of the upstream is unavailable: retry", body = ErrorBody),
))]
pub async fn features(source: Data<FeatureSource>) -> Result<HttpResponse, RequestError> {
    let mut response = HttpResponse::Ok();
    response.insert_header(JSON);
    if let Some(upstream) = &source.upstream {
        return Ok(response.body(source.known.get(upstream, source.native_destinations).await?));
    }
    Ok(response.json(Features {
        router_transform: serde_json::Map::new(),
        regulations: Vec::new(),
        support_source_transform_v1: true,
        support_transformer_proxy_v1: true,
        upgraded_to_source_transform_v2: true,
        support_dest_transform_compacted_payload_v1: true,
    }))
}
