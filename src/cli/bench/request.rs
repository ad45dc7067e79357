//! A request as rudder-server sends it.

use bytes::Bytes;
use clap::ValueEnum;
use transform::family::Family;

/// How events are arranged in a request body (docs/contract.md#compacted-form).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum BodyForm {
    /// Each destination only once, next to the events, as in requests of rudder-server
    Compacted,
    /// Each event with its own copy of the destination
    Plain,
}

/// A request that is sent repeatedly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path and query.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// The status of a successful response.
    pub(super) status: u16,
    /// The number of events in the request.
    pub(super) events: usize,
}

/// Builds a processor request as rudder-server sends it (docs/contract.md#requests-of-rudder-server).
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
