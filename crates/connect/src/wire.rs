//! A connection that speaks the Kafka protocol: it sends requests, reads the responses, and recognizes servers that are
//! not Kafka brokers.

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
use super::shape::{self, Field};
use super::step::Failure;

/// The maximum size of a response, in bytes. This is far more than any response needs.
const MAX_RESPONSE_BYTES: u32 = 16 * 1024 * 1024;

/// The client ID that requests contain.
const CLIENT_ID: &str = env!("CARGO_PKG_NAME");

/// A Kafka request, and the type of its response.
pub(super) trait KafkaRequest: Encodable {
    /// The API key of the request.
    const KEY: ApiKey;
    /// The layout of the response.
    const SHAPE: &'static [Field];
    /// The type of the response.
    type Response: Decodable + HeaderVersion;
}

macro_rules! requests {
    ($($request:ident, $response:ident, $key:ident, $shape:ident;)*) => {
        $(impl KafkaRequest for $request {
            const KEY: ApiKey = ApiKey::$key;
            const SHAPE: &'static [Field] = shape::$shape;
            type Response = $response;
        })*
    };
}

requests! {
    ApiVersionsRequest, ApiVersionsResponse, ApiVersions, API_VERSIONS;
    SaslHandshakeRequest, SaslHandshakeResponse, SaslHandshake, SASL_HANDSHAKE;
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslAuthenticate, SASL_AUTHENTICATE;
    MetadataRequest, MetadataResponse, Metadata, METADATA;
    DescribeConfigsRequest, DescribeConfigsResponse, DescribeConfigs, DESCRIBE_CONFIGS;
}

/// A byte stream, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// A connection to a broker. Requests are sent one at a time.
pub(super) struct BrokerConnection {
    stream: Box<dyn Stream>,
    last_id: i32,
}

impl BrokerConnection {
    /// Creates a connection on a stream.
    pub(super) fn on(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), last_id: 0 }
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// Fails if the connection breaks, or the data is not a response to this request. This function has no timeout.
    pub(super) async fn ask<R: KafkaRequest>(&mut self, request: &R, version: i16) -> Result<R::Response, Failure> {
        self.last_id += 1;
        let frame = frame(request, version, self.last_id).ok_or_else(|| {
            Failure::new(Problem::BrokerTooOld, "the request cannot be encoded in a version that the broker supports")
        })?;
        // A broker may send a response before it closes the connection, so the response is read even if sending failed.
        let sent = async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await
        }
        .await;
        match self.response::<R>(version).await {
            Err(Broken::Io(error)) => Err(broken_connection(&sent.err().unwrap_or(error))),
            Err(Broken::Described(failure)) => Err(failure),
            Ok(response) => Ok(response),
        }
    }

    async fn response<R: KafkaRequest>(&mut self, version: i16) -> Result<R::Response, Broken> {
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix).await?;
        let length = u32::from_be_bytes(prefix);
        if length > MAX_RESPONSE_BYTES {
            return Err(Broken::Described(not_a_response(prefix)));
        }
        // Memory grows with the received data, not with the announced length.
        let mut bytes = Vec::new();
        (&mut self.stream).take(u64::from(length)).read_to_end(&mut bytes).await?;
        if bytes.len() < length as usize {
            return Err(Broken::Described(Failure::new(
                Problem::ConnectionClosed,
                format!("the connection was closed after {} of {length} bytes of a response", bytes.len()),
            )));
        }
        read::<R>(Bytes::from(bytes), version, self.last_id).ok_or_else(|| {
            Broken::Described(Failure::new(
                Problem::ResponseUnreadable,
                format!("the response of {length} bytes does not follow the Kafka protocol"),
            ))
        })
    }
}

/// Builds the failure for a server that sends these bytes where the length of a response is expected.
fn not_a_response(prefix: [u8; 4]) -> Failure {
    match prefix {
        // A TLS record: an alert or a handshake message, of any version.
        [0x15 | 0x16, 3, ..] => {
            Failure::new(Problem::TlsExpected, "the broker expects TLS on this port, but the connection is plaintext")
        }
        [b'H', b'T', b'T', b'P'] => Failure::new(Problem::NotKafka, "this is an HTTP server, not a Kafka broker"),
        [b'S', b'S', b'H', b'-'] => Failure::new(Problem::NotKafka, "this is an SSH server, not a Kafka broker"),
        printable if printable.iter().all(|byte| (b' '..=b'~').contains(byte)) => {
            Failure::new(Problem::NotKafka, "this is not a Kafka broker: the server sends text")
        }
        _ => Failure::new(
            Problem::ResponseTooLarge,
            format!(
                "the response claims to have {} bytes; the maximum is {MAX_RESPONSE_BYTES} bytes",
                u32::from_be_bytes(prefix)
            ),
        ),
    }
}

enum Broken {
    Io(io::Error),
    Described(Failure),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Builds the failure for a broken connection.
fn broken_connection(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            Failure::new(Problem::ConnectionClosed, "the broker closed the connection instead of responding")
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            Failure::new(Problem::ConnectionClosed, "the broker reset the connection instead of responding")
        }
        _ => Failure::new(Problem::ConnectionClosed, format!("the connection broke: {}", os_error::describe(error))),
    }
}

/// Encodes the length of a request, followed by the request.
fn frame<R: KafkaRequest>(request: &R, version: i16, id: i32) -> Option<Bytes> {
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

/// Parses the response to the request with this ID.
fn read<R: KafkaRequest>(mut bytes: Bytes, version: i16, id: i32) -> Option<R::Response> {
    let header = ResponseHeader::decode(&mut bytes, R::Response::header_version(version)).ok()?;
    if header.correlation_id != id || !shape::fits(R::SHAPE, version, bytes.chunk()) {
        return None;
    }
    R::Response::decode(&mut bytes, version).ok()
}
