//! Short words for what producers, leaders and administrators do in the rules.
//! It expects nothing.

use kring_transactions::{
    AddPartitions, EndOutcome, EndTransaction, InitOutcome, InitProducer, TransactionRequest,
    TransactionResponse, TransactionState, TransactionVersion, VerifyPartitions, WriteMarker,
};
use kring_wire::ErrorCode;

use super::harness::Coordinator;

pub(crate) use ErrorCode::{
    ConcurrentTransactions, CoordinatorNotAvailable, InvalidProducerIdMapping, InvalidTxnState,
    None as Ok_, ProducerFenced,
};
pub(crate) use TransactionState::{
    CompleteAbort, CompleteCommit, Empty, Ongoing, PrepareAbort, PrepareCommit,
};
pub(crate) use TransactionVersion::{V1, V2};

/// The transactional id under test.
pub(crate) const NAME: &str = "txn";
/// The producer id that an Init offers.
pub(crate) const FRESH: i64 = 1000;
/// The last epoch that a producer is given.
pub(crate) const LAST_EPOCH: i16 = i16::MAX - 1;

/// An error with a producer id and an epoch.
pub(crate) type Told = (ErrorCode, i64, i16);
/// A producer id and an epoch.
pub(crate) type Producer = (i64, i16);

pub(crate) fn init_request(producer: Producer, fresh: i64) -> TransactionRequest {
    TransactionRequest::Init(InitProducer {
        transactional_id: NAME.to_owned(),
        timeout_ms: 60_000,
        producer_id: producer.0,
        producer_epoch: producer.1,
        fresh_producer_id: fresh,
    })
}

pub(crate) fn add_request(
    producer: Producer,
    version: TransactionVersion,
    topics: &[(&str, &[i32])],
) -> TransactionRequest {
    TransactionRequest::Add(AddPartitions {
        transactional_id: NAME.to_owned(),
        producer_id: producer.0,
        producer_epoch: producer.1,
        topics: owned(topics),
        client_version: version,
    })
}

pub(crate) fn end_request(
    producer: Producer,
    commit: bool,
    version: TransactionVersion,
) -> TransactionRequest {
    TransactionRequest::End(EndTransaction {
        transactional_id: NAME.to_owned(),
        producer_id: producer.0,
        producer_epoch: producer.1,
        commit,
        client_version: version,
        fresh_producer_id: Some(FRESH + 500),
    })
}

pub(crate) fn owned(topics: &[(&str, &[i32])]) -> Vec<(String, Vec<i32>)> {
    let owned = topics
        .iter()
        .map(|(topic, partitions)| ((*topic).to_owned(), partitions.to_vec()));
    owned.collect()
}

pub(crate) fn told(response: TransactionResponse) -> Told {
    match response {
        TransactionResponse::Init(InitOutcome {
            error,
            producer_id,
            producer_epoch,
        })
        | TransactionResponse::End(EndOutcome {
            error,
            producer_id,
            producer_epoch,
        }) => (error, producer_id, producer_epoch),
        TransactionResponse::Add(outcome) => (outcome.topics[0].1[0].1, -1, -1),
        TransactionResponse::Describe(described) => (described.error, -1, -1),
    }
}

impl Coordinator {
    /// A new producer.
    pub(crate) fn init(&mut self) -> Told {
        told(self.ask(init_request((-1, -1), FRESH)))
    }

    /// A producer that goes on.
    pub(crate) fn init_as(&mut self, producer: Producer) -> Told {
        told(self.ask(init_request(producer, FRESH + 100)))
    }

    pub(crate) fn add(
        &mut self,
        producer: Producer,
        version: TransactionVersion,
        topics: &[(&str, &[i32])],
    ) -> ErrorCode {
        told(self.ask(add_request(producer, version, topics))).0
    }

    pub(crate) fn verify(
        &mut self,
        producer: Producer,
        topics: &[(&str, &[i32])],
    ) -> Vec<ErrorCode> {
        let request = TransactionRequest::Verify(VerifyPartitions {
            transactional_id: NAME.to_owned(),
            producer_id: producer.0,
            producer_epoch: producer.1,
            topics: owned(topics),
        });
        match self.ask(request) {
            TransactionResponse::Add(outcome) => {
                let partitions = outcome.topics.into_iter().flat_map(|(_, p)| p);
                partitions.map(|(_, error)| error).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn end(
        &mut self,
        producer: Producer,
        commit: bool,
        version: TransactionVersion,
    ) -> Told {
        told(self.ask(end_request(producer, commit, version)))
    }

    pub(crate) fn state(&mut self) -> TransactionState {
        self.describe(NAME).state
    }

    /// The producer that is stored.
    pub(crate) fn producer(&mut self) -> Producer {
        let described = self.describe(NAME);
        (described.producer_id, described.producer_epoch)
    }

    /// The markers asked for since the last look.
    pub(crate) fn take_markers(&mut self) -> Vec<WriteMarker> {
        std::mem::take(&mut self.markers)
    }

    /// Every leader writes the markers it is asked for.
    pub(crate) fn write_markers(&mut self) {
        for marker in self.take_markers() {
            for (topic, partitions) in &marker.topics {
                for partition in partitions {
                    self.marker_written(marker.id, (topic, *partition), Ok(()));
                }
            }
        }
    }

    /// An ongoing transaction of a new producer with partition 0 of `t`.
    pub(crate) fn begin(&mut self, version: TransactionVersion) -> Producer {
        let (error, id, epoch) = self.init();
        assert_eq!(error, Ok_);
        assert_eq!(self.add((id, epoch), version, &[("t", &[0])]), Ok_);
        (id, epoch)
    }

    /// A producer in its second version commits until it has the last epoch.
    pub(crate) fn use_up_epochs(&mut self, version: TransactionVersion) -> Producer {
        let (_, id, mut epoch) = self.init();
        while epoch < LAST_EPOCH {
            epoch = match version {
                V1 => self.init().2,
                V2 => self.end((id, epoch), false, V2).2,
            };
        }
        (id, epoch)
    }
}
