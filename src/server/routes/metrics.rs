//! `GET /metrics`, on a port of its own.

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

/// What is shown, and to whom.
#[derive(Debug, Clone)]
pub struct ShownMetrics {
    /// What is counted.
    pub metrics: Metrics,
    /// The memory of all requests.
    pub budget: MemoryBudget,
    /// How long requests may wait for a worker.
    pub wait_limit: Duration,
    /// Each port with its connections.
    pub connections: Vec<(&'static str, ConnectionSlots)>,
    /// The certificate in use.
    pub tls: Option<Arc<Tls>>,
    /// The token that is asked for.
    pub operator: Option<Arc<OperatorToken>>,
}

impl ShownMetrics {
    fn usage(&self) -> Usage {
        #[expect(clippy::disallowed_methods, reason = "certificates have dates")]
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
pub async fn metrics(request: HttpRequest, shown: Data<ShownMetrics>) -> Result<HttpResponse, RequestError> {
    if let Some(token) = &shown.operator {
        token.check(&request)?;
    }
    shown.metrics.set_usage(&shown.usage());
    let text = shown.metrics.render().map_err(|_| RequestError::InternalServerError)?;
    Ok(HttpResponse::Ok().insert_header(("Content-Type", METRICS_TEXT)).body(text))
}
