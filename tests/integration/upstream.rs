//! A fake upstream transformer that responds as a test configures, and records every request byte for byte.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The timeout of all reads.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The request line and headers, including the empty line.
    pub head: Vec<u8>,
    /// The body, without chunked framing.
    pub body: Vec<u8>,
    /// Whether the body is complete.
    pub is_whole: bool,
}

impl Seen {
    /// Returns the request line.
    pub fn line(&self) -> String {
        self.lines().remove(0)
    }

    /// Returns the header lines, sorted by name. Lines with the same name stay in the order of arrival.
    pub fn headers(&self) -> Vec<String> {
        let mut lines = self.lines().split_off(1);
        lines.sort_by_key(|line| line.split(':').next().unwrap_or("").to_owned());
        lines
    }

    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        self.lines().iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }

    /// Returns the lines of `head`. Each byte becomes the character with that code, so that nothing is lost.
    fn lines(&self) -> Vec<String> {
        let text: String = self.head.iter().map(|byte| char::from(*byte)).collect();
        text.trim_end().split("\r\n").map(str::to_owned).collect()
    }
}

/// A running fake upstream.
pub struct FakeUpstream {
    pub address: SocketAddr,
    seen: Mutex<Receiver<Seen>>,
    connections: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

type Respond = dyn Fn(&mut TcpStream, &Seen) -> std::io::Result<()> + Send + Sync;

impl FakeUpstream {
    /// Starts a fake that calls `respond` to write the response to each complete request. An error closes the
    /// connection.
    pub fn start(respond: impl Fn(&mut TcpStream, &Seen) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let respond: Arc<Respond> = Arc::new(respond);
        Self::each_connection(move |stream, seen| {
            loop {
                let Some(request) = read_request(&mut stream.try_clone()?)? else { return Ok(()) };
                let is_whole = request.is_whole;
                seen.send(request.clone()).ok();
                if !is_whole {
                    return Ok(());
                }
                respond(stream, &request)?;
            }
        })
    }

    /// Starts a fake that calls `serve` to handle each connection.
    pub fn each_connection(
        serve: impl Fn(&mut TcpStream, &Sender<Seen>) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (sender, seen) = channel();
        let (connections, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stop, serve) = (connections.clone(), stopped.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { return };
                count.fetch_add(1, Ordering::SeqCst);
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let (serve, sender) = (serve.clone(), sender.clone());
                std::thread::spawn(move || {
                    serve(&mut stream, &sender).ok();
                    stream.shutdown(Shutdown::Both).ok();
                });
            }
        });
        Self { address, seen: Mutex::new(seen), connections, stopped }
    }

    /// Starts a fake that responds to every request with the same bytes.
    pub fn responding(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |stream, _| stream.write_all(&bytes))
    }

    /// Starts a fake that responds to each request only after a release is sent, or after the sender is dropped.
    pub fn holding_back(bytes: impl Into<Vec<u8>>) -> (Self, Sender<()>) {
        let bytes = bytes.into();
        let (release, released) = channel();
        let released = Mutex::new(released);
        let upstream = Self::start(move |stream, _| {
            released.lock().expect("one at a time").recv().ok();
            stream.write_all(&bytes)
        });
        (upstream, release)
    }

    /// Returns the flag with the address of this upstream.
    pub fn flag(&self) -> String {
        format!("--upstream-transformer-url=http://{}", self.address)
    }

    /// Waits for the next request and returns it, in the order of arrival.
    pub fn next(&self) -> Seen {
        self.seen.lock().expect("one reader").recv_timeout(PATIENCE).expect("a request")
    }

    /// Returns the requests that have arrived and were not returned before.
    pub fn rest(&self) -> Vec<Seen> {
        self.seen.lock().expect("one reader").try_iter().collect()
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        TcpStream::connect(self.address).ok();
    }
}

/// Builds a JSON response.
pub fn json(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Reads the start line and headers, up to and including the empty line.
pub fn read_head(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(Vec::new());
        }
        head.push(byte[0]);
    }
    Ok(head)
}

/// Reads one chunk. Returns `None` if the stream ends before the chunk.
pub fn read_chunk(stream: &mut impl Read) -> Option<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte).ok()?;
        line.push(byte[0]);
    }
    let length = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
    let mut chunk = vec![0; length + 2];
    stream.read_exact(&mut chunk).ok()?;
    chunk.truncate(length);
    Some(chunk)
}

/// Reads a request. Returns `None` at the end of the stream.
pub fn read_request(stream: &mut impl Read) -> std::io::Result<Option<Seen>> {
    let head = read_head(stream)?;
    if head.is_empty() {
        return Ok(None);
    }
    let mut seen = Seen { head, body: Vec::new(), is_whole: true };
    if seen.header("transfer-encoding").is_some() {
        loop {
            match read_chunk(stream) {
                Some(chunk) if chunk.is_empty() => break,
                Some(chunk) => seen.body.extend(chunk),
                None => {
                    seen.is_whole = false;
                    break;
                }
            }
        }
    } else if let Some(length) = seen.header("content-length") {
        let length: u64 = length.parse().expect("a length");
        stream.take(length).read_to_end(&mut seen.body).ok();
        seen.is_whole = seen.body.len() as u64 == length;
    }
    Ok(Some(seen))
}
