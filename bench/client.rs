//! Raw connections and quantiles, shared by the benchmark clients. The clients use no HTTP library, because its work
//! would distort the measurement.

use std::io::{BufRead, Error, ErrorKind, Read as _, Result};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The timeout of every request.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens a new connection.
pub fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads one response: headers, and a body of Content-Length bytes. Does not wait for the end of the connection,
/// because the service keeps it open for the next request or for the rest of the current request.
///
/// Returns the response and the offset of its body.
pub fn read(stream: &mut impl BufRead, expected_size: usize) -> Result<(Vec<u8>, usize)> {
    let mut answer = Vec::with_capacity(expected_size);
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

/// Returns the value at a quantile of sorted values.
pub fn at(sorted: &[f64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(index.saturating_sub(1)).copied().unwrap_or(0.0)
}
