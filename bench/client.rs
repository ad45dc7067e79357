//! What clients that measure have in common: connections and answers without a library, whose own work would be
//! measured, and how times are reported.

use std::io::{BufRead, Error, ErrorKind, Read as _, Result};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No request waits longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A new connection.
pub fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads a response, head and body, up to the length that its head reports; `usual` is how long it may be. Anyone who
/// waits for the end of the connection waits longer: the service keeps it open, for the next request or for what is
/// still being sent.
///
/// Gives the response and where its body begins.
pub fn read(stream: &mut impl BufRead, usual: usize) -> Result<(Vec<u8>, usize)> {
    let mut answer = Vec::with_capacity(usual);
    let mut length = 0;
    loop {
        let begin = answer.len();
        if stream.read_until(b'\n', &mut answer)? == 0 {
            return Err(Error::from(ErrorKind::UnexpectedEof));
        }
        let line = answer.get(begin..).unwrap_or_default().trim_ascii();
        if let Some((name, value)) = line.split_at_checked(15)
            && name.eq_ignore_ascii_case(b"content-length:")
        {
            length = std::str::from_utf8(value.trim_ascii()).ok().and_then(|value| value.parse().ok()).unwrap_or(0);
        }
        if line.is_empty() {
            let head = answer.len();
            stream.take(length).read_to_end(&mut answer)?;
            return Ok((answer, head));
        }
    }
}

/// The value that a share of sorted values does not pass.
pub fn at(sorted: &[f64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(index.saturating_sub(1)).copied().unwrap_or(0.0)
}
