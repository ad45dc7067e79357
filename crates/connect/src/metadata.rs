//! Requests metadata from a broker: the list of the cluster's brokers, and the state of each topic that the destination
//! can use.

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
use super::wire::BrokerConnection;
use check::destination::Address;

/// The maximum number of brokers that are checked per cluster.
const MAX_BROKERS: usize = 100;
/// The maximum number of topics per request.
pub(super) const TOPICS_AT_ONCE: usize = 100;
/// The value of `topic_authorized_operations` if the broker does not report the allowed operations.
const NOT_REPORTED: i32 = i32::MIN;
/// The bit of the operation Write in `topic_authorized_operations`.
const WRITE: i32 = 1 << 4;

/// The metadata of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    /// The ID of the cluster, if the broker reports it.
    pub(super) id: Option<String>,
    /// The ID and the advertised address of each broker, for at most [`MAX_BROKERS`] brokers.
    pub(super) brokers: Vec<(i32, Address)>,
    /// The number of all brokers in the cluster, which can exceed [`MAX_BROKERS`].
    pub(super) count: usize,
}

/// Requests the metadata of the cluster, without topics.
///
/// # Errors
/// See [`BrokerConnection::ask`]. Also fails if the broker lists no brokers.
pub(super) async fn cluster(connection: &mut BrokerConnection, versions: &Versions) -> Result<Cluster, Failure> {
    let version = versions.metadata()?;
    let request = MetadataRequest::default().with_topics(Some(Vec::new())).with_allow_auto_topic_creation(false);
    let response = connection.ask(&request, version).await?;
    broker_error::check(response.error_code, "the cluster's metadata")?;
    if response.brokers.is_empty() {
        return Err(Failure::new(Problem::NoBrokers, "the broker lists no brokers, not even itself"));
    }
    let address = |host: &str, port: i32| Address { host: sanitize(host), port: u16::try_from(port).unwrap_or(0) };
    let brokers = response.brokers.iter().take(MAX_BROKERS);
    Ok(Cluster {
        id: response.cluster_id.as_deref().map(sanitize),
        brokers: brokers.map(|broker| (*broker.node_id, address(&broker.host, broker.port))).collect(),
        count: response.brokers.len(),
    })
}

/// Requests the metadata of up to [`TOPICS_AT_ONCE`] topics. Returns one step per topic, in order. The request does not
/// create missing topics.
///
/// # Errors
/// See [`BrokerConnection::ask`].
pub(super) async fn topics(
    connection: &mut BrokerConnection,
    versions: &Versions,
    topics: &[String],
    context: &AdviceContext,
) -> Result<Vec<Step>, Failure> {
    let version = versions.metadata()?;
    let named = |topic: &String| {
        MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(topic.clone()))))
    };
    let request = MetadataRequest::default()
        .with_topics(Some(topics.iter().map(named).collect()))
        .with_allow_auto_topic_creation(false)
        .with_include_topic_authorized_operations(version >= 8);
    let response = connection.ask(&request, version).await?;
    let find = |topic: &str| {
        response.topics.iter().find(|reported| reported.name.as_ref().is_some_and(|name| name.as_str() == topic))
    };
    Ok(topics.iter().map(|topic| step(find(topic), topic, context).about(sanitize(topic))).collect())
}

/// The broker address and the principal for the commands in a piece of advice.
#[derive(Debug)]
pub(super) struct AdviceContext {
    /// The address of the broker that returned the metadata.
    pub(super) broker: String,
    /// The principal for ACLs, such as `User:rudder`, or `None` if it is not known.
    pub(super) principal: Option<String>,
}

impl AdviceContext {
    /// Formats a command line that connects to the broker.
    fn command(&self, tool: &str, rest: &str) -> String {
        format!("{tool} --bootstrap-server {} {rest}", self.broker)
    }

