//! One fetch session (KIP-227): what a client reads, and what it was told of each partition.
//! It does not know how many there are or which has to go: `sessions` does.

use std::cell::Cell;
use std::collections::BTreeMap;

use kring_wire::fetch::{FetchPartition, FetchPartitionResponse, FetchRequest, ForgottenTopic};
use kring_wire::{LeaderEpoch, Offset, TopicRef};

use super::plan::Ask;

/// A partition's answer beside what was asked.
pub(super) type Row = (Ask, FetchPartitionResponse);

/// What no partition has, so that the next answer names it.
const NEVER_TOLD: Told = Told {
    high_watermark: -1,
    last_stable_offset: -1,
    log_start: -1,
};

/// What the client knows of a partition since the last answer that named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    high_watermark: Offset,
    last_stable_offset: Offset,
    log_start: Offset,
}

/// A partition that is read.
#[derive(Clone, Debug)]
struct Partition {
    topic: TopicRef,
    index: i32,
    current_leader_epoch: LeaderEpoch,
    last_fetched_epoch: LeaderEpoch,
    partition_max_bytes: i32,
    fetch_offset: Offset,
    told: Told,
}

/// Bytes of memory that a partition takes, but for its topic's name.
const PARTITION_BYTES: usize = size_of::<Partition>();

impl Partition {
    fn new(topic: TopicRef, asked: FetchPartition) -> Partition {
        let mut partition = Partition {
            topic,
            index: asked.partition,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            partition_max_bytes: 0,
            fetch_offset: 0,
            told: NEVER_TOLD,
        };
        partition.ask(asked);
        partition
    }

    fn ask(&mut self, asked: FetchPartition) {
        self.current_leader_epoch = asked.current_leader_epoch;
        self.last_fetched_epoch = asked.last_fetched_epoch;
        self.partition_max_bytes = asked.partition_max_bytes;
        self.fetch_offset = asked.fetch_offset;
    }

    fn asked(&self) -> FetchPartition {
        FetchPartition {
            partition: self.index,
            current_leader_epoch: self.current_leader_epoch,
            fetch_offset: self.fetch_offset,
            last_fetched_epoch: self.last_fetched_epoch,
            log_start_offset: -1,
            partition_max_bytes: self.partition_max_bytes,
        }
    }

    /// Notes what an answer says, and whether that is more than the client knows.
    fn tell(&mut self, answer: &FetchPartitionResponse) -> bool {
        let told = Told {
            high_watermark: answer.high_watermark,
            last_stable_offset: answer.last_stable_offset,
            log_start: answer.log_start,
        };
        // What goes wrong is told each time, and that it no longer does, too.
        let unusual = !answer.error.is_ok() || answer.diverging_epoch.is_some();
        let elsewhere = answer.preferred_read_replica >= 0;
        let news = told != self.told;
        self.told = if unusual { NEVER_TOLD } else { told };
        news || unusual || elsewhere || answer.record_bytes() > 0
    }

    fn bytes(&self) -> usize {
        bytes(&self.topic)
    }
}

fn bytes(topic: &TopicRef) -> usize {
    let name = match topic {
        TopicRef::Name(name) => name.len(),
        TopicRef::Id(_) => 0,
    };
    PARTITION_BYTES + name
}

/// A name is a part of its request's frame, which must not live as long as a session.
fn owned(topic: &TopicRef) -> TopicRef {
    match topic {
        TopicRef::Name(name) => TopicRef::from(&**name),
        TopicRef::Id(id) => TopicRef::Id(*id),
    }
}

/// What a session of these partitions would take at most, in bytes.
pub(super) fn bytes_of(rows: &[Row]) -> usize {
    rows.iter().map(|(ask, _)| bytes(&ask.topic)).sum()
}

/// What a request changes of a partition.
struct Change {
    /// What is read from now on; none for a partition that leaves.
    asked: Option<FetchPartition>,
    is_done: Cell<bool>,
}

