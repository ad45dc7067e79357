//! `POST /routerTransform`, which the destinations of this service do not support
//! (docs/contract.md#router-transformation).

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::transform::Transformation;
use crate::server::http::error::RequestError;
use crate::server::openapi::rejections::Rejections;
use crate::server::openapi::requests::{BodyHeaders, RouterRequest};
use crate::server::openapi::responses::RouterTransformResponse;
use transform::endpoint::Endpoint;

/// Report that router transformation is not supported
///
/// Returns one error per destination, because the destinations of this service use the processor transformation.
#[utoipa::path(
    post,
    path = "/routerTransform",
    tag = "transformation",
    params(BodyHeaders),
    request_body = RouterRequest,
    responses(
        (status = 200, description = "One entry per destination", body = RouterTransformResponse,
            headers(("apiVersion" = String, description = "Always 2"))),
        Rejections,
    ),
)]
pub async fn router_transform(
    request: HttpRequest,
    payload: Payload,
    service: Data<Transformation>,
) -> Result<HttpResponse, RequestError> {
    service.serve(Endpoint::RouterTransform, &request, payload).await
}
