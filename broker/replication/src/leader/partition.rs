//! A partition that this broker leads, with its followers.
//! It sends nothing.

use std::collections::BTreeMap;

use kring_io::canary::{self, Canary};
use kring_io::{BrokerId, Instant};
use kring_log::PartitionState;
use kring_wire::ids::{LeaderEpoch, Offset};

use crate::context::Context;
use crate::{FollowerView, LeaderView, PartitionRole};

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Leading {
    pub(crate) epoch: LeaderEpoch,
    pub(crate) partition_epoch: i32,
    /// Where the log ended when the epoch began: who has everything below has all that earlier
    /// leaders may have committed.
    pub(crate) epoch_start: Offset,
    /// Where the log ended when followers were last told.
    pub(crate) seen_end: Offset,
    pub(crate) replicas: Vec<BrokerId>,
    /// Committed.
    pub(crate) isr: Vec<BrokerId>,
    pub(crate) proposal: Option<Proposal>,
    /// Nothing is proposed before.
    pub(crate) isr_pause_until: Option<Instant>,
    min_isr: usize,
    pub(crate) own_broker_epoch: i64,
    pub(crate) followers: BTreeMap<BrokerId, Follower>,
}

/// An ISR that the controller has not answered for good. It stays the same until the partition epoch
/// moves: any attempt at it may be the one that passes.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Proposal {
    /// Each member with the broker epoch of the run that had caught up. A later run of it may have an empty disk.
    pub(crate) isr: Vec<(BrokerId, i64)>,
    /// How often it was sent.
    pub(crate) attempts: u32,
    /// A repeat was refused. Instead, the committed ISR is proposed: it moves the partition epoch,
    /// and no earlier attempt can pass any more.
    pub(crate) taken_back: bool,
    /// When it is sent again if nothing is heard.
    pub(crate) retry_at: Instant,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Follower {
    /// As its fetches say; −1 before.
    pub(crate) broker_epoch: i64,
    /// On its disk; `None` until it reported in this leader epoch.
    pub(crate) durable_end: Option<Offset>,
    /// When it last had everything.
    pub(crate) caught_up_at: Instant,
    /// An end of the log and when it was that. When the follower reaches it, it had caught up then.
    pub(crate) mark: Option<(Offset, Instant)>,
}

impl Follower {
    fn new(now: Instant) -> Follower {
        Follower {
            broker_epoch: -1,
            durable_end: None,
            caught_up_at: now,
            mark: None,
        }
    }

    /// Takes a report: everything below `durable_end` is on the follower's disk.
    pub(crate) fn reported(&mut self, now: Instant, durable_end: Offset, log_end: Offset) {
        self.durable_end = Some(durable_end);
        if let Some((_, at)) = self.mark.take_if(|(end, _)| durable_end >= *end) {
            self.caught_up_at = self.caught_up_at.max(at);
        }
        if durable_end >= log_end {
            self.caught_up_at = now;
            self.mark = None;
        } else if self.mark.is_none() {
            self.mark = Some((log_end, now));
        }
    }

    /// The leader's log grew from `was` to `is`: who had everything had it until it was last heard.
    pub(crate) fn leader_appended(
        &mut self,
        now: Instant,
        was: Offset,
        is: Offset,
        heard_at: Instant,
    ) {
        if self.durable_end.is_some_and(|end| end >= was) {
            self.caught_up_at = self.caught_up_at.max(heard_at);
            self.mark = Some((is, now));
        }
    }

    /// When it last had everything, as far as is known.
    pub(crate) fn caught_up_at(&self, log_end: Offset, heard_at: Option<Instant>) -> Instant {
        match heard_at {
            Some(heard) if self.durable_end.is_some_and(|end| end >= log_end) => {
                self.caught_up_at.max(heard)
            }
            _ => self.caught_up_at,
        }
    }
}

impl Leading {
    pub(crate) fn new(
        role: &PartitionRole,
        min_isr: usize,
        log_end: Offset,
        cx: &Context<'_>,
    ) -> Leading {
        let mut leading = Leading {
            epoch: role.leader_epoch,
            partition_epoch: role.partition_epoch,
            epoch_start: log_end,
            seen_end: log_end,
            replicas: Vec::new(),
            isr: Vec::new(),
            proposal: None,
            isr_pause_until: None,
            min_isr,
            own_broker_epoch: role.own_broker_epoch,
            followers: BTreeMap::new(),
        };
        leading.update(role, min_isr, cx);
        leading
    }

