//! The OpenAPI document and the page that shows it.

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

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "rudder-kafka-transformer",
        description = "Transforms RudderStack events for Apache Kafka, Azure Event Hubs and Confluent Cloud.\n\n\
                       A path may end in a slash. Any other path or method gets 404, or goes upstream if there is one. \
                       Another method on `/`, `/destinations`, `/docs`, `/explain`, `/live`, `/openapi.json` and `/ready` \
                       is 405 with `Allow`.",
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
        self::document_of_this
    ),
    components(schemas(Event, Destination, Compacted, ErrorBody, UnknownDestinationBody)),
    tags(
        (name = "transformation", description = "What rudder-server calls for every batch of events"),
        (name = "explanation", description = "What the page at `/` asks"),
        (name = "status", description = "What the service is and can do")
    )
)]
struct Document;

/// Paths that respond like another one, with the ids of their operations.
const ALIASES: [(&str, &str, &str); 2] = [
    ("/v1/destinations/{destination}", "/v0/destinations/{destination}", "transformV1"),
    ("/transformerBuildVersion", "/buildVersion", "transformerBuildVersion"),
];

/// The document as pretty JSON, as it is kept in `openapi/openapi.json`.
#[must_use]
pub fn document() -> String {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    if let Some(paths) = document["paths"].as_object_mut() {
        examples::add(paths);
        add_request_ids(paths);
        add_aliases(paths);
        // The framework lists them by their hash.
        paths.sort_keys();
    }
    document["components"]["securitySchemes"] = serde_json::json!({
        "operator": { "type": "http", "scheme": "bearer", "description": "What is in OPERATOR_TOKEN_FILE, where that is set" }
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Every response has the id of its request, which is in the log too.
fn add_request_ids(paths: &mut Map<String, Value>) {
    let header = serde_json::json!({
        "description": "The id of the request in the log: its own X-Request-ID, where that is 1 to 128 visible ASCII characters, or one that is made",
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

/// Tell this description
///
/// The OpenAPI document that you are reading.
#[utoipa::path(get, path = "/openapi.json", tag = "status", operation_id = "openapi",
    responses((status = 200, description = "The document", body = Map<String, Value>), Overload))]
async fn document_of_this() -> impl Responder {
    HttpResponse::Ok().insert_header(JSON).body(SERVED.text.clone())
}

/// The document as it is served. Built by the first request that needs it, because startup does not.
static SERVED: LazyLock<ServedDocument> = LazyLock::new(|| {
    let text = document();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let paths = value["paths"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
    ServedDocument { text: text.into(), paths }
});

struct ServedDocument {
    text: Bytes,
    /// The paths that it describes.
    paths: Vec<String>,
}

/// The page at `/docs` and `/docs/`. Its files are below the latter: the former names them from one level above, so that no
/// redirect is needed.
async fn docs_page(request: HttpRequest, port: Data<DocsPort>) -> impl Responder {
    let base = if request.path().ends_with('/') { "" } else { "docs/" };
    let requires_token = port.info.requires_token.to_string();
    let text = include_str!("docs/index.html").replace("{base}", base);
    let text = text.replace("{requires_token}", &requires_token).replace("{served}", &port.served_paths().join(" "));
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(text)
}

/// The port that the page is on.
#[derive(Debug, Clone)]
struct DocsPort {
    info: ServiceInfo,
    is_metrics_port: bool,
}

impl DocsPort {
    /// The paths that can be tried out here.
    fn served_paths(&self) -> Vec<&'static str> {
        let paths = SERVED.paths.iter().map(String::as_str);
        paths.filter(|path| self.info.is_served(path, self.is_metrics_port)).collect()
    }
}

/// What the page may do: nothing beyond this server. The page sets styles on its elements and has images in its
/// style sheet.
const POLICY: (HeaderName, HeaderValue) = (
    CONTENT_SECURITY_POLICY,
    HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
);

/// Files of the page that are not Swagger UI's.
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
            // A newer version of the service brings a newer page.
            .add((CACHE_CONTROL, "no-cache"));
        config
            .app_data(Data::new(port))
            .service(own_status("/openapi.json", document_of_this))
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
    fn the_bounds_are_those_of_the_request() {
        let document: Value = serde_json::from_str(&document()).unwrap();
        let body = &document["components"]["schemas"]["ExplainBody"]["properties"];
        assert_eq!(body["partitions"]["maximum"], MAX_PARTITIONS);
        assert_eq!(body["events"]["maxItems"], MAX_EVENTS);
    }
}
