//! The OpenAPI document: what is committed is what is served.

use rudder_kafka_transformer::server::openapi;

use crate::server::Server;

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");
    let committed = std::fs::read_to_string(path).expect("openapi/openapi.json");
    assert!(
        committed == openapi::document(),
        "openapi/openapi.json is out of date: cargo run -- openapi > openapi/openapi.json"
    );
}

#[test]
fn the_document_and_its_page_are_served_without_the_internet() {
    let server = Server::shared();
    let served = server.get("/openapi.json");
    assert_eq!(served.json(), serde_json::from_str::<serde_json::Value>(&openapi::document()).expect("JSON"));
    let redirect = server.get("/docs");
    assert_eq!((redirect.status, redirect.header("location")), (307, Some("/docs/")));
    let page = server.get("/docs/");
    assert!(page.text().contains("swagger-ui"));
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert_eq!(server.get(&format!("/docs/{file}")).status, 200, "{file}");
    }
    assert!(!page.text().contains("http://") && !page.text().contains("https://"), "{}", page.text());
}

#[test]
fn every_path_in_the_document_is_served() {
    let document: serde_json::Value = serde_json::from_str(&openapi::document()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() >= 6);
    for (path, operations) in paths {
        for method in operations.as_object().expect("operations").keys() {
            let path = path.replace("{destination}", "kafka");
            let response = Server::shared().request(&method.to_uppercase(), &path, &[], b"");
            assert_ne!(response.status, 404, "{method} {path}");
        }
    }
}
