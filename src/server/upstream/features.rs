//! The features of the upstream, corrected for the destinations that this service transforms, and cached for a short
//! time (docs/contract.md#features). rudder-server does not start without the features. If the upstream does not
//! respond, this service therefore returns the upstream's last good response.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{BufferError, BufferedResponse, Upstream};
use crate::server::config::native_destinations::NativeDestinations;
use crate::server::http::error::RequestError;

/// How long a cached response is used before the features are requested again.
const FRESH: Duration = Duration::from_secs(10);
/// How long to wait after a failed request before the features are requested again.
const PAUSE: Duration = Duration::from_secs(1);
/// The maximum time to wait for the upstream's response, unless `UPSTREAM_TIMEOUT` is shorter.
const PATIENCE: Duration = Duration::from_secs(10);
/// The maximum size of the upstream's response, in bytes. rudder-transformer's response has about 3,000 bytes.
const MAX_BYTES: usize = 1 << 20;

/// The cached features of the upstream, as this service returns them to clients.
#[derive(Debug, Default)]
pub struct UpstreamFeatures(Mutex<CachedFeatures>);

#[derive(Debug, Default)]
struct CachedFeatures {
    /// The upstream's last good response, corrected. `None` until there is one.
    answer: Option<Bytes>,
    /// When to request the features again. `None` means immediately.
    refresh_at: Option<Instant>,
}

impl UpstreamFeatures {
    /// Returns the features as JSON. Concurrent calls share one request to the upstream.
    ///
    /// # Errors
    /// [`RequestError::FeaturesUnknown`] if the upstream has never returned usable features.
    pub async fn get(&self, upstream: &Upstream, natives: NativeDestinations) -> Result<Bytes, RequestError> {
        let time = upstream.timeout().min(PATIENCE);
        self.get_with(async || upstream.get("/features", MAX_BYTES, time).await, natives).await
    }

    async fn get_with(
        &self,
        ask: impl AsyncFnOnce() -> Result<BufferedResponse, BufferError>,
        natives: NativeDestinations,
    ) -> Result<Bytes, RequestError> {
        let mut cached = self.0.lock().await;
        if cached.refresh_at.is_none_or(|at| at <= Instant::now()) {
            let good = match ask().await {
                Ok(buffered) => corrected(&buffered, natives),
                Err(BufferError::Failed(error)) => Err(error.to_string()),
                Err(BufferError::TooLarge) => Err(format!("the response is larger than {MAX_BYTES} bytes")),
            };
            let pause = match good {
                Ok(answer) => {
                    cached.answer = Some(answer);
                    FRESH
                }
                Err(reason) => {
                    tracing::warn!(
                        has_former = cached.answer.is_some(),
                        "cannot read the upstream's /features: {reason}"
                    );
                    PAUSE
                }
            };
            cached.refresh_at = Some(Instant::now() + pause);
        }
        cached.answer.clone().ok_or(RequestError::FeaturesUnknown)
    }
}

/// The name of the feature that makes rudder-server send requests in the compacted format. The feature applies to all
/// requests: those that this service handles, and those that the upstream handles.
const COMPACTED: &str = "supportDestTransformCompactedPayloadV1";

