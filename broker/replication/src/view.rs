//! What others may see of the replicas: requests, metrics, the admin API.
//! It is a copy; nothing is changed through it.

use kring_io::{BrokerId, Instant};
use kring_wire::ids::{LeaderEpoch, Offset};

/// A partition that this broker leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderView {
    /// Its epoch.
    pub epoch: LeaderEpoch,
    /// Where the log ended when the epoch began.
    pub epoch_start: Offset,
    /// The committed in-sync replicas.
    pub isr: Vec<BrokerId>,
    /// How many of them an acks=all append needs: `min.insync.replicas`, at most all replicas.
    pub min_isr: usize,
    /// Everything below is committed.
    pub high_watermark: Offset,
    /// The other replicas.
    pub followers: Vec<FollowerView>,
}

impl LeaderView {
    /// Whether acks=all appends may be taken.
    #[must_use]
    pub fn has_min_isr(&self) -> bool {
        self.isr.len() >= self.min_isr
    }
}

/// A follower as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerView {
    /// Who.
    pub broker: BrokerId,
    /// Whether the controller may hold it for in sync: it is in the committed ISR, or in a proposed
    /// one whose answer is still awaited.
    pub may_be_in_isr: bool,
    /// Everything below is on its disk; `None` until it reported in this epoch.
    pub durable_end: Option<Offset>,
    /// Records it lacks.
    pub lag_records: i64,
    /// When it last had everything.
    pub caught_up_at: Instant,
}

/// A partition that this broker follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowingView {
    /// The leader.
    pub leader: BrokerId,
    /// Its epoch.
    pub epoch: LeaderEpoch,
    /// The leader's high watermark as it was last told; −1 before.
    pub leader_high_watermark: Offset,
    /// Why replication of this partition stands still, if it does.
    pub stalled: Option<String>,
}
