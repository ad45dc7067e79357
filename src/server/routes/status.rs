//! `/health`, `/ready` and the version endpoints (docs/contract.md#small-endpoints).

use std::sync::Arc;

use actix_web::http::header::ContentType;
use actix_web::web::Data;
use actix_web::{HttpResponse, Responder};
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::config::Versions;
use crate::server::http::error::RequestError;
use crate::server::http::headers::JSON;
use crate::server::lifecycle::Lifecycle;
use crate::server::openapi::rejections::Overload;
use crate::server::openapi::responses::ErrorBody;
use crate::server::upstream::Upstream;
use crate::server::upstream::reachable::Reachable;

/// The state of these routes.
#[derive(Debug, Clone)]
pub struct Status {
    /// Whether the service is shutting down.
    pub lifecycle: Lifecycle,
    /// The versions to report.
    pub versions: Arc<Versions>,
    /// The upstream, if `/ready` depends on it.
    pub needed: Option<(Upstream, Arc<Reachable>)>,
}

/// The response of `/health`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health<'a> {
    /// Always `UP`.
    #[schema(example = "UP")]
    service: &'a str,
    /// The version of this service, or `npm_package_version` if that is set.
    version: &'a str,
    /// The commit of the build, or `git_commit_sha` if that is set.
    #[serde(rename = "gitCommitSha", skip_serializing_if = "Option::is_none")]
    git_commit_sha: Option<&'a str>,
}

/// Check whether the service is up
#[utoipa::path(get, path = "/health", tag = "status", responses((status = 200, description = "Up", body = Health)))]
pub async fn health(status: Data<Status>) -> impl Responder {
    let Versions { version, commit, .. } = &*status.versions;
    HttpResponse::Ok().insert_header(JSON).json(Health { service: "UP", version, git_commit_sha: commit.as_deref() })
}

/// The response of `/ready`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// Always true.
    #[schema(example = true)]
    ready: bool,
}

/// Check whether the service accepts requests
///
/// Returns 503 while the service is shutting down, although other requests are served until the listener closes.
/// Overload does not affect readiness: it is temporary, and rejected requests get a retryable 503.
#[utoipa::path(get, path = "/ready", tag = "status", responses(
    (status = 200, description = "Ready", body = Ready),
    (status = 503, description = "Not ready: the service is shutting down, or READY_NEEDS_UPSTREAM is set and the upstream does not respond", body = ErrorBody),
))]
pub async fn ready(status: Data<Status>) -> Result<HttpResponse, RequestError> {
    if status.lifecycle.is_stopping() {
        return Err(RequestError::NotReady("the service is shutting down"));
    }
    if let Some((upstream, reachable)) = &status.needed
        && !reachable.is(upstream).await
    {
        return Err(RequestError::NotReady("the upstream transformer (UPSTREAM_TRANSFORMER_URL) does not respond"));
    }
    Ok(HttpResponse::Ok().insert_header(JSON).json(Ready { ready: true }))
}

/// Show the version
///
/// The version of this service, or `npm_package_version` if that is set.
#[utoipa::path(get, path = "/version", tag = "status", responses(
    (status = 200, description = "The version", body = String, content_type = "text/plain"),
    Overload,
))]
pub async fn version(status: Data<Status>) -> impl Responder {
    HttpResponse::Ok().insert_header(ContentType::plaintext()).body(status.versions.version.clone())
}

/// Show the version of the build
///
/// The version of this service, or `transformer_build_version` if that is set.
#[utoipa::path(get, path = "/buildVersion", tag = "status", operation_id = "buildVersion", responses(
    (status = 200, description = "The version", body = String, content_type = "text/plain"),
    Overload,
))]
pub async fn build_version(status: Data<Status>) -> impl Responder {
    HttpResponse::Ok().insert_header(ContentType::plaintext()).body(status.versions.build_version.clone())
}