impl Change {
    fn to(asked: Option<FetchPartition>) -> Change {
        Change {
            asked,
            is_done: Cell::new(false),
        }
    }

    fn take(&self) -> Option<FetchPartition> {
        self.is_done.set(true);
        self.asked
    }
}

/// The partitions of a session, in the order in which they are served next.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// What the next request must name.
    pub(super) epoch: i32,
    /// Whether its requests name topics by id.
    pub(super) by_id: bool,
    partitions: Vec<Partition>,
}

/// The epoch after another: 0 begins a session, so it is left out.
pub(super) fn next_epoch(epoch: i32) -> i32 {
    epoch.checked_add(1).unwrap_or(1)
}

impl Session {
    /// A session that begins with an answer to a whole request.
    pub(super) fn new(by_id: bool, rows: &[Row]) -> Session {
        let mut session = Session {
            epoch: 1,
            by_id,
            partitions: Vec::with_capacity(rows.len()),
        };
        let mut places = BTreeMap::new();
        let mut last: Option<TopicRef> = None;
        for (ask, answer) in rows {
            let topic = match last.take() {
                Some(topic) if topic == ask.topic => topic,
                _ => owned(&ask.topic),
            };
            last = Some(topic.clone());
            let next = session.partitions.len();
            let at = *places
                .entry((&ask.topic, ask.partition.partition))
                .or_insert(next);
            // Of a partition that is named twice, the last holds.
            if at == next {
                session
                    .partitions
                    .push(Partition::new(topic, ask.partition));
            } else {
                session.partitions[at].ask(ask.partition);
            }
            session.partitions[at].tell(answer);
        }
        session
    }

    /// Takes what a request changes: partitions that are new or read from elsewhere, and those that leave.
    pub(super) fn update(&mut self, request: &FetchRequest) {
        let mut changes = BTreeMap::new();
        for topic in &request.topics {
            for asked in &topic.partitions {
                changes.insert((&topic.topic, asked.partition), Change::to(Some(*asked)));
            }
        }
        for ForgottenTopic { topic, partitions } in &request.forgotten {
            for index in partitions {
                changes.insert((topic, *index), Change::to(None));
            }
        }
        self.partitions.retain_mut(|partition| {
            let change = changes.get(&(&partition.topic, partition.index));
            match change.map(Change::take) {
                None => true,
                Some(None) => false,
                Some(Some(asked)) => {
                    partition.ask(asked);
                    true
                }
            }
        });
        for topic in &request.topics {
            let own = owned(&topic.topic);
            for asked in &topic.partitions {
                let change = &changes[&(&topic.topic, asked.partition)];
                if !change.is_done.get()
                    && let Some(asked) = change.take()
                {
                    self.partitions.push(Partition::new(own.clone(), asked));
                }
            }
        }
    }

    /// What is read, in the order in which it is served.
    pub(super) fn asked(&self) -> impl Iterator<Item = (&TopicRef, FetchPartition)> {
        self.partitions
            .iter()
            .map(|partition| (&partition.topic, partition.asked()))
    }

    /// Leaves of an answer, whose rows are those of [`Session::asked`], what the client does not know.
    pub(super) fn tell(&mut self, rows: Vec<Row>) -> Vec<Row> {
        assert_eq!(
            rows.len(),
            self.partitions.len(),
            "a session that changed answers no request from before"
        );
        let mut served = Vec::new();
        let mut told = Vec::new();
        let mut others = Vec::with_capacity(self.partitions.len());
        for (mut partition, row) in self.partitions.drain(..).zip(rows) {
            let answer = &row.1;
            let has_records = answer.record_bytes() > 0;
            if partition.tell(answer) {
                told.push(row);
            }
            if has_records {
                served.push(partition);
            } else {
                others.push(partition);
            }
        }
        // Who got records comes last the next time: the room of an answer goes round.
        others.append(&mut served);
        self.partitions = others;
        told
    }

    /// How many partitions it has.
    pub(super) fn len(&self) -> usize {
        self.partitions.len()
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.partitions.iter().map(Partition::bytes).sum()
    }
}
