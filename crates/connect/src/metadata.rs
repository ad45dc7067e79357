//! The cluster as a broker reports it: its brokers, and each topic that the destination can name.

use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::broker_error;
use super::problem::Problem;
use super::sanitize::sanitize;
use super::step::{Failure, Stage, Step};
use super::versions::Versions;
use super::wire::Conversation;
use check::destination::Address;

/// Maximum number of brokers to look at; of a larger cluster only these are reported.
const MAX_BROKERS: usize = 100;
/// Topics that are asked for at once.
pub(super) const TOPICS_AT_ONCE: usize = 100;
/// What stands instead of the allowed operations where they are not reported.
const NOT_TOLD: i32 = i32::MIN;
/// The bit of the operation Write, as the protocol numbers them.
const WRITE: i32 = 1 << 4;

/// What a broker reports of its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    /// What the cluster calls itself.
    pub(super) id: Option<String>,
    /// Its brokers, by id, where they say that clients find them.
    pub(super) brokers: Vec<(i32, Address)>,
    /// How many there are, those past the limit too.
    pub(super) count: usize,
}

/// Asks for the cluster, and for no topic.
///
/// # Errors
/// See [`Conversation::ask`]; or the broker names no brokers.
pub(super) async fn cluster(conversation: &mut Conversation, versions: &Versions) -> Result<Cluster, Failure> {
    let version = versions.metadata()?;
    let request = MetadataRequest::default().with_topics(Some(Vec::new())).with_allow_auto_topic_creation(false);
    let answer = conversation.ask(&request, version).await?;
    broker_error::check(answer.error_code, "its cluster")?;
    if answer.brokers.is_empty() {
        return Err(Failure::new(Problem::NoBrokers, "the broker names no brokers, not even itself"));
    }
    let address = |host: &str, port: i32| Address { host: sanitize(host), port: u16::try_from(port).unwrap_or(0) };
    let brokers = answer.brokers.iter().take(MAX_BROKERS);
    Ok(Cluster {
        id: answer.cluster_id.as_deref().map(sanitize),
        brokers: brokers.map(|broker| (*broker.node_id, address(&broker.host, broker.port))).collect(),
        count: answer.brokers.len(),
    })
}

/// Asks for these topics, which are no more than [`TOPICS_AT_ONCE`]; a step each, in their order. None is made by
/// asking.
///
/// # Errors
/// See [`Conversation::ask`].
pub(super) async fn topics(
    conversation: &mut Conversation,
    versions: &Versions,
    topics: &[String],
    who: &Who,
) -> Result<Vec<Step>, Failure> {
    let version = versions.metadata()?;
    let named = |topic: &String| {
        MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(topic.clone()))))
    };
    let request = MetadataRequest::default()
        .with_topics(Some(topics.iter().map(named).collect()))
        .with_allow_auto_topic_creation(false)
        .with_include_topic_authorized_operations(version >= 8);
    let answer = conversation.ask(&request, version).await?;
    let find =
        |topic: &str| answer.topics.iter().find(|told| told.name.as_ref().is_some_and(|name| name.as_str() == topic));
    Ok(topics.iter().map(|topic| step(find(topic), topic, who).about(sanitize(topic))).collect())
}

/// Who asks, and where: what advice names.
#[derive(Debug)]
pub(super) struct Who {
    /// The broker that was asked.
    pub(super) broker: String,
    /// The principal that ACLs are made for, such as `User:rudder`; `None` if it is not known here.
    pub(super) principal: Option<String>,
}

impl Who {
    /// A command with the broker in it.
    fn command(&self, tool: &str, rest: &str) -> String {
        format!("{tool} --bootstrap-server {} {rest}", self.broker)
    }

    /// The command that allows this user to write to a topic.
    fn grant(&self, topic: &str) -> String {
        let principal = self.principal.as_deref().unwrap_or("User:NAME");
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:@".contains(&byte);
        let quote = if principal.bytes().all(safe) { "" } else { "'" };
        self.command(
            "kafka-acls",
            &format!("--add --producer --topic {topic} --allow-principal {quote}{principal}{quote}"),
        )
    }
}

fn step(told: Option<&MetadataResponseTopic>, topic: &str, who: &Who) -> Step {
    let topic = &sanitize(topic);
    let Some(told) = told else {
        return Step::failed(
            Stage::Topic,
            Failure::new(Problem::ResponseUnreadable, "the broker says nothing about it"),
        );
    };
    let leaderless = || told.partitions.iter().filter(|partition| *partition.leader_id < 0).count();
    let partitions = told.partitions.len();
    let failure = match told.error_code.err() {
        None if partitions == 0 => {
            Failure::new(Problem::TopicMissing, "it has no partitions").advise(create(topic, who))
        }
        None if leaderless() > 0 => Failure::new(
            Problem::TopicWithoutLeader,
            format!("{} of its {} has no leader at the moment", leaderless(), counted(partitions, "partition")),
        ),
        None if told.topic_authorized_operations != NOT_TOLD && told.topic_authorized_operations & WRITE == 0 => {
            Failure::new(Problem::TopicNotWritable, "it exists, but this user may not write to it")
                .advise(format!("allow this user to write: {}", who.grant(topic)))
        }
        None => return passed(told),
        Some(ResponseError::UnknownTopicOrPartition) => {
            Failure::new(Problem::TopicMissing, "it does not exist").advise(create(topic, who))
        }
        Some(ResponseError::TopicAuthorizationFailed) => Failure::new(
            Problem::TopicNotAuthorized,
            "this user may not see it; the broker does not say whether it exists",
        )
        .advise(format!("allow this user to describe and write: {}", who.grant(topic))),
        Some(ResponseError::LeaderNotAvailable) => {
            Failure::new(Problem::TopicWithoutLeader, "it has no leader at the moment")
        }
        Some(ResponseError::InvalidTopicException) => {
            Failure::new(Problem::TopicInvalid, "the broker does not take this as the name of a topic")
        }
        Some(error) => Failure::new(
            Problem::BrokerError,
            format!("the broker answers with {}", broker_error::named(error, told.error_code)),
        ),
    };
    Step::failed(Stage::Topic, failure)
}

