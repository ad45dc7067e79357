//! `health`: checks whether a running service is up. This command is for container images, which may have neither a
//! shell nor curl.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use rustls::StreamOwned;

use super::{health_tls, stdio};

/// Arguments of `health`: the settings of the service that determine where it listens.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Address or host name that the service listens on
    #[arg(long, env = "HOST", default_value = "0.0.0.0")]
    host: String,

    /// Port of the service
    #[arg(long, env = "PORT", default_value_t = 9090)]
    port: u16,

    /// Set this if the service's port uses TLS; the file itself is not read
    #[arg(long, env = "TLS_CERT_FILE")]
    tls_cert_file: Option<PathBuf>,

    /// URL to request, such as http://127.0.0.1:9090/ready [default: /health at HOST and PORT, with https if
    /// TLS_CERT_FILE is set]. Certificates are not verified, because the request contains no secret
    #[arg(long)]
    url: Option<String>,
}

/// The timeout of the whole check.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The prefix of a response with status 200.
const STATUS_LINE: &[u8] = b"HTTP/1.1 200";

/// Sends a request, and prints the reason if the service is not up.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let url = arguments.url.clone().unwrap_or_else(|| own_url(arguments));
    let (problem, code) = match parts(&url).map(|parts| request(&parts)) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(problem)) => (problem, ExitCode::FAILURE),
        Err(problem) => (problem, ExitCode::from(2)),
    };
    stdio::error(format_args!("{url}: {problem}"));
    code
}

/// Returns the URL to request from a service that runs on this machine with these settings.
fn own_url(settings: &Arguments) -> String {
    let host = match settings.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" | "[::]" => "[::1]",
        host => host,
    };
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let scheme = if settings.tls_cert_file.is_some() { "https" } else { "http" };
    format!("{scheme}://{host}:{}/health", settings.port)
}

/// The parts of a URL.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'u> {
    is_encrypted: bool,
    /// The host and port to connect to.
    authority: String,
    /// The path and query to request.
    path: &'u str,
}

fn parts(url: &str) -> Result<Parts<'_>, String> {
    let (is_encrypted, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return Err("the URL must begin with http:// or https://".to_owned()),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.is_empty() || url.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return Err("the URL is not valid".to_owned());
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let port = if is_encrypted { 443 } else { 80 };
    let authority = if has_port { authority.to_owned() } else { format!("{authority}:{port}") };
    Ok(Parts { is_encrypted, authority, path: if path.is_empty() { "/" } else { path } })
}

/// A connection whose reads and writes share one deadline.
struct DeadlineStream {
    socket: TcpStream,
    deadline: Instant,
}

/// Returns the time left until `deadline`, or an error if it has passed.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

impl DeadlineStream {
    fn connect(authority: &str) -> io::Result<Self> {
        let deadline = Instant::now() + TIMEOUT;
        let mut connected = Err(io::Error::other("the host name does not resolve"));
        for address in authority.to_socket_addrs()? {
            connected = TcpStream::connect_timeout(&address, left(deadline)?);
            if connected.is_ok() {
                break;
            }
        }
        Ok(Self { socket: connected?, deadline })
    }
}

impl Read for DeadlineStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.deadline)?))?;
        self.socket.read(into)
    }
}

impl Write for DeadlineStream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(left(self.deadline)?))?;
        self.socket.write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// Sends the request on a connection and reads the first bytes of the response.
fn status_line(mut stream: impl Read + Write, authority: &str, path: &str) -> io::Result<Vec<u8>> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut line = Vec::new();
    stream.take(STATUS_LINE.len() as u64).read_to_end(&mut line)?;
    Ok(line)
}

fn request(Parts { is_encrypted, authority, path }: &Parts<'_>) -> Result<(), String> {
    let line = DeadlineStream::connect(authority).and_then(|stream| {
        if *is_encrypted {
            status_line(StreamOwned::new(health_tls::connection(authority)?, stream), authority, path)
        } else {
            status_line(stream, authority, path)
        }
    });
    match line {
        Ok(line) if line == STATUS_LINE => Ok(()),
        Ok(line) => match line.strip_prefix(b"HTTP/1.1 ").and_then(|code| std::str::from_utf8(code).ok()) {
            Some(code) if code.len() == 3 => Err(format!("the service responds with status {code}")),
            _ => Err("the server does not speak HTTP".to_owned()),
        },
        Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
            Err(format!("no response within {} seconds", TIMEOUT.as_secs()))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_the_health_command_match_the_service_settings() {
        use clap::{CommandFactory as _, Parser};
        #[derive(Parser)]
        struct Service {
            #[command(flatten)]
            _settings: crate::server::settings::Settings,
        }
        let service = Service::command();
        let health = Arguments::augment_args(clap::Command::new("health"));
        let names: Vec<&str> = health.get_arguments().map(|argument| argument.get_id().as_str()).collect();
        assert_eq!(names, ["host", "port", "tls_cert_file", "url"]);
        for name in &names[..3] {
            let find = |command: &clap::Command| {
                let argument = command.get_arguments().find(|argument| argument.get_id() == name).expect(name);
                (argument.get_env().map(ToOwned::to_owned), argument.get_default_values().to_vec())
            };
            assert_eq!(find(&health), find(&service), "{name}");
        }
    }

    #[test]
    fn the_health_command_accepts_only_complete_http_and_https_urls() {
        for (url, authority, path) in [
            ("http://127.0.0.1:9090/ready", "127.0.0.1:9090", "/ready"),
            ("http://localhost", "localhost:80", "/"),
            ("http://[::1]/x?y", "[::1]:80", "/x?y"),
            ("http://[::1]:7/", "[::1]:7", "/"),
            ("https://localhost/", "localhost:443", "/"),
            ("https://[::1]:7/x", "[::1]:7", "/x"),
        ] {
            let is_encrypted = url.starts_with("https:");
            assert_eq!(parts(url), Ok(Parts { is_encrypted, authority: authority.to_owned(), path }), "{url}");
        }
        for url in
            ["https:/localhost/", "https:///", "localhost:9090", "http:///health", "http://a/b c", "http://a/\r\nX: y"]
        {
            assert!(parts(url).is_err(), "{url}");
        }
    }
}
