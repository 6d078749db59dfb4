//! A client's view of who leads which partition, refreshed from any broker.
//! It asks one broker at a time and never gives up.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant};

use super::{ClientOutput, codec};

/// Version of the requests.
const VERSION: i16 = 12;
/// Time until another broker is asked.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// Leaders of one topic.
#[derive(Debug)]
pub struct Metadata {
    topic: String,
    brokers: Vec<BrokerId>,
    next_broker: usize,
    leaders: BTreeMap<i32, BrokerId>,
    asked: Option<(i32, BrokerId, Instant)>,
}

impl Metadata {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(topic: &str, brokers: Vec<BrokerId>, first: usize) -> Metadata {
        Metadata {
            topic: topic.to_owned(),
            next_broker: first,
            brokers,
            leaders: BTreeMap::new(),
            asked: None,
        }
    }

    /// Who leads a partition, as far as known.
    #[must_use]
    pub fn leader(&self, partition: i32) -> Option<BrokerId> {
        self.leaders.get(&partition).copied()
    }

    /// Forgets a leader that turned out not to be one.
    pub fn forget(&mut self, partition: i32) {
        self.leaders.remove(&partition);
    }

    /// Any broker, another one each time.
    pub fn any_broker(&mut self) -> BrokerId {
        self.next_broker = (self.next_broker + 1) % self.brokers.len();
        self.brokers[self.next_broker]
    }

    /// Asks, unless a question is under way.
    pub fn ask(&mut self, now: Instant, correlation: i32, out: &mut ClientOutput) {
        if self.asked.is_some_and(|(_, _, until)| now < until) {
            return;
        }
        let broker = self.any_broker();
        let topic = MetadataRequestTopic::default()
            .with_name(Some(TopicName(StrBytes::from_string(self.topic.clone()))));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(false);
        out.sends
            .push((broker, codec::frame(correlation, VERSION, &request)));
        self.asked = Some((correlation, broker, now + PATIENCE));
    }

    /// Gives the question up that was under way to a broker.
    pub fn disconnected(&mut self, broker: BrokerId) {
        if self.asked.is_some_and(|(_, to, _)| to == broker) {
            self.asked = None;
        }
    }

    /// Takes an answer; false if it is not one to the question.
    pub fn answered(&mut self, answer: &Bytes) -> bool {
        let Some((asked, _, _)) = self.asked else {
            return false;
        };
        if codec::correlation(answer) != Some(asked) {
            return false;
        }
        self.asked = None;
        let Some(response) = codec::answer::<MetadataRequest>(VERSION, answer) else {
            return true;
        };
        for topic in response.topics {
            for partition in topic.partitions {
                let leader = partition.leader_id.0;
                if partition.error_code == 0 && leader >= 0 {
                    self.leaders
                        .insert(partition.partition_index, BrokerId(leader));
                } else {
                    self.leaders.remove(&partition.partition_index);
                }
            }
        }
        true
    }
}
