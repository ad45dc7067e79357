//! Which requests a broker understands, and in which versions.

use kafka_protocol::messages::{ApiKey, ApiVersionsRequest};

use super::broker_error;
use super::problem::Problem;
use super::step::Failure;
use super::wire::Conversation;

/// The newest version of `Metadata` that is asked. From 9 on answers are laid out in another way, and tell nothing more that
/// is wanted here.
const NEWEST_METADATA: i16 = 8;
/// The oldest one: older brokers make a topic when they are asked about it.
const OLDEST_METADATA: i16 = 4;
/// The newest version of `SaslAuthenticate` that is asked.
const NEWEST_AUTHENTICATE: i16 = 1;

/// The newest version of `DescribeConfigs` that is asked: later ones add the documentation of settings.
const NEWEST_DESCRIBE_CONFIGS: i16 = 2;

/// What a broker understands.
#[derive(Debug, Clone)]
pub(super) struct Versions(Vec<(i16, i16, i16)>);

impl Versions {
    /// Asks the broker.
    ///
    /// # Errors
    /// See [`Conversation::ask`]; or the broker answers with an error.
    pub(super) async fn ask(conversation: &mut Conversation) -> Result<Self, Failure> {
        let answer = conversation.ask(&ApiVersionsRequest::default(), 0).await?;
        broker_error::check(answer.error_code, "the versions of its requests")?;
        Ok(Self(answer.api_keys.iter().map(|api| (api.api_key, api.min_version, api.max_version)).collect()))
    }

    /// What to say of them: the versions of the requests that a producer needs.
    pub(super) fn summary(&self) -> String {
        let of = |key: ApiKey, name: &str| match self.of(key) {
            Some((oldest, newest)) => format!("{name} {oldest} to {newest}"),
            None => format!("no {name}"),
        };
        format!("a Kafka broker: {}, {}", of(ApiKey::Produce, "Produce"), of(ApiKey::Metadata, "Metadata"))
    }

    /// The version of `Metadata` to ask.
    ///
    /// # Errors
    /// There is none that both sides know.
    pub(super) fn metadata(&self) -> Result<i16, Failure> {
        self.newest(ApiKey::Metadata, OLDEST_METADATA, NEWEST_METADATA).ok_or_else(|| {
            Failure::new(
                Problem::BrokerTooOld,
                format!("the broker has no request Metadata in a version from {OLDEST_METADATA} to {NEWEST_METADATA}"),
            )
        })
    }

    /// The version of `DescribeConfigs` to ask, if there is one that both sides know.
    pub(super) fn describe_configs(&self) -> Option<i16> {
        self.newest(ApiKey::DescribeConfigs, 1, NEWEST_DESCRIBE_CONFIGS)
    }

    /// The version of `SaslAuthenticate` to ask.
    ///
    /// # Errors
    /// There is none that both sides know.
    pub(super) fn authenticate(&self) -> Result<i16, Failure> {
        self.newest(ApiKey::SaslAuthenticate, 0, NEWEST_AUTHENTICATE).ok_or_else(|| {
            Failure::new(
                Problem::SaslNotOffered,
                "the broker has no request SaslAuthenticate, so it knows no SASL here",
            )
        })
    }

    /// A broker that understands one request only.
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
    fn the_newest_version_that_both_sides_know_is_asked() {
        let metadata = |from, to| Versions::with(ApiKey::Metadata, from, to).metadata().ok();
        assert_eq!(metadata(0, 13), Some(8));
        assert_eq!(metadata(0, 7), Some(7));
        assert_eq!(metadata(0, 3), None);
        assert_eq!(metadata(9, 13), None);
        assert!(Versions(Vec::new()).metadata().is_err());
    }
}
