//! Known bugs that a build for the simulator can switch on, one at a time, to show that its checks notice them.
//! Without the feature `canary` none of them is compiled in, and nothing that ships is built with it.

macro_rules! canaries {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A bug that somebody's log, replication or coordinator once had, or that ours could get.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Canary {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Canary {
            /// All of them.
            pub const ALL: &'static [Canary] = &[$(Canary::$name,)+];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Canary::$name => stringify!($name),)+
                }
            }

            /// What is wrong with it.
            #[must_use]
            pub fn bug(self) -> &'static str {
                match self {
                    $(Canary::$name => concat!($($doc,)+).trim_ascii_start(),)+
                }
            }
        }
    };
}

canaries! {
    // The journal and what lies behind it.
    /// A commit group is written without a flush and acknowledged.
    AckBeforeSync,
    /// A group that completes makes those before it durable, which are still under way.
    GroupsCompleteOutOfOrder,
    /// Recovery takes any valid block at the next place, also one of an earlier life of the file.
    StaleBlockAccepted,
    /// Recovery does not look at a block's checksum.
    TornBlockAccepted,
    /// Recovery mends no page of a block: damage of the last one passes for a write that was not finished.
    DamagedTailCut,
    /// Journal space is used again when a checkpoint begins, not when it is durable.
    JournalReusedEarly,
    /// A checkpoint refers to segment bytes that no sync has covered.
    CheckpointBeforeSegments,
    /// A checkpoint frees the journal before its own file is synced.
    CheckpointUnsynced,
    /// An error of a journal write is taken for success.
    WriteErrorIgnored,
    /// An error of a sync is taken for success.
    SyncErrorIgnored,
    /// A buffer is filled anew while its write is under way.
    BufferReusedInFlight,
    /// Bytes of a segment are served without a look at their checksum.
    ReadUnverified,
    // A partition's state.
    /// Truncation leaves the producers' sequences of the records that are gone.
    ProducersNotTruncated,
    /// Truncation leaves the leader epochs of the records that are gone.
    EpochsNotTruncated,
    /// A batch that an idempotent producer sends again is appended again.
    DuplicateAppended,
    /// Followers and recovery do not note which batches idempotent producers wrote.
    ProducersNotReplicated,
    /// A lookup by timestamp gives the batch after the one that is due.
    TimestampLookupLate,
    /// The start of the log is not journaled when it moves.
    LogStartForgotten,
    /// Retention by time counts a tenth of what is set.
    RetentionEarly,
    // Replication.
    /// The leader counts what it has only in memory.
    HighWatermarkBeforeOwnDisk,
    /// The leader counts only itself.
    HighWatermarkAlone,
    /// A follower reports what it has only in memory.
    FollowerReportsUnsynced,
    /// A follower joins the ISR before it has what is committed.
    IsrExpandedEarly,
    /// A smaller ISR counts before the controller has accepted it.
    ProposedIsrCounts,
    /// A follower cuts its log at its own high watermark, not where the epochs part.
    TruncateToHighWatermark,
    /// A leader gives records to a follower whose log parts from its own.
    DivergenceIgnored,
    /// A follower takes answers of an earlier epoch's leader.
    StaleLeaderFollowed,
    /// A leader counts what a follower said about another epoch's log.
    StaleReportCounts,
    // The metadata quorum and what it decides.
    /// Half of the voters count as a majority.
    QuorumMiscount,
    /// What one voter has is committed.
    CommitOnOneVoter,
    /// A vote is given before it is durable.
    VoteNotDurable,
    /// A voter votes twice in an epoch.
    VoteTwice,
    /// A voter votes for a candidate whose log is behind its own.
    VoteForShorterLog,
    /// Entries are acknowledged before they are durable.
    EntryNotDurable,
    /// A voter that lost its log votes.
    AmnesiacVotes,
    /// A replica outside of the ISR is elected.
    UncleanElection,
    /// A broker that has restarted joins an ISR on what its earlier run had.
    StaleBrokerEpochJoins,
    /// A broker with another disk stays in its ISRs.
    DiskChangeUnnoticed,
    /// A new leader keeps the epoch of the old one.
    LeaderEpochKept,
    // What clients are told.
    /// acks=all is answered when the leader's own disk has the records.
    AcksAllAfterOwnDisk,
    /// Consumers are given records that are not committed.
    ReadAboveHighWatermark,
    /// ListOffsets answers "latest" with the end of the log.
    LatestIsLogEnd,
    /// A deadline that is over is still wished for.
    DeadlineKept,
    // Groups.
    /// An offset commit is answered before it is replicated.
    CommitAnsweredEarly,
    /// A member of an earlier generation may commit.
    GenerationUnchecked,
    /// A new coordinator does not read what the one before it stored.
    CoordinatorUnloaded,
    // Transactions.
    /// Readers of committed records are given what is not decided yet.
    LastStableIsHighWatermark,
    /// Readers of committed records are not told which transactions were aborted.
    AbortedListEmpty,
    /// A new coordinator does not go on with transactions that were decided.
    MarkersNotResumed,
    /// Who begins under a transactional id gets the epoch of who was there.
    InitKeepsEpoch,
    /// The offsets that an aborted transaction has committed hold.
    AbortedOffsetsHold,
}

#[cfg(feature = "canary")]
mod switch {
    use std::cell::Cell;

    use super::Canary;

    std::thread_local! {
        // A run of the simulator stays on its thread, and several threads run different canaries.
        static ON: Cell<Option<Canary>> = const { Cell::new(None) };
    }

    /// Switches a canary on in this thread, or all of them off.
    pub fn set(canary: Option<Canary>) {
        ON.set(canary);
    }

    /// Whether a canary is on in this thread.
    #[must_use]
    pub fn is_on(canary: Canary) -> bool {
        ON.get() == Some(canary)
    }
}

#[cfg(feature = "canary")]
pub use switch::{is_on, set};

/// Whether a canary is on: never in this build.
#[cfg(not(feature = "canary"))]
#[inline(always)]
#[must_use]
pub const fn is_on(_canary: Canary) -> bool {
    false
}
