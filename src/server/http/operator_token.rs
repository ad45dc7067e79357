//! The operator token. If it is configured, only clients that send the token can use `/metrics`, `/destinations` and
//! `/explain`.

use std::fmt;
use std::path::Path;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use super::error::RequestError;
use crate::server::bounded_file::read_bounded;

/// The minimum length of a token, in characters. A shorter token could be guessed.
const MIN_CHARACTERS: usize = 16;
/// The maximum length of a token, in characters. Some servers and proxies reject longer headers.
const MAX_CHARACTERS: usize = 4096;

/// The operator token.
pub struct OperatorToken(Vec<u8>);

impl OperatorToken {
    /// Reads the token from a file. Surrounding whitespace is ignored.
    ///
    /// # Errors
    /// Returns a description of the problem with the file, without any of the file's content.
    pub fn load(file: &Path) -> Result<Self, String> {
        let problem_of = |problem: &str| format!("OPERATOR_TOKEN_FILE {}: {problem}", file.display());
        let bytes = read_bounded(file).map_err(|error| problem_of(&error.to_string()))?;
        let token = bytes.trim_ascii();
        if !token.iter().all(u8::is_ascii_graphic) {
            return Err(problem_of("the token must be one line of visible ASCII characters"));
        }
        if !(MIN_CHARACTERS..=MAX_CHARACTERS).contains(&token.len()) {
            return Err(problem_of(&format!("the token must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")));
        }
        Ok(Self(token.to_owned()))
    }

    /// Checks in constant time whether a request contains the token.
    ///
    /// # Errors
    /// [`RequestError::Unauthorized`] if the token is missing, wrong or repeated.
    pub fn check(&self, request: &HttpRequest) -> Result<(), RequestError> {
        let mut values = request.headers().get_all(AUTHORIZATION);
        let (value, more) = (values.next(), values.next());
        let given = value.and_then(|value| bearer(value.as_bytes())).unwrap_or_default();
        // A missing token is treated as empty, so it never equals the configured token, which is never empty.
        if more.is_none() && bool::from(self.0.ct_eq(given)) { Ok(()) } else { Err(RequestError::Unauthorized) }
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

/// Returns the token that follows the scheme `Bearer`. The scheme is compared case-insensitively.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_a_bearer_header_with_the_exact_operator_token_is_accepted() {
        let token = OperatorToken(b"0123456789abcdef".to_vec());
        let check = |values: &[&str]| {
            let request = values
                .iter()
                .fold(TestRequest::default(), |request, value| request.append_header((AUTHORIZATION, *value)));
            token.check(&request.to_http_request())
        };
        for good in ["Bearer 0123456789abcdef", "bearer  0123456789abcdef", "BEARER 0123456789abcdef "] {
            assert_eq!(check(&[good]), Ok(()), "{good}");
        }
        for bad in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &["Bearer 0123456789abcde"],
            &["Bearer 0123456789abcdef0"],
            &["Bearer 0123456789ABCDEF"],
            &["Basic 0123456789abcdef"],
            &["0123456789abcdef"],
            &["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"],
        ] {
            assert_eq!(check(bad), Err(RequestError::Unauthorized), "{bad:?}");
        }
        assert_eq!(format!("{token:?}"), "OperatorToken(…)");
    }
}
