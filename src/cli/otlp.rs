//! Exports traces to an OpenTelemetry collector over OTLP, configured by the standard environment variables
//! (docs/reference/logs.md).

use std::env;
use std::fs;
use std::future::{Future, ready};
use std::pin::Pin;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::trust::tls;
use crate::server::request_log::spans;
use crate::server::version::VERSION;
use crate::trust;

/// The timeout for exporting the last spans at exit.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum size of a collector's response, in bytes.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;

/// The running export.
pub(super) struct Export(SdkTracerProvider);

/// Starts the export if an environment variable contains the URL of a collector.
///
/// # Errors
/// Returns a message if a variable is invalid. The message never contains a value, which may include a password.
pub(super) fn start() -> Result<Option<Export>, String> {
    if variable(["OTEL_SDK_DISABLED"]).is_some_and(|(_, value)| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    match variable(["OTEL_TRACES_EXPORTER"]) {
        None => {}
        Some((_, exporter)) if exporter == "otlp" => {}
        Some((_, exporter)) if exporter == "none" => return Ok(None),
        Some((name, _)) => return Err(format!("{name} must be otlp or none")),
    }
    let Some((name, endpoint)) = variable(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]) else {
        return Ok(None);
    };
    if !["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme)) {
        return Err(format!("{name} must begin with http:// or https://"));
    }
    let protocol = variable(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]);
    if let Some((name, _)) = protocol.filter(|(_, protocol)| protocol != "http/protobuf") {
        return Err(format!("{name} must be http/protobuf"));
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new()?)
        .build()
        .map_err(|_| "OTEL_EXPORTER_OTLP_*: these variables do not configure a valid exporter".to_owned())?;
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource()).build();
    spans::export_with(provider.tracer(env!("CARGO_PKG_NAME")));
    Ok(Some(Export(provider)))
}

impl Export {
    /// Exports the remaining spans.
    pub(super) fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH_TIMEOUT) {
            tracing::warn!(%error, "the last spans may not have reached the collector");
        }
    }
}

/// Returns the name and value of the first of these environment variables that is not blank.
fn variable<const N: usize>(names: [&'static str; N]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| {
        let value = env::var(name).ok()?;
        let value = value.trim();
        (!value.is_empty()).then(|| (name, value.to_owned()))
    })
}

/// Returns the resource of the spans. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` take precedence over the
/// built-in attributes.
fn resource() -> Resource {
    let attributes = variable(["OTEL_RESOURCE_ATTRIBUTES"]).map_or_else(String::new, |(_, attributes)| attributes);
    let is_set = |name: &str| attributes.split(',').any(|pair| pair.split('=').next().map(str::trim) == Some(name));
    let mut resource = Resource::builder();
    if !is_set("service.name") && variable(["OTEL_SERVICE_NAME"]).is_none() {
        resource = resource.with_service_name(env!("CARGO_PKG_NAME"));
    }
    if !is_set("service.version") {
        resource = resource.with_attribute(KeyValue::new("service.version", VERSION));
    }
    resource.build()
}

/// Sends spans to the collector, on the thread that batches spans. No other thread waits for the collector.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new() -> Result<Self, String> {
        let timeout = match variable(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]) {
            None => 10_000,
            Some((name, value)) => value.parse().map_err(|_| format!("{name} must be a number of milliseconds"))?,
        };
        let certificate = variable(["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"]);
        let certificates = match certificate {
            None => trust::certificates("https", None)?,
            Some((name, path)) => {
                let pem = fs::read(path).map_err(|_| format!("{name}: the file cannot be read"))?;
                trust::in_pem(&pem).map_err(|problem| format!("{name}: {problem}"))?
            }
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // The headers may contain a password, which must reach only the configured collector.
            .max_redirects(0)
            .timeout_global(Some(Duration::from_millis(timeout)))
            .tls_config(tls(&certificates));
        Ok(Self(config.build().into()))
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let (head, body) = self.0.run(Request::from_parts(head, &*body))?.into_parts();
        let bytes = body.into_with_config().limit(MAX_RESPONSE_BYTES).read_to_vec()?;
        Ok(Response::from_parts(head, bytes.into()))
    }
}

impl HttpClient for Client {
    fn send_bytes<'client, 'sent>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'client: 'sent,
        Self: 'sent,
    {
        Box::pin(ready(self.send(request)))
    }
}
