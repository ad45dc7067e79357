//! The URL of an upstream: `http` or `https`, host and port, and a path prefix.

use std::fmt;

use hyper::Uri;

/// The URL of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// The scheme: `http` or `https`.
    pub scheme: String,
    /// The host, followed by the port if the URL contains one.
    pub authority: String,
    /// The path prefix of every request to the upstream, without a trailing slash.
    pub path: String,
}

impl BaseUrl {
    /// Parses the URL of an upstream.
    ///
    /// # Errors
    /// Returns the requirement that the URL violates, such as "must not contain …". The text never contains a part of
    /// the URL.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        const SHAPE: &str = "must be http:// or https:// with a host and optionally a port and a path";
        let uri: Uri = url.trim().parse().map_err(|_| SHAPE)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(SHAPE) };
        if !matches!(scheme, "http" | "https") || authority.host().is_empty() {
            return Err(SHAPE);
        }
        if authority.as_str().contains('@') {
            return Err("must not contain a user name or password: logs and process lists would show them");
        }
        if uri.query().is_some() || url.contains('#') {
            return Err("must not contain a ?query or a #fragment");
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme: scheme.to_owned(), authority: authority.to_string(), path })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_transformer_has_a_scheme_a_host_and_an_optional_path() {
        for (url, path) in [("http://t:9090", ""), ("https://t/", ""), (" http://[::1]:1/a/b/ ", "/a/b")] {
            assert_eq!(BaseUrl::parse(url).map(|base| base.path), Ok(path.to_owned()), "{url}");
        }
        for url in
            ["", "t", "t:9090", "/path", "ftp://t", "http://", "http://u:secret@t", "http://t?a=1", "http://t/#a"]
        {
            let problem = BaseUrl::parse(url).expect_err(url);
            assert!(!problem.contains("secret") && problem.starts_with("must"), "{url}: {problem}");
        }
    }
}