/// How a topic is created.
fn create(topic: &str, who: &Who) -> String {
    let command = who.command("kafka-topics", &format!("--create --topic {topic}"));
    format!(
        "create the topic ({command}), or correct its name, letter case included. A broker with auto.create.topics.enable creates it with the first message, which a client cannot find out"
    )
}

fn passed(told: &MetadataResponseTopic) -> Step {
    let partitions = told.partitions.len();
    let replicas = told.partitions.iter().map(|partition| partition.replica_nodes.len()).min().unwrap_or(0);
    let lagging =
        told.partitions.iter().filter(|partition| partition.isr_nodes.len() < partition.replica_nodes.len()).count();
    let (may_write, caution) = match told.topic_authorized_operations {
        NOT_TOLD => ("", Some("whether this user may write to it is not told".to_owned())),
        _ => (", writable", None),
    };
    let lagging = match lagging {
        0 => None,
        all if all == partitions => Some("not all replicas are in sync, in any partition".to_owned()),
        some => Some(format!("not all replicas are in sync in {}", counted(some, "partition"))),
    };
    let found = format!("{}, {}{may_write}", counted(partitions, "partition"), counted(replicas, "replica"));
    Step::passed(Stage::Topic, found).with_cautions(caution.into_iter().chain(lagging))
}

/// `1 partition`, `2 partitions`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::BrokerId;
    use kafka_protocol::messages::metadata_response::MetadataResponsePartition;

    use super::*;

    fn told(leaders: &[i32], operations: i32) -> MetadataResponseTopic {
        let partition = |leader: &i32| {
            MetadataResponsePartition::default()
                .with_leader_id(BrokerId(*leader))
                .with_replica_nodes(vec![BrokerId(1), BrokerId(2)])
                .with_isr_nodes(vec![BrokerId(1)])
        };
        MetadataResponseTopic::default()
            .with_partitions(leaders.iter().map(partition).collect())
            .with_topic_authorized_operations(operations)
    }

    const WHO: Who = Who { broker: String::new(), principal: None };

    fn problem(told: &MetadataResponseTopic) -> Option<Problem> {
        step(Some(told), "orders", &WHO).failure().map(|failure| failure.problem)
    }

    #[test]
    fn what_is_told_of_a_topic_decides() {
        assert_eq!(problem(&told(&[1, 1], WRITE)), None);
        assert_eq!(problem(&told(&[1, 1], NOT_TOLD)), None);
        assert_eq!(problem(&told(&[1, 1], 1 << 3)), Some(Problem::TopicNotWritable));
        assert_eq!(problem(&told(&[1, -1], WRITE)), Some(Problem::TopicWithoutLeader));
        assert_eq!(problem(&told(&[], WRITE)), Some(Problem::TopicMissing));
        for (code, expected) in [
            (3, Problem::TopicMissing),
            (5, Problem::TopicWithoutLeader),
            (17, Problem::TopicInvalid),
            (29, Problem::TopicNotAuthorized),
            (-1, Problem::BrokerError),
            (999, Problem::BrokerError),
        ] {
            assert_eq!(problem(&told(&[1], WRITE).with_error_code(code)), Some(expected), "{code}");
        }
        assert!(step(None, "orders", &WHO).failure().is_some());
    }

    #[test]
    fn advice_names_the_topic_and_the_user() {
        let who = |principal: &str| Who { broker: "b:9092".to_owned(), principal: Some(principal.to_owned()) };
        let advice = |code: i16, who: &Who| {
            let step = step(Some(&told(&[1], WRITE).with_error_code(code)), "orders", who);
            step.failure().expect("a failure").advice().to_owned()
        };
        let grant = "kafka-acls --bootstrap-server b:9092 --add --producer --topic orders --allow-principal";
        assert!(advice(29, &who("User:rudder")).ends_with(&format!("{grant} User:rudder")));
        assert!(advice(29, &who("User:a b")).ends_with(&format!("{grant} 'User:a b'")));
        assert!(advice(29, &WHO).ends_with("User:NAME"));
        assert!(advice(3, &WHO).contains("--create --topic orders)"));
    }

    #[test]
    fn what_is_not_told_and_what_lags_is_said() {
        let step = step(Some(&told(&[1], NOT_TOLD)), "orders", &WHO);
        assert_eq!(step.outcome, super::super::step::Outcome::Passed("1 partition, 2 replicas".to_owned()));
        assert_eq!(step.cautions.len(), 2, "{:?}", step.cautions);
    }
}
