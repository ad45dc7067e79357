//! The operator's token: who has it may see the metrics and ask `/explain`, where one is asked for at all.

use std::fmt;
use std::path::Path;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use super::error::RequestError;
use crate::server::bounded_file::read_bounded;

/// Fewer characters could be guessed.
const MIN_CHARACTERS: usize = 16;
/// More would not fit into a header everywhere.
const MAX_CHARACTERS: usize = 4096;

/// The token.
pub struct OperatorToken(Vec<u8>);

impl OperatorToken {
    /// Reads it from a file; whitespace around it is not part of it.
    ///
    /// # Errors
    /// What is wrong with the file, without anything of what is in it.
    pub fn load(file: &Path) -> Result<Self, String> {
        let told = |problem: &str| format!("OPERATOR_TOKEN_FILE {}: {problem}", file.display());
        let bytes = read_bounded(file).map_err(|error| told(&error.to_string()))?;
        let token = bytes.trim_ascii();
        if !token.iter().all(u8::is_ascii_graphic) {
            return Err(told("the token may have visible ASCII characters only, in one line"));
        }
        if !(MIN_CHARACTERS..=MAX_CHARACTERS).contains(&token.len()) {
            return Err(told(&format!("the token must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")));
        }
        Ok(Self(token.to_owned()))
    }

    /// Checks what a request brings, in a time that does not tell how much of it is right.
    ///
    /// # Errors
    /// [`RequestError::Unauthorized`].
    pub fn check(&self, request: &HttpRequest) -> Result<(), RequestError> {
        let mut values = request.headers().get_all(AUTHORIZATION);
        let (value, more) = (values.next(), values.next());
        let given = value.and_then(|value| bearer(value.as_bytes())).unwrap_or_default();
        // A token is never empty.
        if more.is_none() && bool::from(self.0.ct_eq(given)) { Ok(()) } else { Err(RequestError::Unauthorized) }
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

/// What is behind `Bearer`, in any letter case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_the_whole_token_is_right() {
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