    /// Formats the command that allows the user to write to a topic.
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

fn step(reported: Option<&MetadataResponseTopic>, topic: &str, context: &AdviceContext) -> Step {
    let topic = &sanitize(topic);
    let Some(reported) = reported else {
        return Step::failed(
            Stage::Topic,
            Failure::new(Problem::ResponseUnreadable, "the broker's response does not contain the topic"),
        );
    };
    let leaderless = || reported.partitions.iter().filter(|partition| *partition.leader_id < 0).count();
    let partitions = reported.partitions.len();
    let failure = match reported.error_code.err() {
        None if partitions == 0 => {
            Failure::new(Problem::TopicMissing, "it has no partitions").advise(create(topic, context))
        }
        None if leaderless() > 0 => Failure::new(
            Problem::TopicWithoutLeader,
            format!("no leader at the moment for {} of its {}", leaderless(), counted(partitions, "partition")),
        ),
        None if reported.topic_authorized_operations != NOT_REPORTED
            && reported.topic_authorized_operations & WRITE == 0 =>
        {
            Failure::new(Problem::TopicNotWritable, "the topic exists, but this user is not authorized to write to it")
                .advise(format!("allow this user to write: {}", context.grant(topic)))
        }
        None => return passed(reported),
        Some(ResponseError::UnknownTopicOrPartition) => {
            Failure::new(Problem::TopicMissing, "it does not exist").advise(create(topic, context))
        }
        Some(ResponseError::TopicAuthorizationFailed) => Failure::new(
            Problem::TopicNotAuthorized,
            "this user is not authorized to see the topic, and the broker does not report whether the topic exists",
        )
        .advise(format!("allow this user to describe the topic and to write to it: {}", context.grant(topic))),
        Some(ResponseError::LeaderNotAvailable) => {
            Failure::new(Problem::TopicWithoutLeader, "the topic has no leader at the moment")
        }
        Some(ResponseError::InvalidTopicException) => {
            Failure::new(Problem::TopicInvalid, "the broker rejects this topic name")
        }
        Some(error) => Failure::new(
            Problem::BrokerError,
            format!("the broker responds with {}", broker_error::named(error, reported.error_code)),
        ),
    };
    Step::failed(Stage::Topic, failure)
}

/// Returns advice on a missing topic.
fn create(topic: &str, context: &AdviceContext) -> String {
    let command = context.command("kafka-topics", &format!("--create --topic {topic}"));
    format!(
        "create the topic ({command}), or correct its name, including letter case. With auto.create.topics.enable, the broker creates the topic on the first message; clients cannot see this setting"
    )
}

fn passed(reported: &MetadataResponseTopic) -> Step {
    let partitions = reported.partitions.len();
    let replicas = reported.partitions.iter().map(|partition| partition.replica_nodes.len()).min().unwrap_or(0);
    let lagging = reported
        .partitions
        .iter()
        .filter(|partition| partition.isr_nodes.len() < partition.replica_nodes.len())
        .count();
    let (may_write, caution) = match reported.topic_authorized_operations {
        NOT_REPORTED => {
            ("", Some("the broker does not report whether this user is authorized to write to the topic".to_owned()))
        }
        _ => (", writable", None),
    };
    let lagging = match lagging {
        0 => None,
        all if all == partitions => Some("no partition has all replicas in sync".to_owned()),
        some => Some(format!("replicas are out of sync in {}", counted(some, "partition"))),
    };
    let found = format!("{}, {}{may_write}", counted(partitions, "partition"), counted(replicas, "replica"));
    Step::passed(Stage::Topic, found).with_cautions(caution.into_iter().chain(lagging))
}

/// Formats a count with its noun: `1 partition`, `2 partitions`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::BrokerId;
    use kafka_protocol::messages::metadata_response::MetadataResponsePartition;

    use super::*;

    fn reported(leaders: &[i32], operations: i32) -> MetadataResponseTopic {
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

    const CONTEXT: AdviceContext = AdviceContext { broker: String::new(), principal: None };

    fn problem(reported: &MetadataResponseTopic) -> Option<Problem> {
        step(Some(reported), "orders", &CONTEXT).failure().map(|failure| failure.problem)
    }

    #[test]
    fn topic_problems_are_derived_from_the_metadata_response_of_the_broker() {
        assert_eq!(problem(&reported(&[1, 1], WRITE)), None);
        assert_eq!(problem(&reported(&[1, 1], NOT_REPORTED)), None);
        assert_eq!(problem(&reported(&[1, 1], 1 << 3)), Some(Problem::TopicNotWritable));
        assert_eq!(problem(&reported(&[1, -1], WRITE)), Some(Problem::TopicWithoutLeader));
        assert_eq!(problem(&reported(&[], WRITE)), Some(Problem::TopicMissing));
        for (code, expected) in [
            (3, Problem::TopicMissing),
            (5, Problem::TopicWithoutLeader),
            (17, Problem::TopicInvalid),
            (29, Problem::TopicNotAuthorized),
            (-1, Problem::BrokerError),
            (999, Problem::BrokerError),
        ] {
            assert_eq!(problem(&reported(&[1], WRITE).with_error_code(code)), Some(expected), "{code}");
        }
        assert!(step(None, "orders", &CONTEXT).failure().is_some());
    }

    #[test]
    fn advice_on_a_failed_topic_check_names_the_topic_and_the_principal() {
        let context =
            |principal: &str| AdviceContext { broker: "b:9092".to_owned(), principal: Some(principal.to_owned()) };
        let advice = |code: i16, context: &AdviceContext| {
            let step = step(Some(&reported(&[1], WRITE).with_error_code(code)), "orders", context);
            step.failure().expect("a failure").advice().to_owned()
        };
        let grant = "kafka-acls --bootstrap-server b:9092 --add --producer --topic orders --allow-principal";
        assert!(advice(29, &context("User:rudder")).ends_with(&format!("{grant} User:rudder")));
        assert!(advice(29, &context("User:a b")).ends_with(&format!("{grant} 'User:a b'")));
        assert!(advice(29, &CONTEXT).ends_with("User:NAME"));
        assert!(advice(3, &CONTEXT).contains("--create --topic orders)"));
    }

    #[test]
    fn the_topic_step_passes_with_cautions_if_replicas_lag_and_permissions_are_unknown() {
        let step = step(Some(&reported(&[1], NOT_REPORTED)), "orders", &CONTEXT);
        assert_eq!(step.outcome, super::super::step::Outcome::Passed("1 partition, 2 replicas".to_owned()));
        assert_eq!(step.cautions.len(), 2, "{:?}", step.cautions);
    }
}
