//! What a transactional producer asks: of the coordinator of its transactions, of that of its group, and of leaders.
//! It keeps no state.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, FindCoordinatorRequest,
    GroupId, InitProducerIdRequest, OffsetFetchRequest, ProduceRequest, ProducerId, TopicName,
    TransactionalId, TxnOffsetCommitRequest,
};
use kafka_protocol::protocol::StrBytes;

use crate::client::producer::encode;
use crate::topics::Topic;

pub(super) const FIND: i16 = 3;
pub(super) const ADD: i16 = 3;
pub(super) const ADD_OFFSETS: i16 = 3;
/// The first with `require_stable`.
pub(super) const OFFSETS: i16 = 7;

/// Which coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Group,
    Transactions,
}

/// How a producer's transactions work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Partitions and groups are added by requests of their own; all transactions of a process have one epoch (KIP-98).
    V1,
    /// Partitions and groups are added by what is sent to them; each transaction has an epoch of its own (KIP-890).
    V2,
}

impl Protocol {
    pub(super) fn adds(self) -> bool {
        self == Protocol::V1
    }

    pub(super) fn init(self) -> i16 {
        self.of(4, 5)
    }

    /// Both are the last with topic names.
    pub(super) fn produce(self) -> i16 {
        self.of(11, 12)
    }

    pub(super) fn commit_offsets(self) -> i16 {
        self.of(3, 5)
    }

    pub(super) fn end(self) -> i16 {
        self.of(3, 5)
    }

    fn of(self, v1: i16, v2: i16) -> i16 {
        match self {
            Protocol::V1 => v1,
            Protocol::V2 => v2,
        }
    }
}

/// A producer id with an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// Under which names a producer asks.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) transactional_id: StrBytes,
    pub(super) group: StrBytes,
}

impl Names {
    fn transactional_id(&self) -> TransactionalId {
        TransactionalId(self.transactional_id.clone())
    }

    fn group(&self) -> GroupId {
        GroupId(self.group.clone())
    }

    pub(super) fn find(&self, kind: Kind) -> FindCoordinatorRequest {
        let (key, key_type) = match kind {
            Kind::Group => (&self.group, 0),
            Kind::Transactions => (&self.transactional_id, 1),
        };
        FindCoordinatorRequest::default()
            .with_key(key.clone())
            .with_key_type(key_type)
    }

    /// `known` is what a producer has that wants another epoch after an error (KIP-360).
    pub(super) fn init(&self, timeout_ms: i32, known: Option<Identity>) -> InitProducerIdRequest {
        let (id, epoch) = known.map_or((-1, -1), |known| (known.id, known.epoch));
        InitProducerIdRequest::default()
            .with_transactional_id(Some(self.transactional_id()))
            .with_transaction_timeout_ms(timeout_ms)
            .with_producer_id(ProducerId(id))
            .with_producer_epoch(epoch)
    }

    /// Where the group stands in every partition of a topic, once no transaction may change that.
    pub(super) fn offsets(&self, topic: Topic) -> OffsetFetchRequest {
        let topic = OffsetFetchRequestTopic::default()
            .with_name(name(topic))
            .with_partition_indexes((0..topic.partitions).collect());
        OffsetFetchRequest::default()
            .with_group_id(self.group())
            .with_require_stable(true)
            .with_topics(Some(vec![topic]))
    }

    pub(super) fn add(
        &self,
        of: Identity,
        topic: Topic,
        partitions: Vec<i32>,
    ) -> AddPartitionsToTxnRequest {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(name(topic))
            .with_partitions(partitions);
        AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(self.transactional_id())
            .with_v3_and_below_producer_id(ProducerId(of.id))
            .with_v3_and_below_producer_epoch(of.epoch)
            .with_v3_and_below_topics(vec![topic])
    }

    pub(super) fn produce(
        &self,
        topic: Topic,
        batches: impl IntoIterator<Item = (i32, Bytes)>,
    ) -> ProduceRequest {
        encode::request_of(topic, batches).with_transactional_id(Some(self.transactional_id()))
    }

    pub(super) fn add_offsets(&self, of: Identity) -> AddOffsetsToTxnRequest {
        AddOffsetsToTxnRequest::default()
            .with_transactional_id(self.transactional_id())
            .with_producer_id(ProducerId(of.id))
            .with_producer_epoch(of.epoch)
            .with_group_id(self.group())
    }

    pub(super) fn commit_offsets(
        &self,
        of: Identity,
        topic: Topic,
        offsets: &BTreeMap<i32, i64>,
    ) -> TxnOffsetCommitRequest {
        let partitions = offsets.iter().map(|(index, offset)| {
            TxnOffsetCommitRequestPartition::default()
                .with_partition_index(*index)
                .with_committed_offset(*offset)
                .with_committed_leader_epoch(-1)
        });
        let topic = TxnOffsetCommitRequestTopic::default()
            .with_name(name(topic))
            .with_partitions(partitions.collect());
        TxnOffsetCommitRequest::default()
            .with_transactional_id(self.transactional_id())
            .with_group_id(self.group())
            .with_producer_id(ProducerId(of.id))
            .with_producer_epoch(of.epoch)
            .with_generation_id(-1)
            .with_topics(vec![topic])
    }

    pub(super) fn end(&self, of: Identity, commit: bool) -> EndTxnRequest {
        EndTxnRequest::default()
            .with_transactional_id(self.transactional_id())
            .with_producer_id(ProducerId(of.id))
            .with_producer_epoch(of.epoch)
            .with_committed(commit)
    }
}

fn name(topic: Topic) -> TopicName {
    TopicName(StrBytes::from_static_str(topic.name))
}
