//! What the broker counts, and a snapshot of it for the node's `/metrics`.
//! It knows no exposition format and keeps no history.

use std::collections::BTreeMap;

use kring_controller::ControllerError;
use kring_log::LogStats;
use kring_transactions::TransactionsStats;
use kring_wire::{LeaderEpoch, Offset, TopicId};

use crate::broker::Broker;
use crate::dispatch;
pub use crate::lag::{GroupOffsetMetrics, GroupTopicMetrics};

/// Counters of the requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    requests: BTreeMap<i16, u64>,
    pub(crate) refused_requests: u64,
    produced_bytes: BTreeMap<TopicId, u64>,
    produced_batches: BTreeMap<TopicId, u64>,
    fetched_bytes: u64,
}

impl Counters {
    /// A request of a served API came.
    pub(crate) fn request(&mut self, key: i16) {
        *self.requests.entry(key).or_default() += 1;
    }

    /// A batch was appended for a client.
    pub(crate) fn produced(&mut self, topic: TopicId, bytes: u64) {
        *self.produced_bytes.entry(topic).or_default() += bytes;
        *self.produced_batches.entry(topic).or_default() += 1;
    }

    /// Records were given to a client.
    pub(crate) fn fetched(&mut self, bytes: u64) {
        self.fetched_bytes += bytes;
    }

    /// A topic is gone.
    pub(crate) fn forget(&mut self, topic: TopicId) {
        self.produced_bytes.remove(&topic);
        self.produced_batches.remove(&topic);
    }
}

/// A partition on this broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetrics {
    /// Name of the topic.
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
    /// Whether this broker leads it.
    pub leads: bool,
    /// Epoch of its leader.
    pub leader_epoch: LeaderEpoch,
    /// Brokers that hold a replica.
    pub replicas: u64,
    /// Of those, the in-sync ones.
    pub in_sync_replicas: u64,
    /// First offset.
    pub log_start: Offset,
    /// Offset of the next record.
    pub log_end: Offset,
    /// Everything below is committed.
    pub high_watermark: Offset,
    /// Bytes of the log.
    pub size_bytes: u64,
    /// Why this follower does not get on, if it does not.
    pub stalled: Option<String>,
}

/// Everything at one moment.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Whether this broker has recovered, is registered and unfenced.
    pub ready: bool,
    /// Whether this broker is the active controller.
    pub active_controller: bool,
    /// Brokers that are registered.
    pub brokers: u64,
    /// Of those, the unfenced.
    pub live_brokers: u64,
    /// Topics of the cluster.
    pub topics: u64,
    /// Partitions of the cluster.
    pub partitions: u64,
    /// Partitions of the cluster without a leader.
    pub offline_partitions: u64,
    /// Partitions that this broker leads.
    pub leaders: u64,
    /// Group coordinators that serve here.
    pub coordinators: u64,
    /// Transactions that are coordinated here.
    pub transactions: TransactionsStats,
    /// Requests by API name.
    pub requests: Vec<(&'static str, u64)>,
    /// Connections that were closed because of what they sent.
    pub refused_requests: u64,
    /// Produce requests that wait.
    pub waiting_produce: u64,
    /// Fetch requests that wait.
    pub waiting_fetch: u64,
    /// Fetch sessions that are kept.
    pub fetch_sessions: u64,
    /// Partitions of all these.
    pub fetch_session_partitions: u64,
    /// Fetch sessions that had to go before their client ended them.
    pub fetch_session_evictions: u64,
    /// Bytes appended for clients, by topic name.
    pub produced_bytes: Vec<(String, u64)>,
    /// Batches appended for clients, by topic name.
    pub produced_batches: Vec<(String, u64)>,
    /// Bytes of records given to clients.
    pub fetched_bytes: u64,
    /// Connections by client library and version.
    pub connections: Vec<(String, String, u64)>,
    /// The partitions with a replica here.
    pub replicas: Vec<PartitionMetrics>,
    /// By follower, the records that its worst replica lacks, of the partitions led here.
    pub replica_lag_records: BTreeMap<i32, u64>,
    /// Members of each group coordinated here.
    pub group_members: Vec<(String, u64)>,
    /// Partitions of each topic of the cluster, where this broker is the active controller.
    pub topic_partitions: Vec<(String, u64)>,
    /// What the groups coordinated here have committed, up to `kring.metrics.group.partitions.max`.
    pub group_offsets: Vec<GroupOffsetMetrics>,
    /// The same by topic, of all partitions.
    pub group_topics: Vec<GroupTopicMetrics>,
    /// Partitions that are in the sums of `group_topics` only.
    pub group_partitions_left_out: u64,
    /// Whether the disk does not answer, so that this broker does not claim to be able to lead.
    pub disk_hangs: bool,
    /// How often that began.
    pub disk_hangs_total: u64,
    /// The log's own counters.
    pub log: LogStats,
    /// The wall clock, in milliseconds since the Unix epoch; set by whoever asks.
    pub wall_ms: i64,
}

