//! `POST /batch`: groups events for delivery (docs/contract.md#batch).

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::transform::Transformation;
use crate::server::http::error::RequestError;
use crate::server::openapi::rejections::Rejections;
use crate::server::openapi::requests::{BodyHeaders, RouterRequest};
use crate::server::openapi::responses::BatchResponse;
use transform::endpoint::Endpoint;

/// Group events for delivery
///
/// Groups the events of `input` by destination and topic.
#[utoipa::path(
    post,
    path = "/batch",
    tag = "transformation",
    params(BodyHeaders),
    request_body = RouterRequest,
    responses(
        (status = 200, description = "One entry per group", body = Vec<BatchResponse>,
            headers(("apiVersion" = String, description = "Always 2"))),
        Rejections,
    ),
)]
pub async fn batch(
    request: HttpRequest,
    payload: Payload,
    service: Data<Transformation>,
) -> Result<HttpResponse, RequestError> {
    service.serve(Endpoint::Batch, &request, payload).await
}
