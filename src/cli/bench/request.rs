//! A request of rudder-server.

use bytes::Bytes;
use clap::ValueEnum;
use transform::family::Family;

/// How events are written in a request (docs/contract.md#compacted-form).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum BodyForm {
    /// Events, and each destination once, as rudder-server sends them
    Compacted,
    /// Events that contain their destination
    Plain,
}

/// A request, as it is sent again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// The status of a good response.
    pub(super) status: u16,
    /// How many events it has.
    pub(super) events: usize,
}

/// A processor request as rudder-server sends it (docs/contract.md#requests-of-rudder-server).
pub(super) fn posted(family: &Family, form: BodyForm, body: String, events: usize) -> Request {
    let mut headers = vec![("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
    if form == BodyForm::Compacted {
        headers.push(("X-Content-Format".to_owned(), "json+compactedv1".to_owned()));
    }
    headers.extend(["X-Feature-Gzip-Support", "X-Feature-Filter-Code"].map(|name| (name.to_owned(), "?1".to_owned())));
    Request {
        method: "POST".to_owned(),
        path: format!("/v0/destinations/{}", family.name),
        headers,
        body: body.into(),
        status: 200,
        events,
    }
}