/// Returns the upstream's features without the router transformations of the destinations that this service transforms.
/// All other fields stay unchanged. Fails if the response is not an uncompressed JSON object with status 200, or if a
/// field that this function reads has an unexpected type.
fn corrected(buffered: &BufferedResponse, natives: NativeDestinations) -> Result<Bytes, String> {
    if buffered.status != 200 || buffered.coding.is_some() {
        return Err(format!(
            "the response must have status 200 and no Content-Encoding, but has status {} and Content-Encoding {:?}",
            buffered.status, buffered.coding
        ));
    }
    let mut features: Map<String, Value> =
        serde_json::from_slice(&buffered.body).map_err(|_| "the response is not a JSON object".to_owned())?;
    // Remove the router transformations that the upstream supports for native destinations, because this service has no
    // router transformations.
    match features.get_mut("routerTransform") {
        Some(Value::Object(names)) => names.retain(|name, _| natives.by_name(name).is_none()),
        Some(_) => return Err("routerTransform is not a JSON object".to_owned()),
        None => {}
    }
    // rudder-server may use the compacted format only if both this service and the upstream support it. This service
    // always supports it, so the upstream's value stays unchanged. The value must be a boolean.
    if features.get(COMPACTED).is_some_and(|value| !value.is_boolean()) {
        return Err(format!("{COMPACTED} is neither true nor false"));
    }
    Ok(Value::Object(features).to_string().into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::join;

    use super::*;

    fn buffered(body: &str) -> BufferedResponse {
        BufferedResponse { status: 200, coding: None, body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    fn correct(body: &str, natives: &str) -> Result<String, String> {
        let bytes = corrected(&buffered(body), NativeDestinations::parse(natives).unwrap())?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn native_destinations_are_removed_from_the_router_transform_features() {
        let upstream = r#"{"routerTransform":{"HS":true,"KAFKA":true,"Azure_Event_Hub":1},"regulations":["BRAZE"],"supportDestTransformCompactedPayloadV1":true,"new":[1.0]}"#;
        assert_eq!(
            correct(upstream, "kafka,azure_event_hub").unwrap(),
            r#"{"routerTransform":{"HS":true},"regulations":["BRAZE"],"supportDestTransformCompactedPayloadV1":true,"new":[1.0]}"#
        );
        assert!(correct(upstream, "azure_event_hub").unwrap().contains("\"KAFKA\":true"), "not native, unchanged");
    }

    #[test]
    fn compaction_is_announced_only_if_the_upstream_supports_it() {
        for value in ["true", "false"] {
            let features = format!("{{\"supportDestTransformCompactedPayloadV1\":{value}}}");
            assert_eq!(correct(&features, "kafka").unwrap(), features);
        }
        assert_eq!(correct("{\"a\":1}", "kafka").unwrap(), "{\"a\":1}");
    }

    #[test]
    fn an_upstream_features_response_with_a_field_of_the_wrong_type_is_an_error() {
        for odd in ["7", "null", "\"true\"", "[]", "[{\"HS\":true}]"] {
            for name in ["routerTransform", COMPACTED] {
                let problem = correct(&format!("{{\"regulations\":[],\"{name}\":{odd}}}"), "kafka").unwrap_err();
                assert!(problem.starts_with(name), "{name} {odd}: {problem}");
            }
        }
        assert!(correct("{\"routerTransform\":true}", "kafka").is_err());
        assert!(correct("{\"routerTransform\":{\"HS\":7},\"regulations\":7}", "kafka").is_ok(), "unused field");
    }

    #[test]
    fn an_unusable_features_response_is_an_error() {
        for body in ["", "[]", "null", "{", "<html>"] {
            assert!(correct(body, "kafka").is_err(), "{body}");
        }
        assert!(corrected(&BufferedResponse { status: 500, ..buffered("{}") }, NativeDestinations::ALL).is_err());
        assert!(
            corrected(&BufferedResponse { coding: Some("gzip".to_owned()), ..buffered("{}") }, NativeDestinations::ALL)
                .is_err()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_good_features_are_returned_after_a_failed_request() {
        let (features, asked) = (UpstreamFeatures::default(), Cell::new(0));
        let ask = async |answer: Result<BufferedResponse, BufferError>| {
            let answer = async || {
                asked.set(asked.get() + 1);
                answer
            };
            features.get_with(answer, NativeDestinations::ALL).await
        };
        let fails = || Err(BufferError::Failed(RequestError::UpstreamUnreachable));
        assert_eq!(ask(fails()).await, Err(RequestError::FeaturesUnknown));
        assert_eq!(
            ask(Ok(buffered("{\"a\":1}"))).await,
            Err(RequestError::FeaturesUnknown),
            "no request during the pause"
        );
        tokio::time::advance(PAUSE).await;
        assert_eq!(ask(Ok(buffered("{\"a\":1}"))).await.unwrap(), "{\"a\":1}");
        tokio::time::advance(FRESH / 2).await;
        assert_eq!(ask(Ok(buffered("{\"a\":2}"))).await.unwrap(), "{\"a\":1}");
        assert_eq!(asked.get(), 2);
        tokio::time::advance(FRESH).await;
        assert_eq!(ask(fails()).await.unwrap(), "{\"a\":1}", "the last good response");
        tokio::time::advance(PAUSE).await;
        assert_eq!(ask(Ok(buffered("{\"a\":3}"))).await.unwrap(), "{\"a\":3}");
        assert_eq!(asked.get(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_features_requests_share_one_upstream_request() {
        let (features, asked) = (UpstreamFeatures::default(), Cell::new(0));
        let ask = || {
            features.get_with(
                async || {
                    asked.set(asked.get() + 1);
                    tokio::task::yield_now().await;
                    Ok(buffered("{}"))
                },
                NativeDestinations::ALL,
            )
        };
        let (one, two, three) = join!(ask(), ask(), ask());
        assert_eq!((one.unwrap(), two.unwrap(), three.unwrap()), ("{}".into(), "{}".into(), "{}".into()));
        assert_eq!(asked.get(), 1);
    }
}
