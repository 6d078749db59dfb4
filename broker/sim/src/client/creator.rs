//! A simulated client that creates a topic of a run and asks again until it exists.
//! It does nothing else.

use std::time::Duration;

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{CreateTopicsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant};
use kring_wire::ErrorCode;

use super::{Client, ClientEvent, ClientOutput, codec};
use crate::topics::Topic;

/// Version of the requests.
const VERSION: i16 = 5;
/// Time between tries.
const PATIENCE: Duration = Duration::from_millis(500);

/// The client.
#[derive(Debug)]
pub struct Creator {
    topic: Topic,
    replication_factor: i16,
    brokers: Vec<BrokerId>,
    tries: usize,
    try_at: Instant,
    done: bool,
}

impl Creator {
    /// Wants a topic.
    #[must_use]
    pub fn new(topic: Topic, replication_factor: i16, brokers: Vec<BrokerId>) -> Creator {
        Creator {
            topic,
            replication_factor,
            brokers,
            tries: 0,
            try_at: Instant(0),
            done: false,
        }
    }

    fn request(&self) -> CreateTopicsRequest {
        let configs = self.topic.configs.iter().map(|(name, value)| {
            CreatableTopicConfig::default()
                .with_name(StrBytes::from_static_str(name))
                .with_value(Some(StrBytes::from_static_str(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(TopicName(StrBytes::from_static_str(self.topic.name)))
            .with_num_partitions(self.topic.partitions)
            .with_replication_factor(self.replication_factor)
            .with_configs(configs.collect());
        CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(1_000)
    }
}

impl Client for Creator {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        if let ClientEvent::Answer(answer) = event {
            let response = codec::answer::<CreateTopicsRequest>(VERSION, &answer);
            let code = response
                .and_then(|mut r| r.topics.pop())
                .map(|topic| ErrorCode::from_code(topic.error_code));
            self.done |= matches!(
                code,
                Some(Some(ErrorCode::None | ErrorCode::TopicAlreadyExists))
            );
        }
        if self.done {
            return;
        }
        if self.try_at <= now {
            let request = self.request();
            let broker = self.brokers[self.tries % self.brokers.len()];
            self.tries += 1;
            let correlation = i32::try_from(self.tries).expect("a run has few tries");
            out.sends
                .push((broker, codec::frame(correlation, VERSION, &request)));
            self.try_at = now + PATIENCE;
        }
        out.wake_at = Some(self.try_at);
    }

    fn finish(&mut self) {}

    fn is_idle(&self) -> bool {
        self.done
    }
}
