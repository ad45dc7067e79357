//! The OpenAPI document and the web page that shows it.

use std::sync::LazyLock;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Responder};
use bytes::Bytes;
use serde_json::{Map, Value};
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::resource::own_status;
use super::service_info::ServiceInfo;
use super::{batch, destinations, explain, features, metrics, processor, router_transform, status};
use crate::server::http::headers::JSON;
use crate::server::openapi::examples;
use crate::server::openapi::rejections::Overload;
use crate::server::openapi::requests::{Compacted, Destination, Event};
use crate::server::openapi::responses::{ErrorBody, UnknownDestinationBody};

/// The OpenAPI document, without examples and aliases.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "rudder-kafka-transformer",
        description = "Transforms RudderStack events for Apache Kafka, Azure Event Hubs and Confluent Cloud.\n\n\
                       A path may end in a slash. A request with a path or method that is not documented here is \
                       forwarded to the upstream, or gets 404 if there is no upstream. The exceptions are `/`, \
                       `/destinations`, `/docs`, `/explain`, `/live`, `/openapi.json` and `/ready`, where an \
                       unsupported method gets 405 with `Allow`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        processor::transform,
        batch::batch,
        router_transform::router_transform,
        explain::explain,
        status::health,
        status::ready,
        features::features,
        status::version,
        status::build_version,
        metrics::metrics,
        destinations::destinations,
        self::openapi_json
    ),
    components(schemas(Event, Destination, Compacted, ErrorBody, UnknownDestinationBody)),
    tags(
        (name = "transformation", description = "Endpoints that rudder-server calls for every batch of events"),
        (name = "explanation", description = "The endpoint that the web page at `/` uses"),
        (name = "status", description = "State and features of the service")
    )
)]
struct Document;

/// The path of each alias, the equivalent path, and the ID of the alias's operation.
const ALIASES: [(&str, &str, &str); 2] = [
    ("/v1/destinations/{destination}", "/v0/destinations/{destination}", "transformV1"),
    ("/transformerBuildVersion", "/buildVersion", "transformerBuildVersion"),
];

/// Returns the document as pretty-printed JSON, which is also the content of `openapi/openapi.json`.
#[must_use]
pub fn document() -> String {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    if let Some(paths) = document["paths"].as_object_mut() {
        examples::add(paths);
        add_request_ids(paths);
        add_aliases(paths);
        // utoipa lists the paths in hash order.
        paths.sort_keys();
    }
    document["components"]["securitySchemes"] = serde_json::json!({
        "operator": { "type": "http", "scheme": "bearer", "description": "The token in OPERATOR_TOKEN_FILE, if it is set" }
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Adds the header `X-Request-ID` to every response.
fn add_request_ids(paths: &mut Map<String, Value>) {
    let header = serde_json::json!({
        "description": "The ID of the request, also in the log: the client's X-Request-ID if it is 1 to 128 visible ASCII characters, otherwise a generated ID",
        "schema": { "type": "string" }
    });
    let operations = paths.values_mut().filter_map(Value::as_object_mut);
    for operation in operations.flat_map(|item| item.values_mut()) {
        let responses = operation["responses"].as_object_mut().into_iter().flat_map(|responses| responses.values_mut());
        for response in responses {
            response["headers"]["X-Request-ID"] = header.clone();
        }
    }
}

fn add_aliases(paths: &mut Map<String, Value>) {
    for (alias, of, id) in ALIASES {
        let Some(mut item) = paths.get(of).cloned() else { continue };
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            operation["operationId"] = id.into();
        }
        paths.insert(alias.to_owned(), item);
    }
}

/// Show the OpenAPI document
///
/// The OpenAPI document that you are reading.
#[utoipa::path(get, path = "/openapi.json", tag = "status", operation_id = "openapi",
    responses((status = 200, description = "The document", body = Map<String, Value>), Overload))]
async fn openapi_json() -> impl Responder {
    HttpResponse::Ok().insert_header(JSON).body(SERVED.text.clone())
}

/// The document that is served. It is built for the first request that needs it, which keeps startup fast.
static SERVED: LazyLock<ServedDocument> = LazyLock::new(|| {
    let text = document();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let paths = value["paths"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
    ServedDocument { text: text.into(), paths }
});

struct ServedDocument {
    text: Bytes,
    /// The paths that the document describes.
    paths: Vec<String>,
}

/// Returns the page at `/docs` and `/docs/`. The files of the page are below `/docs/`. In the page at `/docs`, relative
/// links to these files start with `docs/`, so that no redirect to `/docs/` is needed.
async fn docs_page(request: HttpRequest, port: Data<DocsPort>) -> impl Responder {
    let base = if request.path().ends_with('/') { "" } else { "docs/" };
    let requires_token = port.info.requires_token.to_string();
    let text = include_str!("docs/index.html").replace("{base}", base);
    let text = text.replace("{requires_token}", &requires_token).replace("{served}", &port.served_paths().join(" "));
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(text)
}

/// The port that serves the page.
#[derive(Debug, Clone)]
struct DocsPort {
    info: ServiceInfo,
    is_metrics_port: bool,
}

impl DocsPort {
    /// Returns the documented paths that this port serves. Only these can be tried out on the page.
    fn served_paths(&self) -> Vec<&'static str> {
        let paths = SERVED.paths.iter().map(String::as_str);
        paths.filter(|path| self.info.is_served(path, self.is_metrics_port)).collect()
    }
}

/// The Content Security Policy of the page. It allows requests only to this server. It also allows inline styles and
/// `data:` images, because Swagger UI uses both.
const POLICY: (HeaderName, HeaderValue) = (
    CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
);

/// The files of the page that do not belong to Swagger UI.
const FILES: [(&str, &str, &str); 2] = [
    ("/docs/docs.css", "text/css; charset=utf-8", include_str!("docs/docs.css")),
    ("/docs/docs.js", "text/javascript; charset=utf-8", include_str!("docs/docs.js")),
];

/// Registers `/docs` and `/openapi.json` on one of the two ports.
pub fn configure(info: &ServiceInfo, is_metrics_port: bool) -> impl FnOnce(&mut ServiceConfig) {
    let port = DocsPort { info: info.clone(), is_metrics_port };
    move |config| {
        let headers = DefaultHeaders::new()
            .add(POLICY)
            .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .add((REFERRER_POLICY, "no-referrer"))
            // Browsers must revalidate the page, because an upgrade of the service can change it.
            .add((CACHE_CONTROL, "no-cache"));
        config
            .app_data(Data::new(port))
            .service(own_status("/openapi.json", openapi_json))
            .service(own_status("/docs", docs_page).wrap(headers.clone()));
        for (path, content_type, text) in FILES {
            let file = move || async move { HttpResponse::Ok().insert_header((CONTENT_TYPE, content_type)).body(text) };
            config.service(own_status(path, file).wrap(headers.clone()));
        }
        let files = SwaggerUi::new("/{_:.*}").config(Config::from("/openapi.json"));
        config.service(web::scope("/docs").wrap(headers).service(files));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::routes::explain::limits::MAX_EVENTS;
    use crate::server::routes::explain::limits::MAX_PARTITIONS;

    #[test]
    fn the_openapi_document_states_the_limits_of_explain_requests() {
        let document: Value = serde_json::from_str(&document()).unwrap();
        let body = &document["components"]["schemas"]["ExplainBody"]["properties"];
        assert_eq!(body["partitions"]["maximum"], MAX_PARTITIONS);
        assert_eq!(body["events"]["maxItems"], MAX_EVENTS);
    }
}
