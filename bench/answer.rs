//! An answer as a client reads it, without a library whose own work would be measured.

use std::io::{BufRead, Error, ErrorKind, Read as _, Result};

/// Reads an answer, head and body, up to the length that its head tells; `usual` is how long it may be. Whoever waits for
/// the end of the connection waits longer: the service keeps it open, for the next request or for what is still being sent.
///
/// Gives the answer and where its body begins.
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