    /// Takes a newer state of the same leader epoch.
    pub(crate) fn update(&mut self, role: &PartitionRole, min_isr: usize, cx: &Context<'_>) {
        self.min_isr = min_isr;
        self.own_broker_epoch = role.own_broker_epoch;
        if role.partition_epoch < self.partition_epoch {
            return;
        }
        if role.partition_epoch > self.partition_epoch {
            // Whatever was proposed started from an older state: it passed, or it never will.
            self.proposal = None;
            self.isr_pause_until = None;
        }
        self.partition_epoch = role.partition_epoch;
        self.replicas.clone_from(&role.replicas);
        self.isr.clone_from(&role.isr);
        self.followers
            .retain(|broker, _| role.replicas.contains(broker));
        for broker in role.replicas.iter().filter(|broker| **broker != cx.id) {
            self.followers
                .entry(*broker)
                .or_insert_with(|| Follower::new(cx.now.mono));
        }
    }

    /// Committed in-sync replicas that an acks=all append needs.
    pub(crate) fn min_isr(&self) -> usize {
        self.min_isr.clamp(1, self.replicas.len().max(1))
    }

    /// The committed ISR and what is proposed: whoever may be elected must hold what is committed.
    pub(crate) fn maximal_isr(&self) -> impl Iterator<Item = BrokerId> + '_ {
        let proposed = || {
            let members = self.proposal.iter().flat_map(|proposal| &proposal.isr);
            members.map(|(broker, _)| *broker)
        };
        let added = proposed().filter(|broker| !self.isr.contains(broker));
        let proposal_counts = self.proposal.is_some() && canary::is_on(Canary::ProposedIsrCounts);
        let stays = move |broker: &BrokerId| !proposal_counts || proposed().any(|b| b == *broker);
        self.isr.iter().copied().filter(stays).chain(added)
    }

    /// REP-1: up to where everybody in the maximal ISR has the log on disk; `None` while somebody has not
    /// reported or too few are in sync (KIP-966: the high watermark then stands still).
    pub(crate) fn committed_end(&self, id: BrokerId, state: &PartitionState) -> Option<Offset> {
        if self.isr.len() < self.min_isr() {
            return None;
        }
        if canary::is_on(Canary::HighWatermarkAlone) {
            return Some(state.durable_end);
        }
        let own_end = if canary::is_on(Canary::HighWatermarkBeforeOwnDisk) {
            state.log_end
        } else {
            state.durable_end
        };
        self.maximal_isr()
            .filter(|broker| *broker != id)
            .try_fold(own_end, |end, broker| {
                let follower = self.followers.get(&broker)?.durable_end?;
                Some(end.min(follower))
            })
    }

    pub(crate) fn view(
        &self,
        state: &PartitionState,
        heard_at: impl Fn(BrokerId) -> Option<Instant>,
    ) -> LeaderView {
        let view = |(broker, follower): (&BrokerId, &Follower)| FollowerView {
            broker: *broker,
            may_be_in_isr: self.maximal_isr().any(|member| member == *broker),
            durable_end: follower.durable_end,
            lag_records: state.log_end - follower.durable_end.unwrap_or(state.log_start),
            caught_up_at: follower.caught_up_at(state.log_end, heard_at(*broker)),
        };
        LeaderView {
            epoch: self.epoch,
            epoch_start: self.epoch_start,
            isr: self.isr.clone(),
            min_isr: self.min_isr(),
            high_watermark: state.high_watermark,
            followers: self.followers.iter().map(view).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant(ms * 1_000_000)
    }

    #[test]
    fn a_follower_that_is_always_a_little_behind_has_caught_up_a_little_ago() {
        let mut follower = Follower::new(at(0));
        // One record a millisecond; each report is of the disk as it was 20 ms before.
        for ms in 1..5_000 {
            let end = ms as Offset;
            follower.leader_appended(at(ms), end - 1, end, at(ms));
            follower.reported(at(ms), (end - 20).max(0), end);
        }
        let behind = at(5_000).since(follower.caught_up_at(5_000, Some(at(5_000))));
        assert!(behind.as_millis() <= 50, "{behind:?}");
    }

    #[test]
    fn a_follower_whose_disk_stands_still_has_not_caught_up_although_it_talks() {
        let mut follower = Follower::new(at(0));
        follower.reported(at(10), 100, 100);
        follower.leader_appended(at(20), 100, 101, at(19));
        for ms in 20..5_000 {
            follower.reported(at(ms), 100, 101);
        }
        assert_eq!(follower.caught_up_at(101, Some(at(5_000))), at(19));
    }

    #[test]
    fn a_follower_with_everything_is_as_fresh_as_its_last_word() {
        let mut follower = Follower::new(at(0));
        follower.reported(at(10), 100, 100);
        assert_eq!(follower.caught_up_at(100, Some(at(900))), at(900));
        assert_eq!(follower.caught_up_at(100, None), at(10));
    }
}