impl Broker {
    /// Counts everything. It visits every partition: for a scrape, not for each request.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let image = self.image();
        let health = image.health(&self.cluster_defaults);
        let lag = self.lag_report();
        Metrics {
            ready: self.not_ready_reason().is_none(),
            active_controller: self.is_active_controller(),
            brokers: image.brokers.len() as u64,
            live_brokers: image.brokers.values().filter(|b| !b.fenced).count() as u64,
            topics: image.topics.len() as u64,
            partitions: health.partitions,
            offline_partitions: health.offline,
            leaders: self.replicas.led().count() as u64,
            coordinators: self.coordinators.serving_groups(),
            transactions: self.transactions.stats(),
            requests: dispatch::APIS
                .iter()
                .map(|api| {
                    (
                        api.name,
                        self.counters.requests.get(&api.key).copied().unwrap_or(0),
                    )
                })
                .collect(),
            refused_requests: self.counters.refused_requests,
            waiting_produce: self.produce.len() as u64,
            waiting_fetch: self.fetch.len() as u64,
            fetch_sessions: self.fetch.sessions.len() as u64,
            fetch_session_partitions: self.fetch.sessions.partitions() as u64,
            fetch_session_evictions: self.fetch.sessions.evictions(),
            produced_bytes: self.by_topic_name(&self.counters.produced_bytes),
            produced_batches: self.by_topic_name(&self.counters.produced_batches),
            fetched_bytes: self.counters.fetched_bytes,
            connections: self
                .sessions
                .by_software()
                .into_iter()
                .map(|((name, version), count)| (name, version, count))
                .collect(),
            replicas: self.partition_metrics(),
            replica_lag_records: self.replica_lag_records(),
            group_members: self
                .groups
                .member_counts()
                .map(|(group, count)| (group.to_owned(), count as u64))
                .collect(),
            topic_partitions: self.topic_partition_counts(),
            group_offsets: lag.partitions,
            group_topics: lag.topics,
            group_partitions_left_out: lag.partitions_left_out,
            disk_hangs: self.disk_watch.hangs(),
            disk_hangs_total: self.disk_watch.hangs_total,
            log: *self.log.stats(),
            wall_ms: 0,
        }
    }

    /// Whether this broker takes itself for the active controller.
    #[must_use]
    pub fn is_active_controller(&self) -> bool {
        self.controller.as_ref().is_some_and(|c| c.is_active())
    }

    /// Why this broker does not serve, if it does not.
    #[must_use]
    pub fn not_ready_reason(&self) -> Option<String> {
        if self.controller.is_none() {
            Some("the log is being recovered".to_owned())
        } else if self.shutdown.is_under_way() {
            Some("the broker is shutting down".to_owned())
        } else if let Some(refused) = self.registration_refused() {
            Some(format!(
                "the active controller does not register the broker: {refused}"
            ))
        } else if !self.opened {
            Some("the broker is not yet registered with the active controller".to_owned())
        } else if self.disk_watch.hangs() {
            Some("the disk does not answer".to_owned())
        } else if !crate::cluster::is_live(self.image(), self.id()) {
            Some("the active controller has fenced the broker".to_owned())
        } else {
            None
        }
    }

    /// By follower, the records that its worst replica lacks, of the partitions led here.
    pub(crate) fn replica_lag_records(&self) -> BTreeMap<i32, u64> {
        let mut worst = BTreeMap::new();
        for tp in self.replicas.led() {
            let Some(leader) = self.replicas.engine().leader_state(tp, &self.log) else {
                continue;
            };
            for follower in leader.followers {
                let known: &mut u64 = worst.entry(follower.broker.0).or_default();
                *known = (*known).max(u64::try_from(follower.lag_records).unwrap_or(0));
            }
        }
        worst
    }

    fn topic_partition_counts(&self) -> Vec<(String, u64)> {
        if !self.controller.as_ref().is_some_and(|c| c.is_active()) {
            return Vec::new();
        }
        let topics = self.image().topics.values();
        topics
            .map(|topic| (topic.name.clone(), topic.partitions.len() as u64))
            .collect()
    }

    fn registration_refused(&self) -> Option<&ControllerError> {
        self.controller
            .as_ref()
            .and_then(|controller| controller.registration_refused())
    }

    fn by_topic_name(&self, counts: &BTreeMap<TopicId, u64>) -> Vec<(String, u64)> {
        let image = self.image();
        let named = |(id, count): (&TopicId, &u64)| {
            let topic = image.topics.get(id)?;
            Some((topic.name.clone(), *count))
        };
        counts.iter().filter_map(named).collect()
    }

    fn partition_metrics(&self) -> Vec<PartitionMetrics> {
        let image = self.image();
        self.log
            .partitions()
            .filter_map(|tp| {
                let topic = image.topics.get(&tp.topic)?;
                let partition = image.partition(tp)?;
                let state = self.log.state(tp)?;
                Some(PartitionMetrics {
                    topic: topic.name.clone(),
                    partition: tp.partition,
                    leads: self.led_epoch(tp).is_some(),
                    leader_epoch: partition.leader_epoch,
                    replicas: partition.replicas.len() as u64,
                    in_sync_replicas: partition.isr.len() as u64,
                    log_start: state.log_start,
                    log_end: state.log_end,
                    high_watermark: state.high_watermark,
                    size_bytes: state.size_bytes,
                    stalled: self
                        .replicas
                        .engine()
                        .following(tp)
                        .and_then(|following| following.stalled),
                })
            })
            .collect()
    }
}
