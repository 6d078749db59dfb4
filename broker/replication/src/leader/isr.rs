//! Proposes who joins and who leaves the ISR; the controller decides.
//! A partition has at most one proposal under way.

use std::time::Duration;

use kring_io::BrokerId;
use kring_io::canary::{self, Canary};
use kring_wire::ids::TopicPartition;

use super::Leaders;
use super::partition::{Follower, Leading, Proposal};
use super::session::Session;
use crate::context::Context;
use crate::{AlterIsr, IsrRejection};

impl Leaders {
    /// Proposes followers that have all that is or was committed.
    pub(super) fn consider_expansion(&mut self, tp: TopicPartition, cx: &mut Context<'_>) {
        let (Some(leading), Some(state)) = (self.partitions.get_mut(&tp), cx.log.state(tp)) else {
            return;
        };
        if leading.proposal.is_some() || leading.isr_pause_until.is_some_and(|at| cx.now.mono < at)
        {
            return;
        }
        // REP-3: all that this leader or one before it may have committed.
        let needed = if canary::is_on(Canary::IsrExpandedEarly) {
            state.log_start
        } else {
            state.high_watermark.max(leading.epoch_start)
        };
        let lag_max = Duration::from_millis(cx.config.replica_lag_time_max_ms);
        let silence_max = Duration::from_millis(cx.config.fetch_wait_ms + cx.config.fetch_grace_ms);
        let now = cx.now.mono;
        // The high watermark alone is not enough: below min ISR it stands still, and a follower that
        // is gone would be added for what it once had. And whoever may lead shows nothing that was deleted.
        let starts_there = |session: &Session| {
            let entry = session.entries.get(&tp);
            entry.is_some_and(|entry| entry.log_start >= state.log_start)
        };
        let joins = |(broker, follower): (&BrokerId, &Follower)| {
            let session = self.sessions.get(broker)?;
            let heard_at = session.heard_at;
            let caught_up_at = follower.caught_up_at(state.log_end, Some(heard_at));
            let joins = !leading.isr.contains(broker)
                && follower.durable_end? >= needed
                && starts_there(session)
                && now.since(heard_at) <= silence_max
                && now.since(caught_up_at) <= lag_max;
            joins.then_some(*broker)
        };
        let joining: Vec<BrokerId> = leading.followers.iter().filter_map(joins).collect();
        if joining.is_empty() {
            return;
        }
        tracing::info!(%tp, ?joining, "proposes to add to the ISR");
        let isr = [leading.isr.as_slice(), &joining].concat();
        leading.propose(tp, isr, cx);
    }

    /// When it is time: proposes to drop followers that lag, and repeats what was not answered.
    pub(super) fn check_isrs(&mut self, cx: &mut Context<'_>) {
        let due = *self.isr_check_at.get_or_insert(cx.now.mono);
        if self.partitions.is_empty() {
            self.isr_check_at = None;
            return;
        }
        if cx.now.mono < due {
            cx.wake_at(due);
            return;
        }
        let led: Vec<TopicPartition> = self.partitions.keys().copied().collect();
        let mut waits = false;
        for tp in led {
            self.consider_shrinking(tp, cx);
            self.consider_expansion(tp, cx);
            let leading = self.partitions.get(&tp);
            waits |= leading.is_some_and(|l| l.proposal.is_some() || l.isr_pause_until.is_some());
        }
        let period_ms = cx.config.replica_lag_time_max_ms / 2;
        let retry_ms = cx.config.isr_retry_ms;
        let next = cx.after_ms(
            if waits {
                period_ms.min(retry_ms)
            } else {
                period_ms
            }
            .max(1),
        );
        self.isr_check_at = Some(next);
        cx.wake_at(next);
    }

