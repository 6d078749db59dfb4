//! What a simulated producer makes of an answer: acknowledged, to be sent again, or a complaint.
//! It sends nothing itself but a batch of an epoch that is over, which nobody may append.

use bytes::Bytes;
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest};
use kring_io::Instant;
use kring_wire::ErrorCode;

use super::encode::{self, Identity};
use super::{About, BACKOFF, INIT_VERSION, PATIENCE, PRODUCE_VERSION, Producer};
use crate::client::{ClientOutput, codec};
use crate::history::Happened;

impl Producer {
    pub(super) fn answered(
        &mut self,
        now: Instant,
        about: About,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        match about {
            About::Init => match codec::answer::<InitProducerIdRequest>(INIT_VERSION, answer) {
                Some(response) if response.error_code == 0 => {
                    let identity = Identity {
                        id: response.producer_id.0,
                        epoch: response.producer_epoch,
                        begins: self.next,
                        transactional: false,
                    };
                    self.initialised(identity, out);
                }
                _ => self.try_at = now + BACKOFF,
            },
            About::Batch(first) => self.produced(now, first, answer, out),
            // Whether it was appended is for the checks to say.
            About::Ghost => {}
        }
    }

    fn produced(&mut self, now: Instant, first: u64, answer: &Bytes, out: &mut ClientOutput) {
        let response = codec::answer::<ProduceRequest>(PRODUCE_VERSION, answer);
        let result = response.and_then(|mut r| r.responses.pop()?.partition_responses.pop());
        let Some(place) = self.batches.iter().position(|b| b.records.first == first) else {
            return;
        };
        let Some(result) = result else {
            let fact = format!(
                "producer {}: an answer to Produce cannot be read",
                self.name
            );
            out.complaints.push(fact);
            self.waits_again(first);
            return self.again(now);
        };
        match ErrorCode::from_code(result.error_code) {
            Some(ErrorCode::None) => self.acknowledged(now, place, result.base_offset, out),
            Some(code) if is_retriable(code, place) => {
                self.waits_again(first);
                self.again(now);
            }
            code => {
                let reason = result.error_message.as_deref().unwrap_or_default();
                out.complaints.push(format!(
                    "producer {} partition {} at {} ms: {code:?} ({reason})",
                    self.name,
                    self.partition,
                    now.0 / 1_000_000
                ));
                self.waits_again(first);
                self.again(now);
            }
        }
    }

    fn acknowledged(&mut self, now: Instant, place: usize, offset: i64, out: &mut ClientOutput) {
        let Some(batch) = self.batches.remove(place) else {
            return;
        };
        out.happened.push(Happened::Acknowledged {
            records: batch.records,
            partition: self.partition,
            offset,
        });
        // The new epoch has begun there: whatever of the old one comes now comes too late.
        let leader = self.metadata.leader(self.partition.index);
        if let (Some(leader), Some(ghost)) = (leader, self.ghost.take()) {
            let request = encode::request(self.topic, self.partition.index, ghost);
            let about = About::Ghost;
            self.calls
                .send(now, leader, PRODUCE_VERSION, &request, PATIENCE, about, out);
        }
    }
}

/// Errors after which Kafka's clients ask for metadata and send the same batch again. A batch behind
/// another may come out of order; the first one cannot.
fn is_retriable(code: ErrorCode, place: usize) -> bool {
    matches!(
        code,
        ErrorCode::NotLeaderOrFollower
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::RequestTimedOut
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::KafkaStorageError
            | ErrorCode::BrokerNotAvailable
            | ErrorCode::NetworkException
    ) || (code == ErrorCode::OutOfOrderSequenceNumber && place > 0)
}
