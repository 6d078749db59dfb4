//! What can go wrong in a run: the faults, each with a line of text that names it.
//! It carries nothing out; the world does. Which faults a run has is in `draw`, what a cluster must survive in `budget`.

pub mod draw;
pub mod kind;
pub mod text;

use kring_io::BrokerId;
use kring_io_sim::OpClass;

/// A broker and a time in simulated milliseconds: how long it is down, full, slow, …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct For {
    /// Which broker.
    pub broker: BrokerId,
    /// For how long.
    pub ms: u64,
}

/// A class of files of a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileClass {
    /// The shared journal.
    Journal,
    /// The checkpoints.
    Checkpoint,
    /// Segments of partitions.
    Segment,
    /// Small files beside the segments.
    Meta,
}

impl FileClass {
    /// What a path of this class contains and no other.
    #[must_use]
    pub fn pattern(self) -> &'static str {
        match self {
            FileClass::Journal => "journal-",
            FileClass::Checkpoint => "checkpoint-",
            FileClass::Segment => ".log",
            FileClass::Meta => ".metadata",
        }
    }
}

/// How bytes at rest are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// One bit is flipped.
    Bit,
    /// A sector reads as zeros.
    Zeros,
    /// A sector reads as noise.
    Noise,
}

/// How a write goes astray although it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    /// Nothing is written.
    Lost,
    /// It lands elsewhere in the file.
    Misdirected,
}

/// What happens to packets between some clients and a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCut {
    /// Requests are lost.
    Lost,
    /// Requests wait and arrive when the network is healed, long after the client has tried elsewhere.
    Late,
    /// Requests arrive, answers are lost.
    Deaf,
}

/// Something bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// These brokers lose power at once; each starts again after its time.
    PowerLoss(Vec<For>),
    /// These processes are killed at once (`kill -9`); the machines go on.
    Kill(Vec<For>),
    /// A process is asked to end (SIGTERM) and starts again so much after it has.
    Restart(For),
    /// Every broker in turn is asked to end and starts again, the next when the cluster is whole.
    Roll {
        /// Into another version of the binary.
        upgrade: bool,
    },
    /// A process is killed again and again.
    Storm {
        /// Which broker.
        broker: BrokerId,
        /// How often.
        times: u64,
        /// Milliseconds between two kills.
        every_ms: u64,
    },
    /// A process stands still, then goes on.
    Pause(For),
    /// Bytes at rest change.
    Rot {
        /// Whose disk.
        broker: BrokerId,
        /// In which file.
        class: FileClass,
        /// How.
        damage: Damage,
        /// Chooses file and place among those that are there.
        pick: u64,
    },
    /// All brokers lose power at once, and of one the last journal write that was durable is damaged.
    RotTail {
        /// Whose disk.
        broker: BrokerId,
        /// How.
        damage: Damage,
        /// How long each broker is down.
        down: Vec<For>,
    },
    /// The next write goes astray.
    Stray {
        /// Whose disk.
        broker: BrokerId,
        /// In which file.
        class: FileClass,
        /// How.
        how: Stray,
    },
    /// The next operations fail with `EIO`.
    DiskError {
        /// Whose disk.
        broker: BrokerId,
        /// Which operations.
        op: OpClass,
        /// On which files.
        class: FileClass,
        /// How many.
        times: u64,
    },
    /// The disk has no space left.
    DiskFull(For),
    /// Every operation takes long.
    SlowDisk(For),
    /// Every sync of a file takes three seconds longer, while writes take as long as ever.
    SlowSyncs(For),
    /// No operation completes.
    HungDisk(For),
    /// The machine loses power and comes back with an empty disk.
    ReplaceDisk(For),
    /// Every message between brokers takes long.
    DelaySpike {
        /// For how long.
        ms: u64,
        /// How many times as long.
        factor: u64,
    },
    /// A link carries little.
    SlowLink {
        /// Who sends.
        from: BrokerId,
        /// To whom.
        to: BrokerId,
        /// For how long.
        ms: u64,
    },
    /// All links of a broker break and are made anew.
    BreakLinks(BrokerId),
    /// One broker reaches nobody and is reached by nobody.
    Isolate(BrokerId),
    /// One broker is not heard by another, but hears it.
    Deafen {
        /// Whose messages are lost.
        from: BrokerId,
        /// Who does not hear them.
        to: BrokerId,
    },
    /// Two brokers do not reach each other; the third reaches both.
    Bridge {
        /// One.
        one: BrokerId,
        /// The other.
        other: BrokerId,
    },
    /// Nobody reaches anybody.
    SplitAll,
    /// Nothing comes through from or to a broker, but nothing is lost if that is soon over.
    Stall(BrokerId),
    /// Everything about the network ends.
    Heal,
    /// A third of the clients has trouble with one broker.
    ClientCut {
        /// Which third: 0, 1 or 2.
        third: u64,
        /// Which broker.
        broker: BrokerId,
        /// What happens to the packets.
        cut: ClientCut,
    },
    /// All connections of clients to a broker break, what is under way on them unknown.
    ClientReset(BrokerId),
    /// A broker hears what only a newer version says.
    NewerMessage {
        /// Who seems to say it.
        from: BrokerId,
        /// Who hears it.
        to: BrokerId,
        /// Chooses what is said.
        pick: u64,
    },
    /// The wall clock of a machine jumps: from now on it is so far off.
    ClockJump {
        /// Whose clock.
        broker: BrokerId,
        /// Milliseconds by which it is ahead of true time; negative: behind.
        ahead_ms: i64,
    },
}

impl Fault {
    /// The broker whose disk it damages or replaces. Such faults are the only ones that the budget
    /// counts; see `budget`.
    #[must_use]
    pub fn damages(&self) -> Option<BrokerId> {
        match self {
            Fault::Rot { broker, .. }
            | Fault::RotTail { broker, .. }
            | Fault::Stray { broker, .. }
            | Fault::ReplaceDisk(For { broker, .. }) => Some(*broker),
            _ => None,
        }
    }

    /// Whether it cuts the network until something heals it.
    #[must_use]
    pub fn cuts(&self) -> bool {
        matches!(
            self,
            Fault::Isolate(_)
                | Fault::Deafen { .. }
                | Fault::Bridge { .. }
                | Fault::SplitAll
                | Fault::Stall(_)
                | Fault::ClientCut { .. }
        )
    }
}
