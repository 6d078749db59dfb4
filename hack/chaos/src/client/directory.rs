//! Who leads which partition of a topic, asked of any broker and shared by the clients of an episode.
//! It is a hint: the broker that is asked decides.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::connection::Connection;

/// Version of the requests.
const VERSION: i16 = 12;
/// Time until another broker is asked.
const PATIENCE: Duration = Duration::from_millis(1_000);

/// Leaders of the partitions of one topic.
#[derive(Debug)]
pub(crate) struct Directory {
    topic: String,
    brokers: Vec<SocketAddr>,
    next: AtomicUsize,
    leaders: Mutex<BTreeMap<i32, usize>>,
}

impl Directory {
    /// Knows nothing yet.
    pub(crate) fn new(topic: &str, brokers: Vec<SocketAddr>) -> Directory {
        Directory {
            topic: topic.to_owned(),
            brokers,
            next: AtomicUsize::new(0),
            leaders: Mutex::new(BTreeMap::new()),
        }
    }

    /// The topic.
    pub(crate) fn topic(&self) -> TopicName {
        TopicName(StrBytes::from_string(self.topic.clone()))
    }

    /// Where a broker listens.
    pub(crate) fn address(&self, broker: usize) -> SocketAddr {
        self.brokers[broker]
    }

    /// Any broker, another one each time.
    pub(crate) fn any(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.brokers.len()
    }

    /// Who leads a partition; asks one broker if that is not known.
    pub(crate) fn leader(&self, partition: i32) -> Option<usize> {
        let known = |leaders: &BTreeMap<i32, usize>| leaders.get(&partition).copied();
        if let Some(leader) = known(&self.leaders.lock().expect("no client panics")) {
            return Some(leader);
        }
        let partitions = self.ask(self.any()).ok()?;
        let mut leaders = self.leaders.lock().expect("no client panics");
        for partition in partitions {
            let leader = usize::try_from(partition.leader_id.0).ok();
            if let (Some(leader), 0) = (leader, partition.error_code) {
                leaders.insert(partition.partition_index, leader);
            }
        }
        known(&leaders)
    }

    /// Forgets a leader that turned out not to be one.
    pub(crate) fn forget(&self, partition: i32, leader: usize) {
        let mut leaders = self.leaders.lock().expect("no client panics");
        // Another client may know better by now.
        if leaders.get(&partition) == Some(&leader) {
            leaders.remove(&partition);
        }
    }

    /// What a broker says about the partitions of the topic.
    pub(crate) fn ask(&self, broker: usize) -> io::Result<Vec<MetadataResponsePartition>> {
        let mut connection = Connection::open(self.brokers[broker], PATIENCE)?;
        let topic = MetadataRequestTopic::default().with_name(Some(self.topic()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(false);
        let response = connection.call(VERSION, &request)?;
        let topic = response.topics.into_iter().next();
        Ok(topic.map(|topic| topic.partitions).unwrap_or_default())
    }
}
