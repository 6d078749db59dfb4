//! What users and the world do in a run, step by step, and when.
//! A scenario draws nothing; the seed decides how long everything around it takes.

use kring_sim::topics::Topic;

use crate::cloud::Trouble;

/// A topic that is made when there are more brokers than replicas, so that it is spread over all.
const EXTRA: Topic = Topic {
    no: 9,
    name: "extra",
    partitions: 8,
    configs: &[],
    keeps: true,
};

/// When a step is taken, after the one before it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// At once.
    Now,
    /// After this many milliseconds.
    After(u64),
    /// When the rollout is at this broker in this phase.
    Phase(i32, &'static str),
    /// When everything asked for so far is done.
    Done,
    /// When the cluster's `Stalled` condition has this reason.
    Stalled(&'static str),
}

/// A step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// The user asks for a version.
    Version(&'static str),
    /// The user changes a setting.
    Config(&'static str, &'static str),
    /// The user asks for this many brokers.
    Replicas(i32),
    /// The user says that a broker's new disk may take the place of the old one, as the status asks.
    AcceptDisk,
    /// A topic is created.
    Topic(Topic),
    /// A broker's node dies. Its pod is made again elsewhere and finds its disk.
    NodeLoss(i32),
    /// A broker's node dies with its disk.
    DiskLoss(i32),
    /// Somebody deletes a pod with `--grace-period=0 --force`.
    ForceDelete(i32),
    /// Somebody deletes a pod in order, without asking the operator.
    Delete(i32),
}

impl Act {
    /// It takes a broker away that the operator did not take.
    pub(crate) fn disturbs(self) -> bool {
        matches!(
            self,
            Act::NodeLoss(_) | Act::DiskLoss(_) | Act::ForceDelete(_) | Act::Delete(_)
        )
    }
}

/// A scenario.
#[derive(Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// Brokers at the beginning.
    pub(crate) brokers: i32,
    /// The steps.
    pub(crate) steps: &'static [(When, Act)],
    /// What goes wrong between operator and API server.
    pub(crate) trouble: Trouble,
    /// An image takes up to this many milliseconds to be pulled.
    pub(crate) pull_ms: u64,
    /// The operator's writes are counted from the creation of the cluster on.
    pub(crate) from_creation: bool,
}

const NO_TROUBLE: Trouble = Trouble {
    conflict_one_in: 0,
    stale_one_in: 0,
    lost_answer_one_in: 0,
    refused_one_in: 0,
};

const PLAIN: Scenario = Scenario {
    name: "",
    brokers: 3,
    steps: &[],
    trouble: NO_TROUBLE,
    pull_ms: 500,
    from_creation: false,
};

/// Every scenario.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "create",
        from_creation: true,
        ..PLAIN
    },
    Scenario {
        name: "roll",
        steps: &[(When::Now, Act::Version("0.2.0"))],
        ..PLAIN
    },
    Scenario {
        name: "config",
        steps: &[
            (When::Now, Act::Config("num.partitions", "3")),
            (
                When::Phase(1, "CatchUp"),
                Act::Config("log.retention.ms", "86400000"),
            ),
        ],
        ..PLAIN
    },
    Scenario {
        name: "settings",
        steps: &[
            (When::Now, Act::Config("log.retention.ms", "86400000")),
            (
                When::After(2_000),
                Act::Config("log.retention.ms", "172800000"),
            ),
        ],
        ..PLAIN
    },
    Scenario {
        name: "scale-up-and-down",
        steps: &[
            (When::Now, Act::Replicas(4)),
            (When::Done, Act::Topic(EXTRA)),
            (When::After(3_000), Act::Replicas(3)),
        ],
        ..PLAIN
    },
    Scenario {
        name: "scale-down",
        brokers: 4,
        steps: &[(When::Now, Act::Replicas(3))],
        ..PLAIN
    },
    Scenario {
        name: "scale-while-rolling",
        brokers: 4,
        steps: &[
            (When::Now, Act::Version("0.2.0")),
            (When::Phase(1, "CatchUp"), Act::Replicas(3)),
        ],
        ..PLAIN
    },
    Scenario {
        name: "turn-back",
        steps: &[
            (When::Now, Act::Version("0.2.0")),
            (When::Phase(1, "Drain"), Act::Version("0.1.0")),
        ],
        ..PLAIN
    },
    Scenario {
        name: "bad-image",
        steps: &[
            (When::Now, Act::Version("bad")),
            (When::Stalled("PodStuck"), Act::Version("0.2.0")),
        ],
        ..PLAIN
    },
    Scenario {
        name: "node-loss",
        steps: &[
            (When::Now, Act::Version("0.2.0")),
            (When::Phase(1, "Drain"), Act::NodeLoss(2)),
            (When::Phase(1, "CatchUp"), Act::NodeLoss(0)),
        ],
        ..PLAIN
    },
    Scenario {
        name: "disk-loss",
        steps: &[
            (When::Now, Act::Version("0.2.0")),
            (When::Phase(1, "Start"), Act::DiskLoss(1)),
            (When::Stalled("IdentityChanged"), Act::AcceptDisk),
            (When::Done, Act::DiskLoss(2)),
        ],
        ..PLAIN
    },
    Scenario {
        name: "force-delete",
        steps: &[
            (When::Now, Act::ForceDelete(0)),
            (When::After(200), Act::Version("0.2.0")),
            (When::Phase(1, "CatchUp"), Act::ForceDelete(1)),
            (When::Phase(2, "Drain"), Act::ForceDelete(2)),
            (When::After(2_000), Act::Delete(0)),
        ],
        ..PLAIN
    },
    Scenario {
        name: "slow",
        steps: &[
            (When::Now, Act::Version("0.2.0")),
            (When::After(20_000), Act::Config("num.partitions", "3")),
        ],
        trouble: Trouble {
            conflict_one_in: 5,
            stale_one_in: 4,
            lost_answer_one_in: 60,
            refused_one_in: 60,
        },
        pull_ms: 15_000,
        ..PLAIN
    },
];

/// A scenario by its name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}
