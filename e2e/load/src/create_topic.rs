//! Creates a topic and waits until every partition has a leader.
//! Where an operator manages topics it is not used.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::arguments::CreateTopic;
use crate::{await_answer::await_answer, client};

const ANSWER: Duration = Duration::from_secs(30);

pub(crate) fn run(wanted: &CreateTopic) -> Result<(), KafkaError> {
    let admin: AdminClient<DefaultClientContext> = client::plain(&wanted.connection).create()?;
    let mut topic = NewTopic::new(
        &wanted.topic,
        wanted.partitions,
        TopicReplication::Fixed(wanted.replication_factor),
    );
    for (key, value) in &wanted.configs {
        topic = topic.set(key, value);
    }
    let options = AdminOptions::new().request_timeout(Some(ANSWER));
    let answers = await_answer(admin.create_topics([&topic], &options))?;
    for answer in answers {
        match answer {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(KafkaError::AdminOp(code)),
        }
    }
    let began = Instant::now();
    while began.elapsed() < ANSWER {
        let metadata = admin.inner().fetch_metadata(Some(&wanted.topic), ANSWER)?;
        let led = metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions())
            .filter(|partition| partition.leader() >= 0)
            .count();
        if i32::try_from(led) == Ok(wanted.partitions) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(KafkaError::AdminOp(RDKafkaErrorCode::LeaderNotAvailable))
}
