//! The events of a history, each with its word in a file and its fields in order.
//! One table is the type, the writer and the reader, so that they cannot disagree.

use std::str::Split;

use kring_io::{BrokerId, Instant};

use super::field::{Asked, Field, Mark, Outcome, Partition, Records};

/// The type and both directions of its text form from one table.
macro_rules! events {
    ($(
        $(#[$about:meta])*
        $word:literal $name:ident { $( $(#[$says:meta])* $field:ident: $type:ty, )* }
    )*) => {
        /// One thing that a client did or saw.
        ///
        /// Answers are written down when they come; `since` is when the question was sent, so that a
        /// check knows what was true before it. Clients and groups are numbered by whoever writes the
        /// history. `from` is the broker that answered.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Happened {
            $( $(#[$about])* $name { $( $(#[$says])* $field: $type, )* }, )*
        }

        impl Happened {
            /// Appends the word and the fields.
            pub(super) fn write(&self, out: &mut String) {
                match self {
                    $( Happened::$name { $($field),* } => {
                        out.push_str($word);
                        $( out.push(' '); $field.write(out); )*
                    } )*
                }
            }

            /// Reads an event back; none if these are not its words.
            pub(super) fn read(words: &mut Split<'_, char>) -> Option<Happened> {
                match words.next()? {
                    $( $word => Some(Happened::$name { $($field: Field::read(words.next()?)?),* }), )*
                    _ => None,
                }
            }
        }
    };
}

events! {
    /// A producer was given an id and epoch by InitProducerId, or raised its epoch itself.
    "init" Initialised {
        /// The producer, as in [`Records`].
        producer: u32,
        /// Its producer id.
        id: i64,
        /// Its epoch.
        epoch: i16,
    }
    /// A producer began to send records in one batch. Repeating the same batch is the same sending;
    /// the same records under another id or epoch are sent once more.
    "send" Invoked {
        /// The records.
        records: Records,
        /// Their partition.
        partition: Partition,
        /// The producer id in the batch; -1 if it is not idempotent.
        id: i64,
        /// The epoch in the batch; -1 if it is not idempotent.
        epoch: i16,
        /// The records' timestamp in ms since the epoch.
        timestamp: i64,
    }
    /// A producer sent a batch again, because no answer came or it asked to try again.
    "again" Resent {
        /// The records.
        records: Records,
        /// Their partition.
        partition: Partition,
    }
    /// Records were acknowledged with acks=all.
    "ack" Acknowledged {
        /// The records.
        records: Records,
        /// Their partition.
        partition: Partition,
        /// Where the first is, as the broker said.
        offset: i64,
    }
    /// The broker said that the records are not in the log, and they were never sent in a way that
    /// may still arrive.
    "refused" Refused {
        /// The records.
        records: Records,
        /// Their partition.
        partition: Partition,
    }
    /// The producer gave up without an answer: the records may be there or not.
    "unsure" Unsure {
        /// The records.
        records: Records,
        /// Their partition.
        partition: Partition,
    }
    /// A consumer set its position: it begins, was assigned the partition, or was told that its
    /// position is out of range.
    "seek" Positioned {
        /// The consumer.
        client: u32,
        /// The partition.
        partition: Partition,
        /// The next offset it wants.
        offset: i64,
    }
    /// A consumer was given records.
    "poll" Polled {
        /// The consumer.
        client: u32,
        /// The partition.
        partition: Partition,
        /// Where the first is.
        offset: i64,
        /// The records.
        records: Records,
        /// Which broker gave them.
        from: BrokerId,
    }
    /// A fetch was answered without an error. The records follow as polled.
    "fetch" Fetched {
        /// The consumer.
        client: u32,
        /// The partition.
        partition: Partition,
        /// Who answered.
        from: BrokerId,
        /// When it was asked.
        since: Instant,
        /// The high watermark in the answer.
        high_watermark: i64,
        /// The log start in the answer.
        log_start: i64,
    }
    /// Bytes were given as a record of the partition that its producer did not write there.
    "damaged" Damaged {
        /// The partition.
        partition: Partition,
        /// Where.
        offset: i64,
        /// Who gave them.
        from: BrokerId,
    }
    /// ListOffsets was answered without an error.
    "list" Listed {
        /// The partition.
        partition: Partition,
        /// Who answered.
        from: BrokerId,
        /// When it was asked.
        since: Instant,
        /// What was asked.
        asked: Asked,
        /// The offset in the answer; -1 for none.
        offset: i64,
        /// The timestamp in the answer; -1 for none.
        timestamp: i64,
    }
    /// A client began to ask that the records before an offset be deleted.
    "trim" TrimInvoked {
        /// The partition.
        partition: Partition,
        /// The first offset that is to stay.
        before: i64,
    }
    /// DeleteRecords was answered without an error.
    "trimmed" Trimmed {
        /// The partition.
        partition: Partition,
        /// When it was asked.
        since: Instant,
        /// The log start in the answer.
        log_start: i64,
    }
    /// From now on a topic deletes records by age.
    "retention" Retention {
        /// The topic.
        topic: u32,
        /// `retention.ms`.
        retention_ms: i64,
        /// How much older a record may become: one segment's time and one interval of the cleaner.
        slack_ms: i64,
        /// How far the clock of a broker may be from the history's.
        skew_ms: i64,
        /// The wall clock of the history's origin, in ms since the epoch.
        origin_ms: i64,
    }
    /// JoinGroup was answered without an error.
    "join" Joined {
        /// The member.
        client: u32,
        /// The group.
        group: u32,
        /// The generation in the answer.
        generation: i32,
        /// When it was asked.
        since: Instant,
    }
    /// SyncGroup was answered without an error; what the member owns follows.
    "sync" Synced {
        /// The member.
        client: u32,
        /// The group.
        group: u32,
        /// The member's generation.
        generation: i32,
        /// When it was asked.
        since: Instant,
    }
    /// A member owns a partition by its assignment.
    "own" Owned {
        /// The member.
        client: u32,
        /// The group.
        group: u32,
        /// The member's generation.
        generation: i32,
        /// The partition.
        partition: Partition,
    }
    /// A member gave a partition up or was told that its generation is over.
    "revoke" Revoked {
        /// The member.
        client: u32,
        /// The group.
        group: u32,
        /// The generation in which it owned the partition.
        generation: i32,
        /// The partition.
        partition: Partition,
    }
    /// A member began to commit an offset.
    "commit" CommitInvoked {
        /// The member.
        client: u32,
        /// The group.
        group: u32,
        /// The member's generation.
        generation: i32,
        /// The partition.
        partition: Partition,
        /// The offset.
        offset: i64,
    }
    /// OffsetCommit was answered, or the member gave up.
    "committed" Committed {
        /// The member.
        client: u32,
        /// The group.
        group: u32,
        /// The member's generation.
        generation: i32,
        /// The partition.
        partition: Partition,
        /// The offset.
        offset: i64,
        /// Whether it is committed.
        outcome: Outcome,
    }
    /// OffsetFetch was answered without an error.
    "offset" OffsetFetched {
        /// Who asked.
        client: u32,
        /// The group.
        group: u32,
        /// The partition.
        partition: Partition,
        /// When it was asked.
        since: Instant,
        /// The committed offset; -1 for none.
        offset: i64,
    }
    /// A group's lag in a partition was read from a broker's metrics.
    "lag" LagRead {
        /// The group.
        group: u32,
        /// The partition.
        partition: Partition,
        /// Whose metrics.
        from: BrokerId,
        /// When they were asked for.
        since: Instant,
        /// The lag in records.
        lag: i64,
    }
    /// A change of metadata was answered, or its client gave up.
    "change" Changed {
        /// What is changed: a register with one value at a time, such as `topic/orders`.
        register: String,
        /// When it was asked.
        since: Instant,
        /// The value that the register must have had before; `*` for any.
        requires: String,
        /// The value that it was given.
        value: String,
        /// Whether it was changed.
        outcome: Outcome,
    }
    /// A value of metadata was read.
    "read" Read {
        /// What was read.
        register: String,
        /// Who answered.
        from: BrokerId,
        /// When it was asked.
        since: Instant,
        /// Its value.
        value: String,
        /// Whether the controller answered from what is committed; a broker's own image may be old.
        current: bool,
    }
    /// After the faults: records are in a replica's log below its high watermark.
    "kept" Kept {
        /// Their partition.
        partition: Partition,
        /// Whose replica.
        replica: BrokerId,
        /// Where the first is.
        offset: i64,
        /// The records.
        records: Records,
        /// Their timestamp in ms since the epoch.
        timestamp: i64,
    }
    /// After the faults: a batch that is not the end of a transaction is in a replica's log below its high watermark.
    "batch" KeptBatch {
        /// The partition.
        partition: Partition,
        /// Whose replica.
        replica: BrokerId,
        /// Its base offset.
        offset: i64,
        /// The offset after its last.
        next: i64,
        /// Its producer id; -1 for none.
        id: i64,
        /// Its producer epoch; -1 for none.
        epoch: i16,
        /// A hash of its bytes.
        hash: u64,
    }
    /// After the faults: a replica has been read from its start to its high watermark.
    "swept" Swept {
        /// The partition.
        partition: Partition,
        /// Whose replica.
        replica: BrokerId,
        /// Where its log starts.
        log_start: i64,
        /// The high watermark up to which it was read.
        high_watermark: i64,
    }
    /// InitProducerId was answered for a transactional id, of which the producer is the only one in the history: every
    /// transaction that it has begun is over, and whoever had an epoch before is fenced.
    "txn-init" Fenced {
        /// The producer, as in [`Records`].
        producer: u32,
        /// Its producer id.
        id: i64,
        /// Its epoch.
        epoch: i16,
    }
    /// A transactional producer began a transaction. What is sent in it follows.
    "txn-begin" Begun {
        /// The producer.
        producer: u32,
        /// The transaction's number among the producer's, never used again.
        transaction: u64,
        /// The producer id.
        id: i64,
        /// The epoch.
        epoch: i16,
    }
    /// Records, whose sending stands right before, are part of a transaction of their producer.
    "txn-send" SentIn {
        /// The transaction.
        transaction: u64,
        /// The records.
        records: Records,
        /// Their partition.
        partition: Partition,
    }
    /// Records of a transaction were made of as many inputs, each of one, in the same order.
    "txn-move" Moved {
        /// The records.
        records: Records,
        /// Their partition.
        partition: Partition,
        /// The partition of the inputs.
        input: Partition,
        /// Where the first input is.
        offset: i64,
    }
    /// A producer began to commit an offset of a group in a transaction. Once the transaction is committed, all inputs
    /// before the offset are moved.
    "txn-offset" OffsetSentIn {
        /// The producer.
        producer: u32,
        /// The transaction.
        transaction: u64,
        /// The group.
        group: u32,
        /// The partition of the inputs.
        partition: Partition,
        /// The offset.
        offset: i64,
    }
    /// A producer began to end a transaction. Asking again for the same is the same.
    "txn-end" EndInvoked {
        /// The producer.
        producer: u32,
        /// The transaction.
        transaction: u64,
        /// Whether it is to be committed.
        commit: bool,
    }
    /// EndTxn was answered, or the producer gave up. One that was given up may still be answered as done.
    "txn-ended" Ended {
        /// The producer.
        producer: u32,
        /// The transaction.
        transaction: u64,
        /// Whether it was to be committed.
        commit: bool,
        /// Whether that is done.
        outcome: Outcome,
    }
    /// A transactional producer was told where its group stands. Every transaction that it has begun is over, or its
    /// offsets would not be stable.
    "txn-position" StandsAt {
        /// The producer.
        producer: u32,
        /// The group, which is this producer's alone.
        group: u32,
        /// The partition of the inputs.
        partition: Partition,
        /// The committed offset; -1 for none: the producer begins at 0.
        offset: i64,
    }
    /// A fetch of a reader of committed records was answered without an error. The records follow as seen.
    "see-fetch" FetchedCommitted {
        /// The reader.
        client: u32,
        /// The partition.
        partition: Partition,
        /// Who answered.
        from: BrokerId,
        /// When it was asked.
        since: Instant,
        /// The high watermark in the answer.
        high_watermark: i64,
        /// The last stable offset in the answer.
        last_stable: i64,
        /// The reader's position behind the answer, with what it passed over.
        next: i64,
    }
    /// A reader of committed records was given records.
    "see" Seen {
        /// The reader.
        client: u32,
        /// The partition.
        partition: Partition,
        /// Where the first is.
        offset: i64,
        /// The records.
        records: Records,
        /// Which broker gave them.
        from: BrokerId,
    }
    /// After the faults: the end of a transaction is in a replica's log below its high watermark.
    "marker" KeptMarker {
        /// The partition.
        partition: Partition,
        /// Whose replica.
        replica: BrokerId,
        /// Where.
        offset: i64,
        /// The producer id.
        id: i64,
        /// The producer epoch.
        epoch: i16,
        /// Whether the transaction is committed.
        commit: bool,
        /// A hash of its batch's bytes.
        hash: u64,
    }
    /// The run itself turned.
    "mark" Marked {
        /// How.
        mark: Mark,
    }
}
