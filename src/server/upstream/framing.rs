//! Validates the framing of the upstream's responses, which determines where a response ends. The HTTP library accepts
//! some responses with an ambiguous end, and some with a transfer coding that the library does not decode. This service
//! rejects both kinds, because an incomplete response must never look complete (RFC 9112, sections 6.1 and 6.3).

use hyper::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use hyper::{Response, StatusCode};

/// Returns the reason why the framing of a response is ambiguous or unsupported, or `None` if the framing is valid.
pub(super) fn problem<B>(response: &Response<B>) -> Option<&'static str> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Some("status 101, although no protocol switch was requested");
    }
    let headers = response.headers();
    if headers.contains_key(TRANSFER_ENCODING) {
        if headers.contains_key(CONTENT_LENGTH) {
            return Some("both Content-Length and Transfer-Encoding");
        }
        if only(headers.get_all(TRANSFER_ENCODING)).is_none_or(|coding| !coding.eq_ignore_ascii_case(b"chunked")) {
            return Some("a Transfer-Encoding other than chunked");
        }
    }
    // A recipient may merge several equal `Content-Length` headers. But this service would forward all of them to the
    // client, which might not merge them.
    let length = headers.get_all(CONTENT_LENGTH);
    if headers.contains_key(CONTENT_LENGTH) && only(length).and_then(digits).is_none() {
        return Some("an invalid or repeated Content-Length");
    }
    None
}

/// Returns the only value of a header, without surrounding whitespace, or `None` if there is not exactly one value.
fn only<'h>(values: impl IntoIterator<Item = &'h HeaderValue>) -> Option<&'h [u8]> {
    let mut values = values.into_iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes().trim_ascii())
}

fn digits(value: &[u8]) -> Option<u64> {
    // Without the check for digits, `parse` would accept a leading plus sign.
    value.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(value).ok()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(status: u16, headers: &[(&str, &[u8])]) -> Option<&'static str> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        problem(&response.body(()).unwrap())
    }

    #[test]
    fn an_upstream_response_with_ambiguous_framing_is_rejected() {
        let te = "Transfer-Encoding";
        let cl = "Content-Length";
        for good in [
            &[][..],
            &[(cl, &b"0"[..])],
            &[(cl, b"18446744073709551615")],
            &[(te, b"chunked")],
            &[(te, b"CHUNKED")],
            &[(te, b" chunked\t")],
        ] {
            assert_eq!(problem_of(200, good), None, "{good:?}");
        }
        for (bad, word) in [
            (&[(cl, &b"3"[..]), (te, b"chunked")][..], "both"),
            (&[(te, b"chunked"), (cl, b"0")], "both"),
            (&[(te, b"gzip")], "other"),
            (&[(te, b"gzip, chunked")], "other"),
            (&[(te, b"chunked, gzip")], "other"),
            (&[(te, b"chunked, chunked")], "other"),
            (&[(te, b"chunked"), (te, b"chunked")], "other"),
            (&[(te, b"identity")], "other"),
            (&[(te, b"xchunked")], "other"),
            (&[(te, b"chunked;q=1")], "other"),
            (&[(te, b"chunked\xff")], "other"),
            (&[(te, b"")], "other"),
            (&[(cl, b"")], "Content-Length"),
            (&[(cl, b"+3")], "Content-Length"),
            (&[(cl, b"-3")], "Content-Length"),
            (&[(cl, b"3 3")], "Content-Length"),
            (&[(cl, b"3, 3")], "Content-Length"),
            (&[(cl, b"0x3")], "Content-Length"),
            (&[(cl, b"3"), (cl, b"3")], "Content-Length"),
            (&[(cl, b"18446744073709551616")], "Content-Length"),
        ] {
            for status in [200, 204, 304, 500] {
                let found = problem_of(status, bad);
                assert!(found.is_some_and(|problem| problem.contains(word)), "{status} {bad:?}: {found:?}");
            }
        }
        assert!(problem_of(101, &[("Upgrade", b"websocket")]).is_some());
    }
}
