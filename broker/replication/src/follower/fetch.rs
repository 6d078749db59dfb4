//! Sends fetches and reports of durable ends, once per batch of events.
//! What comes back is taken in `take`.

use std::time::Duration;

use kring_io::BrokerId;
use kring_io::canary::{self, Canary};
use kring_wire::ids::{LeaderEpoch, Offset, TopicPartition};

use super::{Followers, Following};
use crate::context::Context;
use crate::log::Log;
use crate::message::{Fetch, FetchPartition, Message, SessionId};

impl Followers {
    pub(super) fn next_session(&mut self) -> SessionId {
        self.sessions_begun += 1;
        SessionId {
            broker_epoch: self.broker_epoch,
            number: self.sessions_begun,
        }
    }

    /// Sends what each leader must hear.
    pub(crate) fn finish(&mut self, cx: &mut Context<'_>) {
        self.take_due_retries(cx);
        self.take_durable_starts(cx);
        let patience = cx.config.fetch_wait_ms + cx.config.fetch_grace_ms;
        let leaders: Vec<BrokerId> = self.upstreams.keys().copied().collect();
        for leader in leaders {
            let upstream = self
                .upstreams
                .get(&leader)
                .expect("its key was just listed");
            let silent_from = upstream.sent_at + Duration::from_millis(patience);
            if upstream.awaits_answer() && silent_from <= cx.now.mono {
                tracing::debug!(%leader, "no answer to a fetch, begins a new session");
                self.restart(leader);
            }
            self.send(leader, cx);
            self.send_starts(leader, cx);
            let upstream = self
                .upstreams
                .get(&leader)
                .expect("its key was just listed");
            cx.wake_at(upstream.sent_at + Duration::from_millis(patience));
        }
    }

    fn take_due_retries(&mut self, cx: &mut Context<'_>) {
        while let Some((at, tp)) = self.retries.first().copied() {
            if at > cx.now.mono {
                cx.wake_at(at);
                return;
            }
            self.retries.pop_first();
            self.changed(tp);
        }
    }

    fn take_durable_starts(&mut self, cx: &Context<'_>) {
        let durable = cx.log.durable_lsn();
        while let Some((_, tp, start)) = self.starts.pop_front_if(|(lsn, _, _)| *lsn <= durable) {
            if let Some(following) = self.partitions.get_mut(&tp)
                && let Some(upstream) = self.upstreams.get_mut(&following.leader)
            {
                following.durable_start = start;
                upstream.starts.insert(tp);
            }
        }
    }

    /// After the fetch, which makes the partitions known to the leader.
    fn send_starts(&mut self, leader: BrokerId, cx: &mut Context<'_>) {
        let upstream = self
            .upstreams
            .get_mut(&leader)
            .expect("the caller listed it");
        let tell = std::mem::take(&mut upstream.starts);
        let starts = tell.iter().filter_map(|tp| {
            let following = self.partitions.get(tp)?;
            Some((*tp, following.epoch, following.durable_start))
        });
        let starts: Vec<(TopicPartition, LeaderEpoch, Offset)> = starts.collect();
        if starts.is_empty() {
            return;
        }
        let session = upstream.session;
        let message = Message::LogStart { session, starts }.encode(Vec::new());
        cx.out.sends.push((leader, message));
    }

    /// The leader must hear where this replica stands.
    pub(super) fn changed(&mut self, tp: TopicPartition) {
        if let Some(following) = self.partitions.get(&tp)
            && let Some(upstream) = self.upstreams.get_mut(&following.leader)
        {
            upstream.changed.insert(tp);
        }
    }

    fn send(&mut self, leader: BrokerId, cx: &mut Context<'_>) {
        let upstream = self
            .upstreams
            .get_mut(&leader)
            .expect("the caller listed it");
        let changed = !upstream.changed.is_empty() || !upstream.forgotten.is_empty();
        if changed || !upstream.awaits_answer() {
            let mut tell = std::mem::take(&mut upstream.changed);
            tell.append(&mut upstream.durable);
            let remind_at = upstream.reminded_at + Duration::from_millis(cx.config.fetch_wait_ms);
            if !upstream.awaits_answer() && remind_at <= cx.now.mono {
                upstream.reminded_at = cx.now.mono;
                let unheard = |tp: &&TopicPartition| {
                    self.partitions
                        .get(tp)
                        .is_some_and(|following| seems_unheard(**tp, following, cx.log))
                };
                tell.extend(upstream.partitions.iter().filter(unheard));
            }
            let partitions = tell
                .iter()
                .filter_map(|tp| position(*tp, self.partitions.get(tp)?, cx.log));
            upstream.sent += 1;
            upstream.sent_at = cx.now.mono;
            let fetch = Fetch {
                session: upstream.session,
                seq: upstream.sent,
                max_wait_ms: u32::try_from(cx.config.fetch_wait_ms).unwrap_or(u32::MAX),
                max_bytes: u32::try_from(cx.config.fetch_bytes_max).unwrap_or(u32::MAX),
                partitions: partitions.collect(),
                forgotten: std::mem::take(&mut upstream.forgotten)
                    .into_iter()
                    .collect(),
            };
            let message = Message::Fetch(fetch).encode(Vec::new());
            cx.out.sends.push((leader, message));
        } else if !upstream.durable.is_empty() {
            let tell = std::mem::take(&mut upstream.durable);
            let ends = tell.iter().filter_map(|tp| {
                let at = position(*tp, self.partitions.get(tp)?, cx.log)?;
                Some((at.tp, at.leader_epoch, at.durable_end))
            });
            let ends: Vec<(TopicPartition, LeaderEpoch, Offset)> = ends.collect();
            let session = upstream.session;
            let message = Message::Durable { session, ends }.encode(Vec::new());
            cx.out.sends.push((leader, message));
        }
    }
}

/// More is on this disk than the leader has committed. It was told once; were that word lost, the
/// high watermark would stand still until the next append, so a fetch now and then says it again.
fn seems_unheard(tp: TopicPartition, following: &Following, log: &Log) -> bool {
    log.state(tp).is_some_and(|state| {
        state.durable_end.min(state.log_end) > following.leader_high_watermark.max(0)
    })
}

fn position(tp: TopicPartition, following: &Following, log: &Log) -> Option<FetchPartition> {
    let state = log.state(tp)?;
    Some(FetchPartition {
        tp,
        leader_epoch: following.epoch,
        fetch_offset: state.log_end,
        last_epoch: state.last_epoch,
        durable_end: if canary::is_on(Canary::FollowerReportsUnsynced) {
            state.log_end
        } else {
            state.durable_end.min(state.log_end)
        },
    })
}
