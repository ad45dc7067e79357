//! Reads an input of `check`: a file, stdin or a URL.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cli::input::{STANDARD_INPUT, system_reason};
use crate::cli::trust::Trust;
use check::brokers;

/// The maximum size of an input, in bytes. A workspace with thousands of destinations takes a few MiB.
const MAX_BYTES: u64 = 64 << 20;
/// The timeout for fetching a URL, including all redirects.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum number of redirects.
const MAX_REDIRECTS: u32 = 5;

/// Reads an input.
///
/// # Errors
/// Returns a one-line message if the input cannot be read.
pub(super) fn load(input: &str, trust: &Trust) -> Result<Vec<u8>, String> {
    if input == STANDARD_INPUT {
        return read(io::stdin().lock()).map_err(|error| system_reason(&error));
    }
    match Url::read(input) {
        Some(url) => fetch(&url?, trust),
        None => File::open(input).and_then(read).map_err(|error| system_reason(&error)),
    }
}

/// Returns the name that messages use for an input.
pub(super) fn shown(input: &str) -> String {
    match Url::read(input) {
        None if input == STANDARD_INPUT => "stdin".to_owned(),
        None => input.to_owned(),
        Some(Ok(url)) => url.shown,
        Some(Err(_)) => "a URL".to_owned(),
    }
}

fn read(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.by_ref().take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(too_large()));
    }
    Ok(bytes)
}

fn too_large() -> String {
    format!("it is larger than {} MiB", MAX_BYTES >> 20)
}

/// A URL, split into the URL to request, the URL to show, and credentials.
#[derive(Debug, PartialEq, Eq)]
struct Url {
    /// The URL to request, without user name and password.
    requested: String,
    /// The URL to show in messages: without user name and password, and without the query, which may contain tokens.
    shown: String,
    /// The value of `Authorization`.
    authorization: Option<String>,
}

impl Url {
    /// Parses an input as a URL. Returns `None` if the input is a file name.
    fn read(input: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = input.split_once("://")?;
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let path = path.split('#').next().unwrap_or("");
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
        if host.is_empty()
            || port.is_some_and(|port| brokers::port(port).is_none())
            || input.bytes().any(|byte| byte.is_ascii_control() || byte == b' ')
        {
            return Some(Err("the URL is not valid".to_owned()));
        }
        let authorization = credentials.map(|credentials| {
            let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
            format!("Basic {}", STANDARD.encode(format!("{}:{}", plain(user), plain(password))))
        });
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let without_query = path.split('?').next().unwrap_or("");
        let shown = format!("{scheme}://{host}{without_query}");
        Some(Ok(Self { requested: format!("{scheme}://{host}{path}"), shown, authorization }))
    }
}

/// Decodes percent escapes.
fn plain(escaped: &str) -> String {
    // The decoder for HTML forms reads plus signs as spaces. In a URL's credentials, plus signs are literal.
    let form = escaped.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(form.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

fn fetch(url: &Url, trust: &Trust) -> Result<Vec<u8>, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(MAX_REDIRECTS)
        .http_status_as_error(false)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        // An http URL also needs TLS settings, because a redirect may lead from http to https.
        .tls_config(trust.tls("https:")?)
        .build()
        .into();
    let mut request = agent.get(&url.requested).header("Accept", "application/json");
    if let Some(authorization) = &url.authorization {
        request = request.header("Authorization", authorization);
    }
    let mut response = request.call().map_err(|error| problem(&error))?;
    if response.status() != 200 {
        return Err(format!("the server responds with status {}", response.status().as_u16()));
    }
    response.body_mut().with_config().limit(MAX_BYTES).read_to_vec().map_err(|error| problem(&error))
}

/// Describes an error without the URL, which may contain a token.
pub(in crate::cli) fn problem(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no response within {} seconds", TIMEOUT.as_secs()),
        ureq::Error::BodyExceedsLimit(_) => too_large(),
        ureq::Error::HostNotFound => "the host name cannot be resolved".to_owned(),
        ureq::Error::TooManyRedirects => format!("more than {MAX_REDIRECTS} redirects"),
        ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => tls_problem(error),
            None => system_reason(error),
        },
        ureq::Error::Rustls(error) => tls_problem(error),
        ureq::Error::ConnectionFailed => "the connection failed".to_owned(),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "the URL is not valid".to_owned(),
        ureq::Error::RedirectFailed => "a redirect cannot be followed".to_owned(),
        ureq::Error::Protocol(_) => "the server does not speak HTTP".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

fn tls_problem(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS".to_owned(),
        error => format!("TLS: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_url_contains_no_credentials_and_no_query() {
        let url = |text: &str| Url::read(text).unwrap().unwrap();
        let requested = url("https://user:p%40ss+@host:8443/a/b?token=s3cret#top");
        assert_eq!(
            (requested.requested.as_str(), requested.shown.as_str()),
            ("https://host:8443/a/b?token=s3cret", "https://host:8443/a/b")
        );
        let expected = format!("Basic {}", STANDARD.encode("user:p@ss+"));
        assert_eq!(requested.authorization, Some(expected));
        assert_eq!(url("http://a@b:c@host").shown, "http://host/");
        assert_eq!(url("http://token:@host?x").requested, "http://host/?x");
        assert_eq!(url("http://[::1]:8080/a").shown, "http://[::1]:8080/a");
        assert_eq!(url("http://[::1]").shown, "http://[::1]/");
        assert_eq!(url("HTTP://host").authorization, None);
        for file in ["workspaceConfig.json", "-", "ftp://host/x", "./http:/x", "C:\\x"] {
            assert!(Url::read(file).is_none(), "{file}");
        }
        for bad in [
            "http://",
            "http:///x",
            "http://user:s3cret@/x",
            "http://a b/",
            "http://s3cret@host:port/",
            "http://host:0/",
            "http://a/\r\nX: y",
        ] {
            assert!(Url::read(bad).unwrap().is_err(), "{bad}");
            assert!(!shown(bad).contains("s3cret"));
        }
    }
}
