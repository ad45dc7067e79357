//! A conversation in Kafka's protocol: a request goes out, its response comes back, whatever else comes is
//! distinguished.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, DescribeConfigsRequest, DescribeConfigsResponse, MetadataRequest,
    MetadataResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes, encode_request_header_into_buffer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::os_error;
use super::problem::Problem;
use super::shape::{self, Member};
use super::step::Failure;

/// Most bytes of a response: what is asked for fits many times over.
const MAX_ANSWER_BYTES: u32 = 16 * 1024 * 1024;

/// What a producer calls itself to the broker.
const CLIENT_ID: &str = env!("CARGO_PKG_NAME");

/// A request that is asked here, and its response.
pub(super) trait Question: Encodable {
    /// What the request is called in numbers.
    const KEY: ApiKey;
    /// How the response is laid out.
    const SHAPE: &'static [Member];
    /// The response.
    type Answer: Decodable + HeaderVersion;
}

macro_rules! questions {
    ($($request:ident, $answer:ident, $key:ident, $shape:ident;)*) => {
        $(impl Question for $request {
            const KEY: ApiKey = ApiKey::$key;
            const SHAPE: &'static [Member] = shape::$shape;
            type Answer = $answer;
        })*
    };
}

questions! {
    ApiVersionsRequest, ApiVersionsResponse, ApiVersions, API_VERSIONS;
    SaslHandshakeRequest, SaslHandshakeResponse, SaslHandshake, SASL_HANDSHAKE;
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslAuthenticate, SASL_AUTHENTICATE;
    MetadataRequest, MetadataResponse, Metadata, METADATA;
    DescribeConfigsRequest, DescribeConfigsResponse, DescribeConfigs, DESCRIBE_CONFIGS;
}

/// Bytes both ways, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// A connection to a broker on which requests are asked one after the other.
pub(super) struct Conversation {
    stream: Box<dyn Stream>,
    asked: i32,
}

impl Conversation {
    /// Nothing is sent yet.
    pub(super) fn on(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), asked: 0 }
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// The connection broke, or what came is not a response to this request. Time is not bounded here.
    pub(super) async fn ask<R: Question>(&mut self, request: &R, version: i16) -> Result<R::Answer, Failure> {
        self.asked += 1;
        let frame = frame(request, version, self.asked).ok_or_else(|| {
            Failure::new(
                Problem::BrokerTooOld,
                "the request cannot be written in a version that the broker understands",
            )
        })?;
        // A broker that closes at once may have said why before: the answer is read all the same.
        let sent = async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await
        }
        .await;
        match self.answer::<R>(version).await {
            Err(Broken::Io(error)) => Err(broke(&sent.err().unwrap_or(error))),
            Err(Broken::Told(failure)) => Err(failure),
            Ok(answer) => Ok(answer),
        }
    }

    async fn answer<R: Question>(&mut self, version: i16) -> Result<R::Answer, Broken> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes(head);
        if length > MAX_ANSWER_BYTES {
            return Err(Broken::Told(no_length(head)));
        }
        // Memory grows with what comes, not with what is announced.
        let mut bytes = Vec::new();
        (&mut self.stream).take(u64::from(length)).read_to_end(&mut bytes).await?;
        if bytes.len() < length as usize {
            return Err(Broken::Told(Failure::new(
                Problem::ConnectionClosed,
                format!("the connection was closed after {} of the {length} bytes of an answer", bytes.len()),
            )));
        }
        read::<R>(Bytes::from(bytes), version, self.asked).ok_or_else(|| {
            Broken::Told(Failure::new(
                Problem::ResponseUnreadable,
                format!("the answer, of {length} bytes, is not laid out as Kafka's protocol has it"),
            ))
        })
    }
}

/// Who it is that begins with these bytes, which would be the length of a response.
fn no_length(head: [u8; 4]) -> Failure {
    match head {
        // A record of TLS: an alert or a handshake message, of any version.
        [0x15 | 0x16, 3, ..] => {
            Failure::new(Problem::TlsExpected, "the broker speaks TLS on this port, and was spoken to without")
        }
        [b'H', b'T', b'T', b'P'] => Failure::new(Problem::NotKafka, "an HTTP server answers here, no Kafka broker"),
        [b'S', b'S', b'H', b'-'] => Failure::new(Problem::NotKafka, "an SSH server answers here, no Kafka broker"),
        printable if printable.iter().all(|byte| (b' '..=b'~').contains(byte)) => {
            Failure::new(Problem::NotKafka, "what answers here is no Kafka broker: it sends text")
        }
        _ => Failure::new(
            Problem::ResponseTooLarge,
            format!(
                "the answer claims to have {} bytes; no more than {MAX_ANSWER_BYTES} are read",
                u32::from_be_bytes(head)
            ),
        ),
    }
}

enum Broken {
    Io(io::Error),
    Told(Failure),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A connection that broke, in words.
fn broke(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            Failure::new(Problem::ConnectionClosed, "the broker closed the connection instead of an answer")
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            Failure::new(Problem::ConnectionClosed, "the broker broke the connection off (reset) instead of an answer")
        }
        _ => Failure::new(Problem::ConnectionClosed, format!("the connection broke: {}", os_error::describe(error))),
    }
}

/// The request as it is sent, with its length before it.
fn frame<R: Question>(request: &R, version: i16, id: i32) -> Option<Bytes> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY as i16)
        .with_request_api_version(version)
        .with_correlation_id(id)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
    let mut body = BytesMut::new();
    encode_request_header_into_buffer(&mut body, &header).ok()?;
    request.encode(&mut body, version).ok()?;
    let mut frame = BytesMut::with_capacity(body.len() + 4);
    frame.extend_from_slice(&u32::try_from(body.len()).ok()?.to_be_bytes());
    frame.extend_from_slice(&body);
    Some(frame.freeze())
}

/// The response to the request with this id.
fn read<R: Question>(mut bytes: Bytes, version: i16, id: i32) -> Option<R::Answer> {
    let header = ResponseHeader::decode(&mut bytes, R::Answer::header_version(version)).ok()?;
    if header.correlation_id != id || !shape::fits(R::SHAPE, version, bytes.chunk()) {
        return None;
    }
    R::Answer::decode(&mut bytes, version).ok()
}
