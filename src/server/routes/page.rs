//! The web page at `/`, where users can try out events and destinations. It is embedded in the binary, makes no
//! requests to other hosts, and gets its results from `POST /explain`. The setting `PAGE` can disable the web page and
//! `/explain`, or move both to the metrics port.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Data;
use actix_web::web::ServiceConfig;

use super::destinations;
use super::explain;
use super::resource::{own_resource, own_status};
use super::service_info::ServiceInfo;

/// The Content Security Policy of the page. It allows only the page's own scripts and styles, and requests to this
/// server.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                          img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, content type and text of each file.
pub const FILES: [(&str, &str, &str); 17] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/page/page.css", STYLE, include_str!("page/page.css")),
    ("/page/results.css", STYLE, include_str!("page/results.css")),
    ("/live", HTML, include_str!("page/live.html")),
    ("/page/live.css", STYLE, include_str!("page/live.css")),
    ("/page/live.js", SCRIPT, include_str!("page/live.js")),
    ("/page/element.js", SCRIPT, include_str!("page/element.js")),
    ("/page/main.js", SCRIPT, include_str!("page/main.js")),
    ("/page/json.js", SCRIPT, include_str!("page/json.js")),
    ("/page/link.js", SCRIPT, include_str!("page/link.js")),
    ("/page/findings.js", SCRIPT, include_str!("page/findings.js")),
    ("/page/secrets.js", SCRIPT, include_str!("page/secrets.js")),
    ("/page/service.js", SCRIPT, include_str!("page/service.js")),
    ("/page/share.js", SCRIPT, include_str!("page/share.js")),
    ("/page/summary.js", SCRIPT, include_str!("page/summary.js")),
    ("/page/results.js", SCRIPT, include_str!("page/results.js")),
    ("/page/samples.js", SCRIPT, include_str!("page/samples.js")),
];

/// Returns the information about the service that the page needs. Like the page itself, this endpoint requires no
/// token.
async fn service(info: Data<ServiceInfo>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(&**info)
}

/// Registers the page and the API paths that it requests.
///
/// The files of the page are public even with an operator token: a browser needs the page before a user can enter the
/// token, and the files contain nothing but public source code. The API paths require the token.
pub fn configure(config: &mut ServiceConfig) {
    for (path, content_type, text) in FILES {
        config.service(own_status(path, move || async move {
            HttpResponse::Ok()
                .insert_header((CONTENT_TYPE, content_type))
                .insert_header((CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header((REFERRER_POLICY, "no-referrer"))
                // Browsers must revalidate the page, because an upgrade of the service can change it.
                .insert_header((CACHE_CONTROL, "no-cache"))
                .body(text)
        }));
    }
    config.service(own_status("/page/service.json", service));
    config.service(own_status("/destinations", destinations::destinations));
    config.service(own_resource("/explain", "POST").post(explain::explain));
}
