//! `GET /destinations`: reports the activity of each destination.

use std::num::NonZeroU32;
use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::IntoParams;

use super::explain::limits::MAX_PARTITIONS;
use super::off_loop::off_the_loop;
use super::transform::response::counted;
use crate::server::activity::Activity;
use crate::server::activity::report::Report;
use crate::server::http::error::RequestError;
use crate::server::http::headers::JSON;
use crate::server::http::operator_token::OperatorToken;
use crate::server::limits::memory_budget::MemoryBudget;
use crate::server::limits::permits::Permits;
use crate::server::openapi::rejections::{ForOperators, Overload};
use crate::server::openapi::responses::ErrorBody;

/// The state of this route.
#[derive(Debug, Clone)]
pub struct ShownActivity {
    /// The counts to report.
    pub activity: Activity,
    /// The required operator token, or `None` if no token is required.
    pub operator: Option<Arc<OperatorToken>>,
    /// The memory budget. Each report counts against the budget until the report has been written.
    pub budget: MemoryBudget,
    /// Permits for creating reports. Reports are created one at a time, so that open web pages do not slow down
    /// transformation requests.
    pub permits: Permits,
}

/// The default number of partitions for which skew is computed.
const PARTITIONS: NonZeroU32 = NonZeroU32::new(12).unwrap();

/// The query parameters.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documentation only: the query is parsed by hand, so that errors are in our own format")]
struct Query {
    /// The number of partitions per topic. The report uses it to compute the partition of each key and the skew.
    #[param(minimum = 1, maximum = 2_147_483_647, default = 12)]
    partitions: Option<u32>,
}

/// Show the activity of each destination
///
/// Shows for each destination its events, its rejections by reason, its topics, the rules that chose the topics, its
/// hottest partition keys and its skew, since startup and over the last five minutes. The report contains no event data
/// except topics and, with `SHOW_KEYS`, the start of each hot key. Available on the metrics port, and on the port of
/// the web page (`PAGE`). Requires the operator token if `OPERATOR_TOKEN_FILE` is set.
#[utoipa::path(
    get,
    path = "/destinations",
    tag = "status",
    security((), ("operator" = [])),
    operation_id = "destinations",
    params(Query),
    responses(
        (status = 200, description = "All destinations", body = Report),
        (status = 400, description = "The number of partitions is invalid", body = ErrorBody),
        ForOperators, Overload,
    ),
)]
pub async fn destinations(request: HttpRequest, shown: Data<ShownActivity>) -> Result<HttpResponse, RequestError> {
    if let Some(token) = &shown.operator {
        token.check(&request)?;
    }
    let partitions = partitions(request.query_string())?;
    let (activity, share) = (shown.activity.clone(), shown.budget.reservation());
    let made = off_the_loop(&shown.permits, move |_| {
        let text = serde_json::to_vec(&activity.report(partitions)).map_err(|_| RequestError::InternalServerError)?;
        share.reserve(text.capacity())?;
        Ok((text, share))
    });
    let (text, share) = made.await?;
    let body = counted(text.into(), share);
    Ok(HttpResponse::Ok().insert_header(JSON).insert_header(("Cache-Control", "no-store")).body(body))
}

fn partitions(query: &str) -> Result<NonZeroU32, RequestError> {
    let mut given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "partitions");
    let Some((_, value)) = given.next() else { return Ok(PARTITIONS) };
    let number = value.parse::<NonZeroU32>().ok().filter(|number| number.get() <= MAX_PARTITIONS);
    number.ok_or_else(|| {
        RequestError::BadRequest(format!("partitions must be a whole number from 1 to {MAX_PARTITIONS}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partitions_query_parameter_must_be_a_positive_integer() {
        let of = |query| partitions(query).ok().map(NonZeroU32::get);
        assert_eq!(
            [of(""), of("x=1"), of("partitions=6&x"), of("partitions=2147483647")],
            [Some(12), Some(12), Some(6), Some(2147483647)]
        );
        for bad in [
            "partitions=",
            "partitions=0",
            "partitions=-1",
            "partitions=2147483648",
            "partitions=six",
            "partitions=1.5",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
