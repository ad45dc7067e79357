//! A client for the transformer at a URL. It sends one request at a time, each with a timeout and a maximum response
//! size.

use std::io;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::TlsConfig;

use crate::server::config::base_url::BaseUrl;
use golden::case::Request;
use golden::response::Response;

/// The maximum size of a response, in bytes.
const MAX_RESPONSE_BYTES: u64 = 256 << 20;
/// The number of consecutive requests without a response after which the run stops.
const MAX_IN_A_ROW: usize = 3;

/// A transformer.
#[derive(Debug)]
pub struct Transformer {
    base: BaseUrl,
    agent: Agent,
    timeout: Duration,
    answered: bool,
    failures_in_a_row: usize,
}

/// The reason why a request got no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// The reason, as text.
    pub why: String,
    /// Whether to stop the run, because the transformer has never responded or has stopped responding.
    pub gives_up: bool,
}

impl Transformer {
    /// Creates a client for the transformer at a URL, with `timeout` for each request. Without `tls`, the client is for
    /// the built-in transformer, which speaks plain HTTP and is never reached through a proxy.
    ///
    /// # Errors
    /// Returns the problem with the URL, worded to follow the name of the argument that contains the URL. The text
    /// never repeats a part of the URL.
    pub fn at(url: &str, timeout: Duration, tls: Option<TlsConfig>) -> Result<Self, &'static str> {
        let base = BaseUrl::parse(url)?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // The response must come from the given URL.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout))
            // Servers close idle connections, most of them after five seconds.
            .max_idle_age(Duration::from_secs(2))
            .allow_non_standard_methods(true);
        config = match tls {
            Some(tls) => config.tls_config(tls),
            None => config.proxy(None),
        };
        Ok(Self { base, agent: config.build().into(), timeout, answered: false, failures_in_a_row: 0 })
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Returns an error if there is no response.
    pub fn ask(&mut self, request: &Request) -> Result<Response, Unanswered> {
        match self.exchange(request) {
            Ok(answer) => {
                self.answered = true;
                self.failures_in_a_row = 0;
                Ok(answer)
            }
            Err(error) => {
                let is_request_error = matches!(error, ureq::Error::BodyExceedsLimit(_) | ureq::Error::Http(_));
                self.failures_in_a_row += usize::from(!is_request_error);
                let gives_up = self.failures_in_a_row >= MAX_IN_A_ROW || (!self.answered && !is_request_error);
                Err(Unanswered { why: self.in_words(&error), gives_up })
            }
        }
    }

    fn exchange(&self, request: &Request) -> Result<Response, ureq::Error> {
        let mut sent = ureq::http::Request::builder()
            .method(request.method.as_str())
            .uri(format!("{}{}", self.base, request.path))
            .header("Accept", "*/*");
        let body = request.encoded();
        if !body.is_empty() && request.header("Content-Type").is_none() {
            sent = sent.header("Content-Type", "application/json");
        }
        for (name, value) in &request.headers {
            sent = sent.header(name.as_str(), value.as_str());
        }
        let mut answer = self.agent.run(sent.body(&*body)?)?;
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let (api_version, content_type) = (header("apiVersion"), header("Content-Type"));
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_vec()?;
        Ok(Response { status, api_version, content_type, body: body.into() })
    }

    fn in_words(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => format!("no response within {} seconds", self.timeout.as_secs()),
            ureq::Error::HostNotFound => "the host name cannot be resolved".to_owned(),
            ureq::Error::BodyExceedsLimit(_) => format!("the response is larger than {MAX_RESPONSE_BYTES} bytes"),
            ureq::Error::Protocol(_) => "the server does not speak HTTP, or closed the connection early".to_owned(),
            ureq::Error::Http(_) => "the request cannot be sent: its path or a header is not valid".to_owned(),
            ureq::Error::Rustls(error) => format!("TLS error: {error}"),
            ureq::Error::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
                io::ErrorKind::TimedOut => format!("no response within {} seconds", self.timeout.as_secs()),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                    "the connection was closed before there was a response".to_owned()
                }
                _ => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                    Some(error) => format!("TLS error: {error}"),
                    None => error.to_string(),
                },
            },
            other => other.to_string(),
        }
    }
}
