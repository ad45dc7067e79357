//! Determines which resource a request path refers to after normalization. Routing compares paths literally, as
//! rudder-transformer does. The upstream may normalize a forwarded path, so this module checks every interpretation
//! that a server could use. The path itself is then forwarded byte for byte.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The resource that a path addresses after normalization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressed {
    /// `/metrics`, which is never forwarded.
    Metrics,
    /// A path outside the root, reached through dot segments.
    Outside,
    /// Any other resource.
    Other,
}

/// The maximum number of times that percent-encoding is decoded. Each server in a chain of proxies may decode once.
const MAX_DECODINGS: usize = 4;

/// Returns the resource that `path` addresses on a lenient server. Such a server merges slashes, resolves dot segments,
/// treats `\` as `/`, and ignores letter case and path parameters (`;…`). It decodes percent-encoding up to four times,
/// before or after these steps.
#[must_use]
pub fn addressed(path: &str) -> Addressed {
    let mut path = Cow::Borrowed(path.as_bytes());
    for _ in 0..=MAX_DECODINGS {
        let found = resolved(&path);
        if found != Addressed::Other {
            return found;
        }
        if !path.contains(&b'%') {
            break;
        }
        let decoded: Vec<u8> = percent_decode(&path).collect();
        if decoded == *path {
            break;
        }
        path = Cow::Owned(decoded);
    }
    Addressed::Other
}

/// Returns the resource that a decoded path addresses.
fn resolved(path: &[u8]) -> Addressed {
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        // Some servers trim whitespace and control characters.
        match trim_blank(name) {
            b"" | b"." => {}
            b".." => {
                if segments.pop().is_none() {
                    return Addressed::Outside;
                }
            }
            name => segments.push(name),
        }
    }
    match segments[..] {
        [only] if only.eq_ignore_ascii_case(b"metrics") => Addressed::Metrics,
        _ => Addressed::Other,
    }
}

fn trim_blank(mut name: &[u8]) -> &[u8] {
    while let [b'\0'..=b' ' | 0x7f, rest @ ..] | [rest @ .., b'\0'..=b' ' | 0x7f] = name {
        name = rest;
    }
    name
}

/// The maximum number of segments of a path that are logged.
const MAX_SEGMENTS: usize = 6;

/// The maximum length, in bytes, of a path segment that is logged.
const MAX_SEGMENT_BYTES: usize = 64;

/// Returns a version of `path` that is safe to log. A path may contain a token or a customer's ID, so only words and
/// the names of destinations and sources are kept. Everything else becomes `…`.
#[must_use]
pub fn loggable(path: &str) -> String {
    let mut shown = String::new();
    let mut previous = "";
    let mut segments = path.split('/').skip(1);
    for segment in segments.by_ref().take(MAX_SEGMENTS) {
        shown.push('/');
        let names = matches!(previous, "destinations" | "sources") && is_name(segment);
        shown.push_str(if names || is_word(segment) { segment } else { "…" });
        previous = segment;
    }
    if segments.next().is_some() {
        shown.push_str("/…");
    }
    shown
}

/// Whether a text may be the name of a destination or source, such as `webhook`, `GA4` or `bingads_audience`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=MAX_SEGMENT_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a segment looks like a word of an API: it consists only of letters and underscores, or it is a version.
fn is_word(segment: &str) -> bool {
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    segment.len() <= MAX_SEGMENT_BYTES && (letters(segment) || is_version(segment))
}

/// Whether a segment is a version, such as `v0` or `v1`.
#[must_use]
pub fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|number| (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_path_is_recognized_in_every_encoding_and_spelling() {
        for path in [
            "/metrics",
            "/metrics/",
            "//metrics",
            "/./metrics",
            "/metrics/.",
            "/x/../metrics",
            "/metrics/x/..",
            "/%6detrics",
            "/%6Detrics",
            "/%256detrics",
            "/%25256detrics",
            "/METRICS",
            "/Metrics//",
            "/%2fmetrics",
            "/%2e/metrics",
            "/x/%2e%2E/metrics",
            "/x/.%2e/metrics",
            "/x%2f..%2fmetrics",
            "/\\metrics",
            "/x\\..\\metrics",
            "/%5cmetrics",
            "/metrics;a=b",
            "/;/metrics",
            "/x/..;/metrics",
            "/metrics%20",
            "/metrics%00",
            "/%09metrics%0a",
            "metrics",
        ] {
            assert_eq!(addressed(path), Addressed::Metrics, "{path}");
        }
    }

    #[test]
    fn a_path_that_leads_above_the_root_is_recognized_in_every_encoding() {
        for path in [
            "/..",
            "/../x",
            "/../metrics",
            "/x/../..",
            "/x/../../y",
            "//..",
            "/./../x",
            "/%2e%2e/x",
            "/%2E./x",
            "/%252e%252e/x",
            "/..%2fx",
            "/%2e%2e%2fx",
            "/..\\x",
            "/..%5cx",
            "/..;a/x",
            "/.. /x",
            "/v0/destinations/%2e%2e%2f%2e%2e%2f%2e%2e%2fx",
        ] {
            assert_eq!(addressed(path), Addressed::Outside, "{path}");
        }
    }

    #[test]
    fn ordinary_paths_are_not_metrics_paths_and_stay_inside_the_root() {
        for path in [
            "",
            "/",
            "*",
            "/customTransform",
            "/metrics/x",
            "/metricsx",
            "/v0/metrics",
            "/x/metrics",
            "/metrics%2fx",
            "/...",
            "/x/..y/z",
            "/a//b/../%2e%2e/%00c;d",
            "/%zz/%",
            "/%25252525252525252525",
            "/ünïcode",
        ] {
            assert_eq!(addressed(path), Addressed::Other, "{path}");
        }
    }

    #[test]
    fn a_logged_path_contains_no_ids_or_tokens() {
        for (path, shown) in [
            ("/", "/"),
            ("/customTransform", "/customTransform"),
            ("/v0/destinations/ga4/proxy", "/v0/destinations/ga4/proxy"),
            ("/v1/sources/Shopify_2", "/v1/sources/Shopify_2"),
            ("/v0/destinations/a-b", "/v0/destinations/…"),
            ("/s3cr3t/x", "/…/x"),
            ("/v1234/x", "/…/x"),
            ("//x%20y", "//…"),
            ("/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/…"),
            ("*", ""),
        ] {
            assert_eq!(loggable(path), shown, "{path}");
        }
        assert_eq!(loggable(&format!("/{}", "x".repeat(65))), "/…");
    }
}
