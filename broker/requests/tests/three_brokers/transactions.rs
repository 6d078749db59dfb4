//! Transactions whose coordinator, partitions and group are on different brokers, and what becomes of them when one dies.
//! The protocol itself is tested with one broker.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    EndTxnRequest, FetchRequest, FindCoordinatorRequest, InitProducerIdRequest, ProduceRequest,
    TopicName, TransactionalId,
};
use kring_io::BrokerId;
use kring_wire::BatchBuilder;

use crate::harness::{Cluster, ids, text};

const PARTITIONS: i32 = 6;
const START_MS: i64 = 1_700_000_000_000;
const TRIES_MAX: u32 = 2_000;
const PAUSE: Duration = Duration::from_millis(10);

/// A transactional producer that looks for whom to ask and comes again, as clients do.
struct Producer {
    id: TransactionalId,
    producer: (i64, i16),
    /// Next sequence number of each partition.
    sequences: Vec<i32>,
}

fn alive(cluster: &Cluster) -> BrokerId {
    ids().into_iter().find(|id| cluster.is_ready(*id)).unwrap()
}

fn coordinator(cluster: &mut Cluster, id: &TransactionalId) -> BrokerId {
    let request = FindCoordinatorRequest::default()
        .with_key_type(1)
        .with_coordinator_keys(vec![id.0.clone()]);
    for _ in 0..TRIES_MAX {
        let asked = alive(cluster);
        let found = cluster.ask(asked, 4, &request).coordinators.remove(0);
        let found_id = BrokerId(found.node_id.0);
        if found.error_code == 0 && cluster.is_ready(found_id) {
            return found_id;
        }
        cluster.run_for(PAUSE);
    }
    panic!("the transactional id has no coordinator");
}

impl Producer {
    fn new(cluster: &mut Cluster, id: &str) -> Producer {
        let id = TransactionalId(text(id));
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(id.clone()))
            .with_transaction_timeout_ms(60_000);
        for _ in 0..TRIES_MAX {
            let to = coordinator(cluster, &id);
            let given = cluster.ask(to, 4, &request);
            if given.error_code == 0 {
                return Producer {
                    id,
                    producer: (given.producer_id.0, given.producer_epoch),
                    sequences: vec![0; PARTITIONS as usize],
                };
            }
            cluster.run_for(PAUSE);
        }
        panic!("no producer id");
    }

    /// Writes one record to a partition.
    fn write(&mut self, cluster: &mut Cluster, partition: i32, value: &str) {
        let sequence = self.sequences[partition as usize];
        let mut batch = BatchBuilder::new()
            .transactional(self.producer.0, self.producer.1)
            .producer(self.producer.0, self.producer.1, sequence);
        batch.push(START_MS, None, Some(value.as_bytes()));
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(batch.build()));
        let topic = TopicProduceData::default()
            .with_name(TopicName(text("t")))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_transactional_id(Some(self.id.clone()))
            .with_acks(-1)
            .with_timeout_ms(1_000)
            .with_topic_data(vec![topic]);
        let mut error = 0;
        for _ in 0..TRIES_MAX {
            let asked = alive(cluster);
            let leader = cluster.partitions(asked, "t")[partition as usize]
                .leader_id
                .0;
            if leader >= 0 && cluster.is_ready(BrokerId(leader)) {
                let answer = cluster.ask(BrokerId(leader), 12, &request);
                error = answer.responses[0].partition_responses[0].error_code;
                if error == 0 {
                    self.sequences[partition as usize] += 1;
                    return;
                }
            }
            cluster.run_for(PAUSE);
        }
        panic!("{value} is not written: {error}");
    }

    fn request(&self, commit: bool) -> EndTxnRequest {
        EndTxnRequest::default()
            .with_transactional_id(self.id.clone())
            .with_producer_id(self.producer.0.into())
            .with_producer_epoch(self.producer.1)
            .with_committed(commit)
    }

    fn end(&mut self, cluster: &mut Cluster, commit: bool) {
        let request = self.request(commit);
        let mut error = 0;
        for _ in 0..TRIES_MAX {
            let to = coordinator(cluster, &self.id);
            let ended = cluster.ask(to, 5, &request);
            error = ended.error_code;
            if error == 0 {
                self.producer = (ended.producer_id.0, ended.producer_epoch);
                self.sequences.fill(0);
                return;
            }
            cluster.run_for(PAUSE);
        }
        panic!("the transaction does not end: {error}");
    }
}

