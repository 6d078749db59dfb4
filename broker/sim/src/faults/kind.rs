//! The kinds of faults as they are counted: when they took effect, not when they were asked for.
//! It knows neither chance nor time.

macro_rules! kinds {
    ($($variant:ident $name:literal $what:literal,)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $what] $variant,)*
        }

        /// Every kind, in the order of the table.
        pub const ALL: &[Kind] = &[$(Kind::$variant,)*];

        impl Kind {
            /// Its name in figures and on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Kind::$variant => $name,)* }
            }

            /// What it is, for people.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self { $(Kind::$variant => $what,)* }
            }
        }
    };
}

kinds! {
    PowerLoss "power_loss" "a broker lost power",
    Blackout "blackout" "all brokers lost power at once",
    LostSectors "lost_sectors" "sectors that were not synced and a power loss took back",
    TornWrites "torn_writes" "writes of which a power loss kept some sectors only",
    ReorderedWrites "reordered_writes" "files with a later write but not an earlier one after a power loss",
    LostNames "lost_names" "creations, renames and removals that a power loss took back",
    RecycledBlocks "recycled_blocks" "journal writes over blocks of an earlier life of the file",
    RotJournal "rot_journal" "damage at rest in a journal file",
    RotCheckpoint "rot_checkpoint" "damage at rest in a checkpoint",
    RotSegment "rot_segment" "damage at rest in a segment",
    RotMeta "rot_meta" "damage at rest in a small file",
    RotTail "rot_tail" "damage of the last durable journal write when all brokers lost power",
    LostWrite "lost_write" "a write that succeeded and wrote nothing",
    MisdirectedWrite "misdirected_write" "a write that succeeded and landed elsewhere",
    ErrorOnOpen "eio_open" "EIO when a file was opened",
    ErrorOnRead "eio_read" "EIO when a file was read",
    ErrorOnWrite "eio_write" "EIO when a file was written, some of its sectors were",
    ErrorOnSync "eio_sync" "EIO when a file was synced, some of the data gone for good",
    ErrorOnNames "eio_names" "EIO when a name or a length was changed or listed",
    DiskFull "disk_full" "operations that found no space",
    SlowDisk "slow_disk" "operations that a slow disk held up",
    SlowSyncs "slow_syncs" "syncs of files that took seconds while writes did not",
    HungDisk "hung_disk" "operations that a hung disk did not complete for seconds",
    ReplacedDisk "replaced_disk" "a broker that came back with an empty disk",
    DelaySpike "delay_spike" "times that all messages took long",
    SlowLink "slow_link" "times that a link carried little",
    BrokenLinks "broken_links" "links that broke and lost what was under way",
    StaleMessages "stale_messages" "messages that arrived after those of the connection that followed",
    StalledMessages "stalled_messages" "messages that arrived after seconds on the same connection",
    Isolation "isolation" "a broker cut off from all others",
    OneWay "one_way" "a broker that another did not hear, but it heard that one",
    Bridge "bridge" "two brokers that reached each other through the third only",
    SplitAll "split_all" "no broker reached any other",
    ClientCutLost "client_cut" "requests of clients that did not reach one broker",
    ClientCutLate "late_requests" "requests that arrived long after the client had tried elsewhere",
    ClientCutDeaf "lost_answers" "answers of a broker that did not reach clients",
    ClientReset "client_reset" "connections of clients that broke, what was under way unknown",
    Kill "kill" "a process killed, its machine went on",
    KillAll "kill_all" "all processes killed at once",
    CutShort "cut_short" "disk operations that a kill left undone or half done",
    Pause "pause" "a process stood still",
    Restart "restart" "a process asked to end that ended in order",
    Roll "roll" "a rolling restart of all brokers, come to its end",
    Upgrade "upgrade" "a start of a version beside another one in the cluster",
    NewerMessage "newer_message" "a message that only a newer version can read",
    Storm "storm" "a process killed again while it started",
    ClockSkew "clock_skew" "a start with a clock that is off",
    ClockForwards "clock_forwards" "a clock that jumped forwards",
    ClockBackwards "clock_backwards" "a clock that jumped backwards",
}

/// How often each kind took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(Vec<u64>);

impl Default for Counts {
    fn default() -> Counts {
        Counts(vec![0; ALL.len()])
    }
}

impl Counts {
    /// Counts a kind once more.
    pub fn hit(&mut self, kind: Kind) {
        self.add(kind, 1);
    }

    /// Counts a kind so many times more.
    pub fn add(&mut self, kind: Kind, times: u64) {
        self.0[kind as usize] += times;
    }

    /// Adds all counts of another run.
    pub fn merge(&mut self, other: &Counts) {
        for (sum, count) in self.0.iter_mut().zip(&other.0) {
            *sum += count;
        }
    }

    /// The count of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }
}
