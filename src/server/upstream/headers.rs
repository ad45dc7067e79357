//! Forwards headers (RFC 9110, section 7.6). Hop-by-hop headers are dropped. All other headers are forwarded unchanged,
//! even if they are repeated or contain non-ASCII bytes.

use actix_web::http::header as ours;
use hyper::header as theirs;

/// The names of headers that are dropped because they apply only to a single connection, or because only an HTTP proxy
/// uses them.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Returns the header names that are listed in the values of `Connection`, in lowercase.
fn listed<'v>(connection: impl Iterator<Item = &'v [u8]>) -> Vec<Vec<u8>> {
    connection
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(|name| name.trim_ascii().to_ascii_lowercase())
        .collect()
}

fn is_hop_by_hop(name: &str, listed: &[Vec<u8>]) -> bool {
    HOP_BY_HOP.contains(&name) || listed.iter().any(|other| other == name.as_bytes())
}

/// Copies the end-to-end headers of a received request to a request to the upstream.
pub(super) fn copy_to_upstream(from: &ours::HeaderMap, to: &mut theirs::HeaderMap) {
    let listed = listed(from.get_all("connection").map(ours::HeaderValue::as_bytes));
    for (name, value) in from {
        if is_hop_by_hop(name.as_str(), &listed) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (
            theirs::HeaderName::from_bytes(name.as_str().as_bytes()),
            theirs::HeaderValue::from_bytes(value.as_bytes()),
        ) {
            to.append(name, value);
        }
    }
}

/// Copies the end-to-end headers of the upstream's response to this service's response.
pub fn copy_to_client(from: &theirs::HeaderMap, to: &mut ours::HeaderMap) {
    let listed = listed(from.get_all("connection").iter().map(theirs::HeaderValue::as_bytes));
    for (name, value) in from {
        if is_hop_by_hop(name.as_str(), &listed) {
            continue;
        }
        if let (Ok(name), Ok(value)) =
            (ours::HeaderName::from_bytes(name.as_str().as_bytes()), ours::HeaderValue::from_bytes(value.as_bytes()))
        {
            to.append(name, value);
        }
    }
}

/// Returns the `Content-Encoding` of a response, or `None` if there is none. Several values are joined with commas.
pub(super) fn coding(headers: &theirs::HeaderMap) -> Option<String> {
    let codings: Vec<_> = headers.get_all("content-encoding").iter().map(theirs::HeaderValue::as_bytes).collect();
    (!codings.is_empty()).then(|| String::from_utf8_lossy(&codings.join(&b", "[..])).into_owned())
}