/// What a reader of committed records sees of a partition; `None` while a transaction is open in it.
fn committed(cluster: &mut Cluster, partition: i32) -> Option<Vec<String>> {
    let asked = alive(cluster);
    let leader = BrokerId(
        cluster.partitions(asked, "t")[partition as usize]
            .leader_id
            .0,
    );
    if !ids().contains(&leader) || !cluster.is_ready(leader) {
        return None;
    }
    let ask = FetchPartition::default()
        .with_partition(partition)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(TopicName(text("t")))
        .with_partitions(vec![ask]);
    let request = FetchRequest::default()
        .with_max_bytes(1 << 20)
        .with_isolation_level(1)
        .with_topics(vec![topic]);
    let answer = cluster.ask(leader, 11, &request).responses[0].partitions[0].clone();
    if answer.error_code != 0 || answer.last_stable_offset != answer.high_watermark {
        return None;
    }
    let aborted = answer.aborted_transactions.unwrap_or_default();
    let records: Bytes = answer.records.unwrap_or_default();
    let mut seen = Vec::new();
    let mut skips = false;
    for batch in kring_wire::batches(&records) {
        let (header, batch) = batch.unwrap();
        skips |= aborted
            .iter()
            .any(|a| a.first_offset.cmp(&header.base_offset).is_eq());
        if header.attributes.is_control() {
            skips = false;
        } else if !skips {
            for record in kring_wire::records(&header, &batch).unwrap() {
                let value = record.unwrap().value.unwrap();
                seen.push(String::from_utf8(value.to_vec()).unwrap());
            }
        }
    }
    Some(seen)
}

#[track_caller]
fn sees(cluster: &mut Cluster, expected: &[&str]) {
    for partition in 0..PARTITIONS {
        let mut seen = None;
        for _ in 0..TRIES_MAX {
            seen = committed(cluster, partition);
            if seen.is_some() {
                break;
            }
            cluster.run_for(PAUSE);
        }
        let seen = seen
            .unwrap_or_else(|| panic!("partition {partition} has a transaction without an end"));
        assert_eq!(seen, expected, "partition {partition}");
    }
}

fn begun() -> (Cluster, Producer) {
    let mut cluster = Cluster::new();
    cluster.create("t", PARTITIONS);
    let producer = Producer::new(&mut cluster, "orders");
    (cluster, producer)
}

fn write_everywhere(cluster: &mut Cluster, producer: &mut Producer, value: &str) {
    for partition in 0..PARTITIONS {
        producer.write(cluster, partition, value);
    }
}

#[test]
fn a_transaction_over_partitions_of_all_brokers_is_seen_as_one() {
    let (mut cluster, mut producer) = begun();
    for (value, commit) in [("a", true), ("gone", false), ("b", true)] {
        write_everywhere(&mut cluster, &mut producer, value);
        producer.end(&mut cluster, commit);
    }
    sees(&mut cluster, &["a", "b"]);
}

#[test]
fn a_decision_is_carried_out_although_the_coordinator_dies() {
    // From before the decision is stored to after the last marker.
    for kill_after_us in [0, 500, 1_000, 2_000, 4_000, 8_000, 16_000] {
        let (mut cluster, mut producer) = begun();
        write_everywhere(&mut cluster, &mut producer, "a");
        let coordinator = coordinator(&mut cluster, &producer.id);
        let request = producer.request(true);
        cluster.send(coordinator, 5, &request);
        cluster.run_for(Duration::from_micros(kill_after_us));
        cluster.kill(coordinator);
        // The client asks again, with the epoch it knows.
        producer.end(&mut cluster, true);
        write_everywhere(&mut cluster, &mut producer, "b");
        producer.end(&mut cluster, true);
        sees(&mut cluster, &["a", "b"]);
        cluster.start(coordinator);
        cluster.wait_for_isr(alive(&cluster), "t", 3);
        sees(&mut cluster, &["a", "b"]);
    }
}

#[test]
fn a_transaction_outlives_the_leaders_of_its_partitions() {
    for dead in ids() {
        let (mut cluster, mut producer) = begun();
        write_everywhere(&mut cluster, &mut producer, "a");
        cluster.kill(dead);
        write_everywhere(&mut cluster, &mut producer, "b");
        producer.end(&mut cluster, false);
        write_everywhere(&mut cluster, &mut producer, "c");
        producer.end(&mut cluster, true);
        sees(&mut cluster, &["c"]);
        cluster.start(dead);
        cluster.wait_for_isr(alive(&cluster), "t", 3);
        sees(&mut cluster, &["c"]);
    }
}
