//! `GET /metrics`, on a separate port.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::server::http::error::RequestError;
use crate::server::http::operator_token::OperatorToken;
use crate::server::limits::connection_slot::ConnectionSlots;
use crate::server::limits::memory_budget::MemoryBudget;
use crate::server::metrics::{Metrics, Usage};
use crate::server::openapi::rejections::{ForOperators, Overload};
use crate::server::transport::tls::Tls;

/// The state of this route.
#[derive(Debug, Clone)]
pub struct ShownMetrics {
    /// The metrics to show.
    pub metrics: Metrics,
    /// The memory budget shared by all requests.
    pub budget: MemoryBudget,
    /// The maximum time that requests wait for a worker.
    pub wait_limit: Duration,
    /// The name and the connection slots of each port.
    pub connections: Vec<(&'static str, ConnectionSlots)>,
    /// The current TLS certificate, or `None` without TLS.
    pub tls: Option<Arc<Tls>>,
    /// The required operator token, or `None` if no token is required.
    pub operator: Option<Arc<OperatorToken>>,
}

impl ShownMetrics {
    fn usage(&self) -> Usage {
        #[expect(clippy::disallowed_methods, reason = "the validity of certificates depends on the time")]
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok();
        let now = now.and_then(|now| i64::try_from(now.as_secs()).ok());
        let expires_at = self.tls.as_ref().and_then(|tls| tls.expires_at());
        Usage {
            in_flight: (self.budget.bytes(), self.budget.limit()),
            wait_limit: self.wait_limit,
            connections: self.connections.iter().map(|(port, slots)| (*port, slots.taken(), slots.limit())).collect(),
            certificate_expiry: expires_at.zip(now).map(|(at, now)| at - now),
        }
    }
}

/// The content type of Prometheus' text format.
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns all metrics for Prometheus.
///
/// # Errors
/// Returns [`RequestError::Unauthorized`] without the required token, and [`RequestError::InternalServerError`] if the
/// text cannot be created.
#[utoipa::path(get, path = "/metrics", tag = "status", summary = "Show all metrics",
    description = "Returns the metrics in Prometheus' text format. Available on a separate port (`METRICS_PORT`), which also serves `/destinations`, `/health` and `/ready`. Requires the operator token if `OPERATOR_TOKEN_FILE` is set.",
    security((), ("operator" = [])),
    servers((url = "http://{host}:{port}", description = "The metrics port",
        variables(("host" = (default = "localhost")), ("port" = (default = "9091"))))),
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain"), ForOperators, Overload))]
pub async fn metrics(request: HttpRequest, shown: Data<ShownMetrics>) -> Result<HttpResponse, RequestError> {
    if let Some(token) = &shown.operator {
        token.check(&request)?;
    }
    shown.metrics.set_usage(&shown.usage());
    let text = shown.metrics.render().map_err(|_| RequestError::InternalServerError)?;
    Ok(HttpResponse::Ok().insert_header(("Content-Type", METRICS_TEXT)).body(text))
}
