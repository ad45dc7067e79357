//! The small endpoints (docs/contract.md#small-endpoints) and `/metrics`.

use actix_web::http::header::ContentType;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::app::{JSON, State};
use crate::server::http::error::RequestError;
use crate::server::openapi::{ErrorBody, ForOperators, Overload};
use crate::server::settings::Settings;

/// The version of this service.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit that was built, where the build was told.
pub const COMMIT: Option<&str> = option_env!("GIT_COMMIT_SHA");

/// The versions that are reported to clients: this service's, unless the settings name others, as rudder-transformer calls
/// them. Metrics and log always have this service's.
#[derive(Debug)]
pub struct Versions {
    version: String,
    build_version: String,
    commit: Option<String>,
}

impl Versions {
    /// The versions of the settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let or_own = |version: &Option<String>| version.clone().unwrap_or_else(|| VERSION.to_owned());
        Self {
            version: or_own(&settings.npm_package_version),
            build_version: or_own(&settings.transformer_build_version),
            commit: settings.git_commit_sha.clone().or(COMMIT.map(str::to_owned)),
        }
    }
}

/// That the service is there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health<'a> {
    /// Always `UP`.
    #[schema(example = "UP")]
    service: &'a str,
    /// The version of this service, or what `npm_package_version` says.
    version: &'a str,
    /// The commit that was built, or what `git_commit_sha` says.
    #[serde(rename = "gitCommitSha", skip_serializing_if = "Option::is_none")]
    git_commit_sha: Option<&'a str>,
}

/// Say that the service is up
#[utoipa::path(get, path = "/health", tag = "status", responses((status = 200, description = "Up", body = Health)))]
pub async fn health(state: Data<State>) -> impl Responder {
    let Versions { version, commit, .. } = &*state.versions;
    HttpResponse::Ok().insert_header(JSON).json(Health { service: "UP", version, git_commit_sha: commit.as_deref() })
}

/// That requests are welcome.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// Always true.
    #[schema(example = true)]
    ready: bool,
}

/// Say whether requests are welcome
///
/// 503 once the service is told to stop; it still answers what comes until its listener closes. Overload does not count: it
/// passes, and is told to those whom it concerns.
#[utoipa::path(get, path = "/ready", tag = "status", responses(
    (status = 200, description = "They are", body = Ready),
    (status = 503, description = "They are not: the service is stopping, or READY_NEEDS_UPSTREAM and the upstream does not answer", body = ErrorBody),
))]
pub async fn ready(state: Data<State>) -> Result<HttpResponse, RequestError> {
    if state.lifecycle.is_stopping() {
        return Err(RequestError::NotReady("the service is stopping"));
    }
    if let (Some(upstream), Some(reachable)) = (&state.upstream, &state.reachable)
        && !reachable.is(upstream).await
    {
        return Err(RequestError::NotReady("the transformer that UPSTREAM_TRANSFORMER_URL names does not answer"));
    }
    Ok(HttpResponse::Ok().insert_header(JSON).json(Ready { ready: true }))
}

/// Show the version
///
/// The version of this service, or what `npm_package_version` says.
#[utoipa::path(get, path = "/version", tag = "status", responses(
    (status = 200, description = "The version", body = String, content_type = "text/plain"),
    Overload,
))]
pub async fn version(state: Data<State>) -> impl Responder {
    HttpResponse::Ok().insert_header(ContentType::plaintext()).body(state.versions.version.clone())
}

/// Show the version of the build
///
/// The version of this service, or what `transformer_build_version` says.
#[utoipa::path(get, path = "/buildVersion", tag = "status", operation_id = "buildVersion", responses(
    (status = 200, description = "The version", body = String, content_type = "text/plain"),
    Overload,
))]
pub async fn build_version(state: Data<State>) -> impl Responder {
    HttpResponse::Ok().insert_header(ContentType::plaintext()).body(state.versions.build_version.clone())
}

/// The content type of Prometheus' text format.
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything counted, for Prometheus.
///
/// # Errors
/// [`RequestError::Unauthorized`]; [`RequestError::InternalServerError`] where the text cannot be made.
#[utoipa::path(get, path = "/metrics", tag = "status", summary = "Tell what was counted",
    description = "In Prometheus' text format, on a port of its own: `METRICS_PORT`. `/health` and `/ready` are there too. Where the service has an `OPERATOR_TOKEN_FILE`, it asks for that token.",
    security((), ("operator" = [])),
    servers((url = "http://{host}:{port}", description = "The metrics port",
        variables(("host" = (default = "localhost")), ("port" = (default = "9091"))))),
    responses((status = 200, description = "Everything counted", body = String, content_type = "text/plain"), ForOperators, Overload))]
pub async fn metrics(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, RequestError> {
    state.check_operator(&request)?;
    let text = state.metrics.render(state.in_flight.bytes()).map_err(|_| RequestError::InternalServerError)?;
    Ok(HttpResponse::Ok().insert_header(("Content-Type", METRICS_TEXT)).body(text))
}
