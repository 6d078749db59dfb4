//! What followers and leaders say to each other: a postcard header, then the records as they are stored.
//! It is Kring's own; clients never see it.

use bytes::Bytes;
use kring_wire::ids::{LeaderEpoch, Offset, TopicPartition};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Version of the messages, their first byte. Brokers of a cluster may differ by one version while
/// they are rolled, so a change is read for one version before it is sent.
const VERSION: u8 = 1;

/// Version and length of the header.
const PREFIX_BYTES: usize = 5;

/// A follower's conversation with a leader. A new one begins with every connection and after every
/// silence; what belongs to an older one is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(Hash))]
pub(crate) struct SessionId {
    /// Under which registration the follower runs.
    pub(crate) broker_epoch: i64,
    /// Counts from 1 in each run.
    pub(crate) number: u64,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Follower to leader: what changed since the last one, and the wish for more. It replaces a
    /// fetch that the leader still holds.
    Fetch(Fetch),
    /// Follower to leader: more is on the follower's disk.
    Durable {
        /// The conversation.
        session: SessionId,
        /// New durable ends.
        ends: Vec<(TopicPartition, LeaderEpoch, Offset)>,
    },
    /// Leader to follower: the answer to a fetch.
    Fetched(Fetched),
    /// Leader to follower: messages may be lost, begin a new session.
    Restart,
    /// Follower to leader: its log durably begins later. At the end of the enum, as the next one, so that a broker
    /// which does not know it drops this message alone.
    LogStart {
        /// The conversation.
        session: SessionId,
        /// New durable starts.
        starts: Vec<(TopicPartition, LeaderEpoch, Offset)>,
    },
    /// Leader to follower, before it says [`Outcome::OutOfRange`]: what the log below its start would tell.
    Producers {
        /// The conversation.
        session: SessionId,
        tp: TopicPartition,
        leader_epoch: LeaderEpoch,
        /// Where the leader's log starts.
        at: Offset,
        /// As the log gives it.
        producers: Vec<u8>,
    },
}

/// What a follower asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fetch {
    /// The conversation. With a new one the leader forgets the one before.
    pub(crate) session: SessionId,
    /// Counts the fetches of the conversation from 1.
    pub(crate) seq: u64,
    /// How long the leader may hold it.
    pub(crate) max_wait_ms: u32,
    /// Record bytes in the answer; a first batch goes whole.
    pub(crate) max_bytes: u32,
    /// Partitions that are new or whose state changed.
    pub(crate) partitions: Vec<FetchPartition>,
    /// Partitions that the follower no longer fetches from this leader.
    pub(crate) forgotten: Vec<TopicPartition>,
}

/// Where a follower stands in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Hash))]
pub(crate) struct FetchPartition {
    pub(crate) tp: TopicPartition,
    /// The leader epoch the follower follows in.
    pub(crate) leader_epoch: LeaderEpoch,
    /// Where its log ends.
    pub(crate) fetch_offset: Offset,
    /// Epoch of its last batch, −1 for none.
    pub(crate) last_epoch: LeaderEpoch,
    /// Everything below is on its disk.
    pub(crate) durable_end: Offset,
}

/// The answer to a fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fetched {
    pub(crate) session: SessionId,
    /// The fetch.
    pub(crate) seq: u64,
    pub(crate) partitions: Vec<FetchedPartition>,
}

/// What a leader has for a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FetchedPartition {
    pub(crate) tp: TopicPartition,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) high_watermark: Offset,
    pub(crate) log_start: Offset,
    pub(crate) outcome: Outcome,
}

/// What came of a fetch in a partition. After [`Outcome::News`] the leader goes on with the state
/// it knows; after any other it waits for the follower's new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Hash))]
pub(crate) enum Outcome {
    /// Only the numbers beside.
    News,
    /// As many bytes of whole batches, which follow the header in the order of the partitions.
    Records { bytes: u32 },
    /// The logs part: the largest epoch of the leader that is not above the follower's, and its end.
    Diverging {
        epoch: LeaderEpoch,
        end_offset: Offset,
    },
    /// The follower's end is outside of the leader's log.
    OutOfRange,
    /// The leader cannot read its own log there.
    Unreadable,
}

/// Why a message is not understood.
#[derive(Debug, Error)]
pub(crate) enum MessageError {
    #[error(
        "message of version {0:?}, this broker understands {VERSION}: roll one version at a time"
    )]
    Version(Option<u8>),
    #[error("a header of {0} bytes does not fit in the message")]
    Header(usize),
    #[error("malformed header: {0}")]
    Postcard(#[from] postcard::Error),
    #[error("{left} bytes of records remain where {claimed} are claimed")]
    Records { claimed: u64, left: usize },
}

