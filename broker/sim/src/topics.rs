//! The topics of a run: what they are called, and under which number the history knows them.
//! It creates none; `client::creator` does.

use crate::history::Partition;

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its number in the history.
    pub no: u32,
    /// Its name.
    pub name: &'static str,
    /// How many partitions it has.
    pub partitions: i32,
    /// How it is configured, where not by default.
    pub configs: &'static [(&'static str, &'static str)],
    /// Whether records go only when somebody deletes the topic.
    pub keeps: bool,
}

impl Topic {
    /// Whether its records are the brokers' own, which no reader of ours knows.
    #[must_use]
    pub fn is_internal(self) -> bool {
        self.name.starts_with("__")
    }

    /// One of its partitions.
    #[must_use]
    pub fn partition(self, index: i32) -> Partition {
        Partition {
            topic: self.no,
            index,
        }
    }

    /// All its partitions.
    pub fn all(self) -> impl Iterator<Item = Partition> {
        (0..self.partitions).map(move |index| self.partition(index))
    }
}

/// The topic that keeps everything.
pub const KEPT: Topic = Topic {
    no: 0,
    name: "sim",
    partitions: 4,
    configs: &[],
    keeps: true,
};

/// The topic from which clients delete records.
pub const TRIMMED: Topic = Topic {
    no: 1,
    name: "trimmed",
    partitions: 2,
    configs: &[],
    keeps: false,
};

/// The topic that forgets by age.
pub const AGED: Topic = Topic {
    no: 2,
    name: "aged",
    partitions: 2,
    configs: &[("retention.ms", "12000"), ("segment.ms", "4000")],
    keeps: false,
};

/// `retention.ms` of [`AGED`].
pub const AGED_RETENTION_MS: i64 = 12_000;
/// How much longer a record of [`AGED`] may stay: a segment's time, and what faults and the change of
/// leaders with other clocks cost the cleaner.
pub const AGED_SLACK_MS: i64 = 4_000 + 10_000;

/// The topic that gets more partitions; nobody writes to it.
pub const GROWING: Topic = Topic {
    no: 3,
    name: "growing",
    partitions: 1,
    configs: &[],
    keeps: true,
};

/// Where groups keep their offsets: its records are the brokers' own.
pub const OFFSETS: Topic = Topic {
    no: 4,
    name: "__consumer_offsets",
    partitions: 4,
    configs: &[],
    keeps: true,
};

/// The topic that transactions write to: what they move from [`KEPT`], and more.
pub const MOVED: Topic = Topic {
    no: 5,
    name: "moved",
    partitions: 3,
    configs: &[],
    keeps: true,
};

/// Where transactions are kept: its records are the brokers' own.
pub const TRANSACTIONS: Topic = Topic {
    no: 6,
    name: "__transaction_state",
    partitions: 4,
    configs: &[],
    keeps: true,
};

/// Every topic in whose final state the checks have an interest.
pub const SWEPT: &[Topic] = &[KEPT, TRIMMED, AGED, MOVED, OFFSETS, TRANSACTIONS];

/// Every topic that clients without transactions write to.
pub const WRITTEN: &[Topic] = &[KEPT, TRIMMED, AGED];
