//! `health`: asks a running service whether it is up, for container images, which have neither shell nor curl.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use crate::server::settings::Settings;

/// What `health` is asked with: the settings of the service tell where it listens.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,

    /// What to ask instead, such as http://127.0.0.1:9090/ready [default: /health at HOST and PORT]
    #[arg(long)]
    url: Option<String>,
}

/// How long the whole question may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The beginning of an answer that is enough to know its status.
const STATUS_LINE: &[u8] = b"HTTP/1.1 200";

/// Asks, and says why where the service is not up.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let url = arguments.url.clone().unwrap_or_else(|| own_url(&arguments.settings));
    match ask(&url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {url}: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Where the service with these settings answers on this machine.
fn own_url(settings: &Settings) -> String {
    let host = match settings.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" | "[::]" => "[::1]",
        host => host,
    };
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    format!("http://{host}:{}/health", settings.port)
}

/// The part of a URL that is connected to, with a port, and the part that is asked for.
fn parts(url: &str) -> Result<(String, &str), String> {
    let rest = url.strip_prefix("http://").ok_or("the URL does not begin with http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.is_empty() || url.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return Err("the URL is not valid".to_owned());
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    Ok((authority, if path.is_empty() { "/" } else { path }))
}

fn ask(url: &str) -> Result<(), String> {
    let (authority, path) = parts(url)?;
    let deadline = Instant::now() + PATIENCE;
    let left = || {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::Error::from(io::ErrorKind::TimedOut)) } else { Ok(left) }
    };
    let status_line = || -> io::Result<Vec<u8>> {
        let mut connected = Err(io::Error::other("the name has no address"));
        for address in authority.to_socket_addrs()? {
            connected = TcpStream::connect_timeout(&address, left()?);
            if connected.is_ok() {
                break;
            }
        }
        let mut stream = connected?;
        stream.set_write_timeout(Some(left()?))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
        let (mut line, mut byte) = (Vec::new(), [0]);
        while line.len() < STATUS_LINE.len() {
            stream.set_read_timeout(Some(left()?))?;
            if stream.read(&mut byte)? == 0 {
                break;
            }
            line.extend_from_slice(&byte);
        }
        Ok(line)
    };
    match status_line() {
        Ok(line) if line == STATUS_LINE => Ok(()),
        Ok(line) => match line.strip_prefix(b"HTTP/1.1 ").and_then(|code| std::str::from_utf8(code).ok()) {
            Some(code) if code.len() == 3 => Err(format!("it answers with status {code}")),
            _ => Err("what answers there does not speak HTTP".to_owned()),
        },
        Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
            Err(format!("no answer within {} seconds", PATIENCE.as_secs()))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, authority, path) in [
            ("http://127.0.0.1:9090/ready", "127.0.0.1:9090", "/ready"),
            ("http://localhost", "localhost:80", "/"),
            ("http://[::1]/x?y", "[::1]:80", "/x?y"),
            ("http://[::1]:7/", "[::1]:7", "/"),
        ] {
            assert_eq!(parts(url), Ok((authority.to_owned(), path)), "{url}");
        }
        for url in ["https://localhost/", "localhost:9090", "http:///health", "http://a/b c", "http://a/\r\nX: y"] {
            assert!(parts(url).is_err(), "{url}");
        }
    }
}
