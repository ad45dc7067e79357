//! The `traceparent` header of W3C Trace Context, which identifies the trace that a request belongs to.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName};

/// The name of the header.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The length of the value in version 00, in bytes: `version-trace_id-parent_id-flags`, with 2, 32, 16 and 2 digits.
const LENGTH: usize = 55;

/// The position of a request in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The ID of the trace.
    pub trace_id: Id<16>,
    /// The ID of the span in which the client sent the request.
    pub parent_id: Id<8>,
    /// Whether the client may have recorded its span.
    pub sampled: bool,
}

/// An ID of `N` bytes that are not all zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Id<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Display for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TraceParent {
    /// Reads `traceparent` from the headers of a request. An invalid or repeated `traceparent` is ignored, as the
    /// standard requires.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT);
        match (values.next(), values.next()) {
            (Some(value), None) => Self::parse(value.as_bytes()),
            _ => None,
        }
    }

    /// Parses the value of the header. A later version may append fields to those of version 00.
    fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.split_at_checked(LENGTH)?;
        let [version] = hexadecimal(&known[..2])?;
        if [2, 35, 52].iter().any(|dash| known[*dash] != b'-')
            || version == 0xff
            || !rest.is_empty() && (version == 0 || rest[0] != b'-')
        {
            return None;
        }
        let [flags] = hexadecimal(&known[53..])?;
        Some(Self { trace_id: Id::read(&known[3..35])?, parent_id: Id::read(&known[36..52])?, sampled: flags & 1 == 1 })
    }
}

impl<const N: usize> Id<N> {
    fn read(digits: &[u8]) -> Option<Self> {
        hexadecimal(digits).filter(|bytes| *bytes != [0; N]).map(Self)
    }
}

/// Parses lowercase hexadecimal digits, two per byte.
fn hexadecimal<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_valid_traceparent_of_the_current_or_a_later_version_is_parsed() {
        let parsed = TraceParent::parse(VALID.as_bytes()).unwrap();
        assert_eq!(parsed.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(parsed.parent_id.to_string(), "b7ad6b7169203331");
        assert!(parsed.sampled);
        let unsampled = VALID.replace("-01", "-fe");
        assert!(!TraceParent::parse(unsampled.as_bytes()).unwrap().sampled);
        for later in [VALID.replacen("00", "01", 1), format!("{}-what comes later", VALID.replacen("00", "cc", 1))] {
            assert_eq!(TraceParent::parse(later.as_bytes()), Some(parsed), "{later}");
        }
    }

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        for invalid in [
            String::new(),
            "00".to_owned(),
            VALID[..54].to_owned(),
            format!("{VALID}-"),
            format!("{VALID}0"),
            format!("{}.", VALID.replacen("00", "01", 1)),
            VALID.replacen("00", "ff", 1),
            VALID.replacen("00", "0g", 1),
            VALID.to_ascii_uppercase(),
            VALID.replace('-', "_"),
            VALID.replace("-01", "-0x"),
            VALID.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            VALID.replace("b7ad6b7169203331", &"0".repeat(16)),
            VALID.replace("0af765", "é1916"),
        ] {
            assert_eq!(TraceParent::parse(invalid.as_bytes()), None, "{invalid}");
        }
    }

    #[test]
    fn a_repeated_traceparent_header_is_ignored() {
        let mut headers = HeaderMap::new();
        assert_eq!(TraceParent::of(&headers), None);
        headers.append(TRACEPARENT, HeaderValue::from_static(VALID));
        assert!(TraceParent::of(&headers).is_some());
        headers.append(TRACEPARENT, HeaderValue::from_static(VALID));
        assert_eq!(TraceParent::of(&headers), None);
    }
}