impl Message {
    /// The message as parts, `records` after the header.
    pub(crate) fn encode(&self, records: Vec<Bytes>) -> Vec<Bytes> {
        let prefix = vec![VERSION, 0, 0, 0, 0];
        let mut buf = postcard::to_extend(self, prefix).expect("these types always serialize");
        let header = u32::try_from(buf.len() - PREFIX_BYTES).expect("a header is below 4 GiB");
        buf[1..PREFIX_BYTES].copy_from_slice(&header.to_be_bytes());
        let mut parts = Vec::with_capacity(1 + records.len());
        parts.push(Bytes::from(buf));
        parts.extend(records);
        parts
    }

    /// Reads a message; the second value holds the records of its partitions, one after the other.
    pub(crate) fn decode(mut bytes: Bytes) -> Result<(Message, Bytes), MessageError> {
        if bytes.first() != Some(&VERSION) || bytes.len() < PREFIX_BYTES {
            return Err(MessageError::Version(bytes.first().copied()));
        }
        let prefix = bytes.split_to(PREFIX_BYTES);
        let length = u32::from_be_bytes(
            prefix[1..]
                .try_into()
                .expect("four bytes after the version"),
        );
        let length = length as usize;
        if length > bytes.len() {
            return Err(MessageError::Header(length));
        }
        let message: Message = postcard::from_bytes(&bytes.split_to(length))?;
        if let Message::Fetched(fetched) = &message {
            let claimed = fetched.record_bytes();
            if claimed != bytes.len() as u64 {
                return Err(MessageError::Records {
                    claimed,
                    left: bytes.len(),
                });
            }
        }
        Ok((message, bytes))
    }
}

impl Fetched {
    fn record_bytes(&self) -> u64 {
        let each = self.partitions.iter().map(|p| match p.outcome {
            Outcome::Records { bytes } => u64::from(bytes),
            _ => 0,
        });
        each.sum()
    }
}

#[cfg(test)]
mod tests {
    use kring_wire::ids::TopicId;
    use proptest::prelude::*;

    use super::*;

    fn fetched(bytes: u32) -> Message {
        Message::Fetched(Fetched {
            session: SessionId {
                broker_epoch: 4,
                number: 1,
            },
            seq: 9,
            partitions: vec![FetchedPartition {
                tp: TopicPartition::new(TopicId([3; 16]), 7),
                leader_epoch: 2,
                high_watermark: 10,
                log_start: 0,
                outcome: Outcome::Records { bytes },
            }],
        })
    }

    fn joined(parts: &[Bytes]) -> Bytes {
        parts.iter().flatten().copied().collect()
    }

    #[test]
    fn records_pass_unchanged_after_the_header() {
        let parts = fetched(7).encode(vec![
            Bytes::from_static(b"REC"),
            Bytes::from_static(b"ORDS"),
        ]);
        let (message, records) = Message::decode(joined(&parts)).unwrap();
        assert_eq!(message, fetched(7));
        assert_eq!(records, "RECORDS");
    }

    #[test]
    fn a_message_that_is_cut_or_claims_other_records_is_refused() {
        let whole = joined(&fetched(7).encode(vec![Bytes::from_static(b"RECORDS")]));
        for len in 0..whole.len() {
            assert!(Message::decode(whole.slice(..len)).is_err(), "cut to {len}");
        }
        let other = joined(&fetched(8).encode(vec![Bytes::from_static(b"RECORDS")]));
        assert!(matches!(
            Message::decode(other),
            Err(MessageError::Records {
                claimed: 8,
                left: 7
            })
        ));
    }

    #[test]
    fn a_message_of_another_version_names_it() {
        let mut bytes = joined(&Message::Restart.encode(Vec::new())).to_vec();
        bytes[0] = 9;
        let error = Message::decode(bytes.into()).unwrap_err();
        assert!(error.to_string().starts_with("message of version Some(9)"));
    }

    proptest! {
        #[test]
        fn garbage_and_changed_bytes_never_panic(
            garbage in proptest::collection::vec(any::<u8>(), 0..200), at: usize, to: u8,
        ) {
            let _ = Message::decode(Bytes::from(garbage));
            let whole = joined(&fetched(7).encode(vec![Bytes::from_static(b"RECORDS")]));
            let mut changed = whole.to_vec();
            let at = at % changed.len();
            changed[at] = to;
            let _ = Message::decode(Bytes::from(changed));
        }
    }
}
