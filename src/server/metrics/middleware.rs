//! Middleware that measures every request.

use std::rc::Rc;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use prometheus::IntGauge;

use super::series::HttpKey;
use super::worker::WorkerSeries;
use crate::server::http::lengths::{declared_length, request_bytes, response_bytes};
use crate::server::http::route::{Route, UNMATCHED, method_label};
use crate::server::limits::limit::Limit;
use transform::family::Family;

/// Counts a request, and measures its duration and the sizes of its body and response.
pub async fn measure(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(series) = request.app_data::<Rc<WorkerSeries>>().cloned() else {
        return next.call(request).await;
    };
    let started = Instant::now();
    let method = method_label(request.method());
    let declared = declared_length(request.headers()).map(|bytes| bytes as u64);
    let _open = Open::one_more(&series.metrics().concurrent);
    let result = next.call(request).await;
    let (status, route, family, received, sent) = match &result {
        Ok(answered) => {
            let request = answered.request();
            let route = request.app_data::<Route>().copied().unwrap_or(UNMATCHED);
            let extensions = request.extensions();
            let family = extensions.get::<&'static Family>().map_or("", |family| family.name);
            if let Some(limit) = answered.response().extensions().get::<Limit>() {
                series.metrics().count_rejection(*limit, route.0);
            }
            let sent = response_bytes(answered.response().body());
            (answered.status(), route, family, request_bytes(request), sent)
        }
        Err(error) => (error.as_response_error().status_code(), UNMATCHED, "", declared, None),
    };
    let key = HttpKey { method, status, route: route.0, family };
    series.count_http(&key, started.elapsed().as_secs_f64(), received.unwrap_or(0), sent);
    result
}

/// Counts a request as in flight until this value is dropped, which happens even if the client disconnects.
struct Open<'g>(&'g IntGauge);

impl<'g> Open<'g> {
    fn one_more(gauge: &'g IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
