//! The requests and versions that a broker supports.

use kafka_protocol::messages::{ApiKey, ApiVersionsRequest};

use super::broker_error;
use super::problem::Problem;
use super::step::Failure;
use super::wire::BrokerConnection;

/// The maximum version of `Metadata` that is used. Versions 9 and later have a different layout, and add nothing that
/// this crate needs.
const NEWEST_METADATA: i16 = 8;
/// The minimum version of `Metadata`. In older versions, a request for the metadata of a missing topic can create the
/// topic.
const OLDEST_METADATA: i16 = 4;
/// The maximum version of `SaslAuthenticate` that is used.
const NEWEST_AUTHENTICATE: i16 = 1;

/// The maximum version of `DescribeConfigs` that is used. Later versions add the documentation of settings.
const NEWEST_DESCRIBE_CONFIGS: i16 = 2;

/// The requests that a broker supports, each as its key, minimum version and maximum version.
#[derive(Debug, Clone)]
pub(super) struct Versions(Vec<(i16, i16, i16)>);

impl Versions {
    /// Requests the list of supported requests and versions from the broker.
    ///
    /// # Errors
    /// See [`BrokerConnection::ask`]. Also fails if the broker responds with an error.
    pub(super) async fn ask(connection: &mut BrokerConnection) -> Result<Self, Failure> {
        let response = connection.ask(&ApiVersionsRequest::default(), 0).await?;
        broker_error::check(response.error_code, "the supported request versions")?;
        Ok(Self(response.api_keys.iter().map(|api| (api.api_key, api.min_version, api.max_version)).collect()))
    }

    /// For the requests that a producer needs, describes in one line which versions the broker supports.
    pub(super) fn summary(&self) -> String {
        let of = |key: ApiKey, name: &str| match self.of(key) {
            Some((oldest, newest)) => format!("{name} {oldest} to {newest}"),
            None => format!("no {name}"),
        };
        format!("a Kafka broker: {}, {}", of(ApiKey::Produce, "Produce"), of(ApiKey::Metadata, "Metadata"))
    }

    /// Returns the version of `Metadata` to use.
    ///
    /// # Errors
    /// Fails if there is no common version.
    pub(super) fn metadata(&self) -> Result<i16, Failure> {
        self.newest(ApiKey::Metadata, OLDEST_METADATA, NEWEST_METADATA).ok_or_else(|| {
            Failure::new(
                Problem::BrokerTooOld,
                format!("the broker does not support Metadata in versions {OLDEST_METADATA} to {NEWEST_METADATA}"),
            )
        })
    }

    /// Returns the version of `DescribeConfigs` to use, or `None` if there is no common version.
    pub(super) fn describe_configs(&self) -> Option<i16> {
        self.newest(ApiKey::DescribeConfigs, 1, NEWEST_DESCRIBE_CONFIGS)
    }

    /// Returns the version of `SaslAuthenticate` to use.
    ///
    /// # Errors
    /// Fails if there is no common version.
    pub(super) fn authenticate(&self) -> Result<i16, Failure> {
        self.newest(ApiKey::SaslAuthenticate, 0, NEWEST_AUTHENTICATE).ok_or_else(|| {
            Failure::new(
                Problem::SaslNotOffered,
                "the broker does not support SaslAuthenticate, so SASL is not possible",
            )
        })
    }

    /// Creates the versions of a broker that supports only one request.
    #[cfg(test)]
    pub(super) fn with(key: ApiKey, oldest: i16, newest: i16) -> Self {
        Self(vec![(key as i16, oldest, newest)])
    }

    fn of(&self, key: ApiKey) -> Option<(i16, i16)> {
        self.0.iter().find(|(other, ..)| *other == key as i16).map(|(_, oldest, newest)| (*oldest, *newest))
    }

    fn newest(&self, key: ApiKey, oldest: i16, newest: i16) -> Option<i16> {
        let (theirs_from, theirs_to) = self.of(key)?;
        let version = newest.min(theirs_to);
        (version >= oldest.max(theirs_from)).then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_api_version_that_the_broker_also_supports_is_used() {
        let metadata = |from, to| Versions::with(ApiKey::Metadata, from, to).metadata().ok();
        assert_eq!(metadata(0, 13), Some(8));
        assert_eq!(metadata(0, 7), Some(7));
        assert_eq!(metadata(0, 3), None);
        assert_eq!(metadata(9, 13), None);
        assert!(Versions(Vec::new()).metadata().is_err());
    }
}
