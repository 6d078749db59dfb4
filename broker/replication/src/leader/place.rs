//! Finds where a follower's log stands in the leader's: a prefix of it, parted from it, or outside of it.
//! It truncates nothing; the follower does.

use kring_io::BrokerId;
use kring_io::canary::{self, Canary};
use kring_log::PartitionState;
use kring_wire::ids::TopicPartition;

use super::{Leaders, State};
use crate::context::Context;
use crate::log::Log;
use crate::message::{FetchPartition, Outcome};

/// What is wrong with a follower's end, if anything is (KIP-101, KIP-595).
fn misplacement(at: &FetchPartition, state: &PartitionState, log: &Log) -> Option<Outcome> {
    if at.last_epoch >= 0 && !canary::is_on(Canary::DivergenceIgnored) {
        match log.epoch_end(at.tp, at.last_epoch) {
            Some((epoch, end)) if epoch == at.last_epoch && at.fetch_offset <= end => {}
            Some((epoch, end_offset)) => return Some(Outcome::Diverging { epoch, end_offset }),
            // The follower's last epoch is older than all that is left here: what it has below the
            // start of this log is the same, what it has above is not.
            None if at.fetch_offset > state.log_start => {
                return Some(Outcome::Diverging {
                    epoch: -1,
                    end_offset: state.log_start,
                });
            }
            None => {}
        }
    }
    let range = state.log_start..=state.log_end;
    (!range.contains(&at.fetch_offset)).then_some(Outcome::OutOfRange)
}

impl Leaders {
    /// Places all followers of a partition anew, because the role changed.
    pub(super) fn place_all(&mut self, tp: TopicPartition, cx: &mut Context<'_>) {
        let fetching = self
            .sessions
            .iter()
            .filter(|(_, s)| s.entries.contains_key(&tp));
        let brokers: Vec<BrokerId> = fetching.map(|(broker, _)| *broker).collect();
        for broker in brokers {
            self.place(broker, tp, cx);
        }
    }

    /// Places a follower in a partition by what it last said.
    pub(super) fn place(&mut self, broker: BrokerId, tp: TopicPartition, cx: &mut Context<'_>) {
        let Some(session) = self.sessions.get_mut(&broker) else {
            return;
        };
        let Some(entry) = session.entries.get_mut(&tp) else {
            return;
        };
        let leading = self.partitions.get(&tp);
        let leads = leading.is_some_and(|leading| {
            leading.epoch == entry.at.leader_epoch && leading.followers.contains_key(&broker)
        });
        let (true, Some(state)) = (leads, cx.log.state(tp)) else {
            // The follower knows another leader epoch; one of the two brokers will hear of the newer.
            session.set_state(tp, State::Unplaced);
            return;
        };
        // A role that changed nothing for this follower must not take back what it was answered.
        if entry.placed || entry.state == State::Answered {
            return;
        }
        match misplacement(&entry.at, &state, cx.log) {
            Some(outcome) => {
                session.set_state(tp, State::Answer(outcome));
            }
            None => {
                entry.placed = true;
                session.set_state(tp, State::Fetching);
                self.report(broker, tp, cx);
            }
        }
    }

    /// Takes what a placed follower said about its disk.
    pub(super) fn report(&mut self, broker: BrokerId, tp: TopicPartition, cx: &mut Context<'_>) {
        let Some(session) = self.sessions.get(&broker) else {
            return;
        };
        let (Some(entry), Some(leading)) = (session.entries.get(&tp), self.partitions.get_mut(&tp))
        else {
            return;
        };
        let (Some(follower), Some(state)) = (leading.followers.get_mut(&broker), cx.log.state(tp))
        else {
            return;
        };
        follower.broker_epoch = session.id.broker_epoch;
        let durable_end = entry.at.durable_end.min(state.log_end);
        follower.reported(cx.now.mono, durable_end, state.log_end);
        self.advance(tp, cx);
        self.consider_expansion(tp, cx);
    }

    /// Raises the high watermark as far as the in-sync replicas allow.
    pub(super) fn advance(&mut self, tp: TopicPartition, cx: &mut Context<'_>) {
        let (Some(leading), Some(state)) = (self.partitions.get(&tp), cx.log.state(tp)) else {
            return;
        };
        let Some(end) = leading.committed_end(cx.id, &state) else {
            return;
        };
        if end > state.high_watermark && cx.log.set_high_watermark(tp, end) {
            cx.out.high_watermarks.push((tp, end));
            self.tell_followers(tp, cx);
        }
    }

    /// Notes that followers should hear of a number that changed.
    pub(super) fn tell_followers(&mut self, tp: TopicPartition, cx: &Context<'_>) {
        for session in self.sessions.values_mut() {
            session.has_news(tp, cx.now.mono);
        }
    }
}
