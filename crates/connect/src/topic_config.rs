//! Checks whether a topic accepts the largest batches that the producer sends, by comparing `max.message.bytes` with
//! `Router.KAFKA.batchBytes`.

use std::collections::HashMap;

use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::protocol::StrBytes;

use super::broker_error;
use super::problem::Problem;
use super::step::{Failure, Outcome, Stage, Step};
use super::versions::Versions;
use super::wire::BrokerConnection;

/// The Kafka protocol's resource type for topics.
const TOPIC: i8 = 2;
const SETTING: &str = "max.message.bytes";

/// The value of `max.message.bytes` for each topic, or the reason why the value is not known.
type Limits = HashMap<String, Result<u64, String>>;

/// Requests `max.message.bytes` for each topic whose step succeeded. Adds a warning after a topic's step if the value
/// is below the size of the producer's largest batches. Adds a detail to the topic's step if the value is not known.
/// Returns the steps unchanged if the broker does not support the request.
pub(super) async fn compare(
    connection: &mut BrokerConnection,
    versions: &Versions,
    steps: Vec<Step>,
    batch_bytes: u64,
) -> Vec<Step> {
    let passed = |step: &&Step| matches!(step.outcome, Outcome::Passed(_));
    let topics: Vec<String> = steps.iter().filter(passed).filter_map(|step| step.about.clone()).collect();
    let Some(version) = versions.describe_configs().filter(|_| !topics.is_empty()) else { return steps };
    let limits = match ask(connection, version, &topics).await {
        Ok(limits) => limits,
        Err(failure) => topics.into_iter().map(|topic| (topic, Err(failure.text.clone()))).collect(),
    };
    steps.into_iter().flat_map(|step| with_limit(step, &limits, batch_bytes)).collect()
}

async fn ask(connection: &mut BrokerConnection, version: i16, topics: &[String]) -> Result<Limits, Failure> {
    let resource = |topic: &String| {
        DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(StrBytes::from_string(topic.clone()))
            .with_configuration_keys(Some(vec![StrBytes::from_static_str(SETTING)]))
    };
    let request = DescribeConfigsRequest::default().with_resources(topics.iter().map(resource).collect());
    let response = connection.ask(&request, version).await?;
    let limit = |result: kafka_protocol::messages::describe_configs_response::DescribeConfigsResult| {
        let limit = match result.error_code.err() {
            Some(ResponseError::TopicAuthorizationFailed | ResponseError::ClusterAuthorizationFailed) => {
                Err("this user is not authorized to describe the topic's configuration".to_owned())
            }
            Some(error) => Err(format!("the broker responds with {}", broker_error::named(error, result.error_code))),
            None => {
                let setting = result.configs.iter().find(|config| &*config.name == SETTING);
                let value = setting.and_then(|config| config.value.as_deref());
                value.and_then(|value| value.parse().ok()).ok_or_else(|| "the broker does not report it".to_owned())
            }
        };
        (result.resource_name.to_string(), limit)
    };
    Ok(response.results.into_iter().map(limit).collect())
}

/// Returns the step of a topic, followed by a warning if the topic's limit is below `batch_bytes`.
fn with_limit(mut step: Step, limits: &Limits, batch_bytes: u64) -> Vec<Step> {
    let limit = step.about.as_ref().and_then(|topic| limits.get(topic));
    let Some((topic, limit)) = step.about.clone().zip(limit) else { return vec![step] };
    match limit {
        Ok(limit) if *limit < batch_bytes => {
            let text = format!(
                "{SETTING} is {limit}, but Router.KAFKA.batchBytes is {batch_bytes}: the broker rejects batches above {limit} bytes"
            );
            let advice = format!(
                "raise {SETTING} (kafka-configs --alter --entity-type topics --entity-name {topic} --add-config {SETTING}={batch_bytes}), or set Router.KAFKA.batchBytes of rudder-server to at most {limit} and pass --batch-bytes {limit} here"
            );
            let failure = Failure::new(Problem::TopicBatchTooLarge, text).advise(advice);
            vec![step, Step::tolerated(Stage::Topic, failure).about(topic)]
        }
        Ok(_) => vec![step],
        Err(why) => {
            step.details.push(format!("{SETTING} is not known: {why}"));
            vec![step]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_whose_max_message_bytes_is_below_the_batch_size_gets_a_warning() {
        let steps = |limit: Result<u64, String>| {
            let step = Step::passed(Stage::Topic, "1 partition").about("orders");
            with_limit(step, &HashMap::from([("orders".to_owned(), limit)]), 1_048_576)
        };
        assert_eq!(steps(Ok(1_048_576)).len(), 1);
        let warned = steps(Ok(1_048_575));
        let warning = warned[1].warning().expect("a warning");
        assert_eq!(warning.problem, Problem::TopicBatchTooLarge);
        assert!(warning.advice().contains("--entity-name orders "), "{}", warning.advice());
        let unknown = steps(Err("x".to_owned()));
        assert_eq!(
            (unknown.len(), unknown[0].details.as_slice()),
            (1, &["max.message.bytes is not known: x".to_owned()][..])
        );
    }
}
