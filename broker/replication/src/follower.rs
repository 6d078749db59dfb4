//! The partitions that this broker follows, and the conversations with their leaders.
//! It never decides what is committed: leaders tell.

mod fetch;
mod take;
pub(crate) mod upstream;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kring_io::canary::{self, Canary};
use kring_io::{BrokerId, Instant};
use kring_log::Lsn;
use kring_wire::ids::{LeaderEpoch, Offset, TopicPartition};

use crate::FollowingView;
use crate::context::Context;
use upstream::Upstream;

/// The follower side of a broker.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Followers {
    pub(crate) partitions: BTreeMap<TopicPartition, Following>,
    /// By leader.
    pub(crate) upstreams: BTreeMap<BrokerId, Upstream>,
    /// Partitions whose fetch failed, by the time of the next attempt.
    pub(crate) retries: BTreeSet<(Instant, TopicPartition)>,
    /// New starts of logs that are not known to be durable, in the order of the journal.
    starts: VecDeque<(Lsn, TopicPartition, Offset)>,
    sessions_begun: u64,
    broker_epoch: i64,
}

/// A partition that this broker follows.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Following {
    pub(crate) leader: BrokerId,
    pub(crate) epoch: LeaderEpoch,
    /// As the leader last told; this replica's own is never above its end.
    pub(crate) leader_high_watermark: Offset,
    /// This replica's log durably begins here, as far as was looked at.
    pub(crate) durable_start: Offset,
    pub(crate) stalled: Option<String>,
    /// What the leader told of producers, and below which offset: for a log that starts anew there.
    producers: Option<(Offset, Vec<u8>)>,
}

impl Followers {
    /// Begins to follow a leader; nothing when it already does in this epoch.
    pub(crate) fn follow(
        &mut self,
        tp: TopicPartition,
        leader: BrokerId,
        epoch: LeaderEpoch,
        cx: &mut Context<'_>,
    ) {
        if let Some(following) = self.partitions.get(&tp) {
            if following.epoch > epoch || (following.epoch == epoch && following.leader == leader) {
                return;
            }
            self.unfollow(tp);
        }
        let Some(state) = cx.log.state(tp) else {
            tracing::error!(%tp, "made follower of a partition without a log; the role is ignored");
            return;
        };
        if canary::is_on(Canary::TruncateToHighWatermark) && state.log_end > state.high_watermark {
            let _ = cx.log.truncate(cx.now, tp, state.high_watermark);
        }
        tracing::info!(%tp, %leader, epoch, "follows");
        let following = Following {
            leader,
            epoch,
            leader_high_watermark: -1,
            durable_start: 0,
            stalled: None,
            producers: None,
        };
        self.partitions.insert(tp, following);
        if state.log_start > 0 {
            self.log_start_moved(tp, cx);
        }
        let session = self.next_session();
        let upstream = self
            .upstreams
            .entry(leader)
            .or_insert_with(|| Upstream::new(session));
        upstream.follow(tp);
    }

    /// Ceases to follow.
    pub(crate) fn unfollow(&mut self, tp: TopicPartition) {
        let Some(following) = self.partitions.remove(&tp) else {
            return;
        };
        self.retries.retain(|(_, waiting)| *waiting != tp);
        if let Some(upstream) = self.upstreams.get_mut(&following.leader) {
            upstream.forget(tp);
            if upstream.partitions.is_empty() {
                // The leader's half of the session fades: a new one has a higher number.
                self.upstreams.remove(&following.leader);
            }
        }
    }

    /// Takes the epoch under which this broker is registered; a new one begins new sessions.
    pub(crate) fn registered(&mut self, broker_epoch: i64) {
        if self.broker_epoch != broker_epoch {
            self.broker_epoch = broker_epoch;
            let leaders: Vec<BrokerId> = self.upstreams.keys().copied().collect();
            for leader in leaders {
                self.restart(leader);
            }
        }
    }

    /// Begins the conversation with a leader anew, if there is one.
    pub(crate) fn restart(&mut self, leader: BrokerId) {
        let session = self.next_session();
        if let Some(upstream) = self.upstreams.get_mut(&leader) {
            upstream.restart(session);
            // In a new session the leader takes 0 for a start that it was not told.
            let begins_later = |tp: &TopicPartition| {
                let following = self.partitions.get(tp);
                following.is_some_and(|following| following.durable_start > 0)
            };
            upstream.starts.retain(begins_later);
        }
    }

    /// More of a partition is on this broker's disk.
    pub(crate) fn durable(&mut self, tp: TopicPartition) {
        if let Some(following) = self.partitions.get(&tp)
            && let Some(upstream) = self.upstreams.get_mut(&following.leader)
        {
            upstream.durable.insert(tp);
        }
    }

    /// A log begins elsewhere than before; its leader hears of it when that is durable.
    pub(crate) fn log_start_moved(&mut self, tp: TopicPartition, cx: &Context<'_>) {
        if self.partitions.contains_key(&tp)
            && let Some(state) = cx.log.state(tp)
        {
            // The change was journaled before: what is appended by now holds it.
            let lsn = cx.log.appended_lsn();
            self.starts.push_back((lsn, tp, state.log_start));
        }
    }

    pub(crate) fn view(&self, tp: TopicPartition) -> Option<FollowingView> {
        self.partitions.get(&tp).map(|following| FollowingView {
            leader: following.leader,
            epoch: following.epoch,
            leader_high_watermark: following.leader_high_watermark,
            stalled: following.stalled.clone(),
        })
    }
}