    fn consider_shrinking(&mut self, tp: TopicPartition, cx: &mut Context<'_>) {
        let (Some(leading), Some(state)) = (self.partitions.get_mut(&tp), cx.log.state(tp)) else {
            return;
        };
        if leading.isr_pause_until.is_some_and(|at| at <= cx.now.mono) {
            leading.isr_pause_until = None;
        }
        if let Some(proposal) = &mut leading.proposal {
            if proposal.retry_at <= cx.now.mono {
                leading.send_proposal(tp, cx);
            }
            return;
        }
        if leading.isr_pause_until.is_some() {
            return;
        }
        let lag_max = Duration::from_millis(cx.config.replica_lag_time_max_ms);
        let stays = |broker: &BrokerId| {
            let Some(follower) = leading.followers.get(broker) else {
                return true;
            };
            let heard_at = self.sessions.get(broker).map(|session| session.heard_at);
            let caught_up_at = follower.caught_up_at(state.log_end, heard_at);
            cx.now.mono.since(caught_up_at) <= lag_max
        };
        let isr: Vec<BrokerId> = leading.isr.iter().copied().filter(stays).collect();
        if isr.len() < leading.isr.len() {
            tracing::warn!(%tp, from = ?leading.isr, to = ?isr, "proposes to drop from the ISR");
            leading.propose(tp, isr, cx);
        }
    }

    /// A proposal that started from `partition_epoch` did not pass.
    pub(crate) fn rejected(
        &mut self,
        tp: TopicPartition,
        partition_epoch: i32,
        rejection: IsrRejection,
        cx: &mut Context<'_>,
    ) {
        let retry_at = cx.after_ms(cx.config.isr_retry_ms);
        // A late answer is to a proposal that is gone; the one under way may pass.
        let leading = self.partitions.get_mut(&tp);
        let Some(leading) = leading.filter(|l| l.partition_epoch == partition_epoch) else {
            return;
        };
        let Some(proposal) = &mut leading.proposal else {
            return;
        };
        match rejection {
            // An earlier attempt without an answer may still pass, so only a first refusal is final.
            IsrRejection::Refused if proposal.attempts == 1 => {
                leading.proposal = None;
                leading.isr_pause_until = Some(retry_at);
            }
            // To wait for it without end would hold back the high watermark for a broker that is gone.
            IsrRejection::Refused => {
                proposal.taken_back = true;
                proposal.retry_at = retry_at;
            }
            IsrRejection::Unknown => proposal.retry_at = retry_at,
            // The newer state ends it when it comes.
            IsrRejection::Stale => {}
        }
        self.isr_check_at = self.isr_check_at.map(|at| at.min(retry_at));
        self.advance(tp, cx);
    }
}

impl Leading {
    fn propose(&mut self, tp: TopicPartition, isr: Vec<BrokerId>, cx: &mut Context<'_>) {
        self.proposal = Some(Proposal {
            isr: self.with_epochs(&isr),
            attempts: 0,
            taken_back: false,
            retry_at: cx.now.mono,
        });
        self.send_proposal(tp, cx);
    }

    fn send_proposal(&mut self, tp: TopicPartition, cx: &mut Context<'_>) {
        let committed = self.with_epochs(&self.isr);
        let Some(proposal) = &mut self.proposal else {
            return;
        };
        proposal.attempts += 1;
        proposal.retry_at = cx.after_ms(cx.config.replica_lag_time_max_ms);
        let isr = if proposal.taken_back {
            committed
        } else {
            proposal.isr.clone()
        };
        cx.out.alter_isr.push(AlterIsr {
            tp,
            leader_epoch: self.epoch,
            partition_epoch: self.partition_epoch,
            isr,
        });
    }

    fn with_epochs(&self, isr: &[BrokerId]) -> Vec<(BrokerId, i64)> {
        let with_epoch = |broker: &BrokerId| {
            let follower = self.followers.get(broker);
            (
                *broker,
                follower.map_or(self.own_broker_epoch, |f| f.broker_epoch),
            )
        };
        isr.iter().map(with_epoch).collect()
    }
}
