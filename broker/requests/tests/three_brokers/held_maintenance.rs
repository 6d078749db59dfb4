//! A broker that is drained and stays in maintenance, as when the operator dies after the drain.
//! Producers repeat what is refused, as idempotent clients do; how a broker is drained is tested elsewhere.

use std::time::Duration;

use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, TopicName};
use kring_admin_api as api;
use kring_io::{BrokerId, Instant};
use kring_requests::AdminRequest;
use kring_wire::BatchBuilder;
use kring_wire::ids::ProducerId;

use crate::harness::{Cluster, text};

const PARTITIONS: usize = 12;
const TICK: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// One partition as its producer sees it.
struct Writer {
    leader: BrokerId,
    sequence: i32,
    under_way: Option<u64>,
    acknowledged_at: Instant,
    longest_pause: Duration,
}

struct Producer {
    id: ProducerId,
    writers: Vec<Writer>,
}

impl Producer {
    fn new(cluster: &mut Cluster) -> Producer {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(1_000);
        let answer = cluster.ask(BrokerId(0), 3, &request);
        assert_eq!(answer.error_code, 0);
        let writer = |_| Writer {
            leader: BrokerId(0),
            sequence: 0,
            under_way: None,
            acknowledged_at: cluster.now(),
            longest_pause: Duration::ZERO,
        };
        let mut producer = Producer {
            id: answer.producer_id.0,
            writers: (0..PARTITIONS).map(writer).collect(),
        };
        producer.look_up_leaders(cluster);
        producer
    }

    fn look_up_leaders(&mut self, cluster: &mut Cluster) {
        for partition in cluster.partitions(BrokerId(0), "t") {
            let at = usize::try_from(partition.partition_index).unwrap();
            self.writers[at].leader = BrokerId(partition.leader_id.0);
        }
    }

    fn run_for(&mut self, cluster: &mut Cluster, time: Duration) {
        let end = cluster.now() + time;
        while cluster.now() < end {
            if self.take_answers(cluster) {
                self.look_up_leaders(cluster);
            }
            self.send(cluster);
            cluster.run_for(TICK);
        }
    }

    /// Says whether something was refused.
    fn take_answers(&mut self, cluster: &mut Cluster) -> bool {
        let mut refused = false;
        for writer in &mut self.writers {
            let Some(number) = writer.under_way.filter(|number| cluster.answered(*number)) else {
                continue;
            };
            writer.under_way = None;
            let answer = cluster.receive::<ProduceRequest>(9, number);
            let row = &answer.responses[0].partition_responses[0];
            if row.error_code != 0 {
                refused = true;
                continue;
            }
            assert_eq!(
                row.base_offset,
                i64::from(writer.sequence),
                "a record came twice or was lost"
            );
            writer.sequence += 1;
            writer.heard(cluster.now());
            writer.acknowledged_at = cluster.now();
        }
        refused
    }

    fn send(&mut self, cluster: &mut Cluster) {
        for (at, writer) in self.writers.iter_mut().enumerate() {
            if writer.under_way.is_some() || writer.leader.0 < 0 {
                continue;
            }
            let mut batch = BatchBuilder::new().producer(self.id, 0, writer.sequence);
            batch.push(1_700_000_000_000, None, Some(b"value"));
            let partition = PartitionProduceData::default()
                .with_index(i32::try_from(at).unwrap())
                .with_records(Some(batch.build()));
            let topic = TopicProduceData::default()
                .with_name(TopicName(text("t")))
                .with_partition_data(vec![partition]);
            let request = ProduceRequest::default()
                .with_acks(-1)
                .with_timeout_ms(30_000)
                .with_topic_data(vec![topic]);
            writer.under_way = Some(cluster.send(writer.leader, 9, &request));
        }
    }
}

impl Writer {
    fn heard(&mut self, now: Instant) {
        self.longest_pause = self.longest_pause.max(now.since(self.acknowledged_at));
    }
}

#[test]
fn while_maintenance_is_held_no_partition_pauses_for_long() {
    for drained in [1, 0] {
        let mut cluster = Cluster::new();
        cluster.create("t", i32::try_from(PARTITIONS).unwrap());
        let mut producer = Producer::new(&mut cluster);
        producer.run_for(&mut cluster, Duration::from_millis(500));
        let on = AdminRequest::Maintenance(api::MaintenanceRequest {
            broker: drained,
            on: true,
            epoch: 1,
            ttl_s: 120,
        });
        cluster.admin(BrokerId(2), on).unwrap();
        producer.run_for(&mut cluster, Duration::from_secs(5));
        let now = cluster.now();
        for (at, writer) in producer.writers.iter_mut().enumerate() {
            writer.heard(now);
            assert_ne!(
                writer.leader,
                BrokerId(drained),
                "partition {at} is still led by broker {drained}"
            );
            assert!(
                writer.longest_pause < PAUSE_MAX,
                "partition {at}: {:?}",
                writer.longest_pause
            );
            assert!(writer.sequence > 50, "partition {at}: {}", writer.sequence);
        }
    }
}
