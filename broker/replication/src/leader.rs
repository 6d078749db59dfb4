//! The partitions that this broker leads: their followers, ISR and high watermark, and the sessions they are fetched in.
//! It appends nothing; the requests do.

mod answer;
mod isr;
pub(crate) mod partition;
mod place;
pub(crate) mod session;

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_io::canary::{self, Canary};
use kring_io::{BrokerId, Effects, Instant};
use kring_log::{ReadError, ReadId};
use kring_wire::ids::{LeaderEpoch, Offset, TopicPartition};

use crate::context::Context;
use crate::log::Log;
use crate::message::{Fetch, Message, Outcome, SessionId};
use crate::{LeaderView, PartitionRole};
pub(crate) use partition::Leading;
use session::{Session, State};

/// The leader side of a broker.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Leaders {
    pub(crate) partitions: BTreeMap<TopicPartition, Leading>,
    /// By follower.
    pub(crate) sessions: BTreeMap<BrokerId, Session>,
    /// Reads of the log that are under way, and for whom.
    reads: BTreeMap<ReadId, (BrokerId, TopicPartition)>,
    pub(crate) isr_check_at: Option<Instant>,
}

impl Leaders {
    /// Begins to lead a partition, or takes a newer state of one that is led.
    pub(crate) fn lead(
        &mut self,
        tp: TopicPartition,
        role: &PartitionRole,
        min_isr: usize,
        cx: &mut Context<'_>,
    ) {
        let Some(state) = cx.log.state(tp) else {
            tracing::error!(%tp, "made leader of a partition without a log; the role is ignored");
            return;
        };
        match self.partitions.get_mut(&tp) {
            Some(leading) if leading.epoch > role.leader_epoch => return,
            Some(leading) if leading.epoch == role.leader_epoch => {
                let before: Vec<BrokerId> = leading.followers.keys().copied().collect();
                leading.update(role, min_isr, cx);
                let added = leading.followers.keys().filter(|b| !before.contains(b));
                // Perhaps it told where it stands before this broker heard that it is a replica again.
                for broker in added.filter(|broker| self.sessions.contains_key(broker)) {
                    let restart = Message::Restart.encode(Vec::new());
                    cx.out.sends.push((*broker, restart));
                }
            }
            _ => {
                let leading = Leading::new(role, min_isr, state.log_end, cx);
                tracing::info!(%tp, epoch = leading.epoch, log_end = state.log_end, "leads");
                self.partitions.insert(tp, leading);
            }
        }
        self.forget_former_replicas(tp);
        self.place_all(tp, cx);
        self.advance(tp, cx);
        self.consider_expansion(tp, cx);
    }

    /// REP-3: what a broker told while it was a replica says nothing once it has been none: it has
    /// removed its log since.
    fn forget_former_replicas(&mut self, tp: TopicPartition) {
        let Some(leading) = self.partitions.get(&tp) else {
            return;
        };
        for (broker, session) in &mut self.sessions {
            if !leading.followers.contains_key(broker) {
                session.forget(tp);
            }
        }
    }

    /// Ceases to lead a partition.
    pub(crate) fn resign(&mut self, tp: TopicPartition, cx: &mut Context<'_>) {
        if self.partitions.remove(&tp).is_some() {
            self.place_all(tp, cx);
        }
    }

    /// Forgets a partition without a word to its followers.
    pub(crate) fn remove(&mut self, tp: TopicPartition) {
        self.partitions.remove(&tp);
        for session in self.sessions.values_mut() {
            session.set_state(tp, State::Unplaced);
        }
    }

    /// Records were appended here.
    pub(crate) fn appended(&mut self, tp: TopicPartition, cx: &Context<'_>) {
        let Some(leading) = self.partitions.get_mut(&tp) else {
            return;
        };
        let Some(state) = cx.log.state(tp) else {
            return;
        };
        for (broker, follower) in &mut leading.followers {
            if let Some(session) = self.sessions.get_mut(broker) {
                follower.leader_appended(
                    cx.now.mono,
                    leading.seen_end,
                    state.log_end,
                    session.heard_at,
                );
                session.has_records(tp);
            }
        }
        leading.seen_end = state.log_end;
    }

    /// More of the log is on this broker's disk.
    pub(crate) fn durable(&mut self, tp: TopicPartition, cx: &mut Context<'_>) {
        self.advance(tp, cx);
    }

    /// The log of a partition begins later than before.
    pub(crate) fn log_start_moved(&mut self, tp: TopicPartition, cx: &Context<'_>) {
        self.tell_followers(tp, cx);
    }

    /// A read for a follower has ended.
    pub(crate) fn read_done(&mut self, id: ReadId, result: Result<Vec<Bytes>, ReadError>) {
        let Some((broker, tp)) = self.reads.remove(&id) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&broker) else {
            return;
        };
        if session.state(tp) != Some(&State::Reading(id)) {
            return;
        }
        let state = match result {
            Ok(records) => State::Loaded(records),
            // Read again: retention took the segment away.
            Err(ReadError::Gone) => State::Fetching,
            Err(error) => {
                tracing::error!(%tp, follower = %broker, %error, "cannot be read for a follower");
                State::Answer(Outcome::Unreadable)
            }
        };
        session.set_state(tp, state);
    }

    pub(crate) fn view(&self, tp: TopicPartition, log: &Log) -> Option<LeaderView> {
        let heard_at = |broker| {
            self.sessions
                .get(&broker)
                .map(|session: &Session| session.heard_at)
        };
        Some(self.partitions.get(&tp)?.view(&log.state(tp)?, heard_at))
    }

    pub(crate) fn owns_read(&self, id: ReadId) -> bool {
        self.reads.contains_key(&id)
    }

    /// A follower asks for more.
    pub(crate) fn fetch(&mut self, from: BrokerId, fetch: Fetch, cx: &mut Context<'_>) {
        let known = self.sessions.get(&from);
        if known.is_some_and(|session| fetch.session < session.id) {
            return;
        }
        let goes_on = known.is_some_and(|s| s.id == fetch.session && s.seq + 1 == fetch.seq);
        if !goes_on && fetch.seq != 1 {
            // A message of this session was lost, or this broker is new.
            cx.out
                .sends
                .push((from, Message::Restart.encode(Vec::new())));
            return;
        }
        if !goes_on {
            self.sessions.insert(from, Session::new(fetch.session));
        }
        let session = self.sessions.get_mut(&from).expect("it was inserted above");
        session.take(cx.now.mono, &fetch);
        for at in &fetch.partitions {
            self.place(from, at.tp, cx);
        }
    }

    /// A follower's disk holds more.
    pub(crate) fn follower_durable(
        &mut self,
        from: BrokerId,
        session: SessionId,
        ends: &[(TopicPartition, LeaderEpoch, Offset)],
        cx: &mut Context<'_>,
    ) {
        let Some(known) = self.sessions.get_mut(&from).filter(|s| s.id == session) else {
            return;
        };
        known.heard_at = cx.now.mono;
        for (tp, epoch, end) in ends {
            let entry = self
                .sessions
                .get_mut(&from)
                .and_then(|s| s.entries.get_mut(tp));
            let stale_counts = canary::is_on(Canary::StaleReportCounts);
            let Some(entry) = entry.filter(|e| e.at.leader_epoch == *epoch || stale_counts) else {
                continue;
            };
            // The follower says it once, perhaps before this broker knows that it leads: it counts
            // when the follower's place in this leader's log is known, and nothing until then.
            entry.at.durable_end = (*end).min(entry.at.fetch_offset);
            if entry.placed || stale_counts {
                self.report(from, *tp, cx);
            }
        }
    }

    /// A follower's log durably begins later.
    pub(crate) fn follower_log_start(
        &mut self,
        from: BrokerId,
        session: SessionId,
        starts: &[(TopicPartition, LeaderEpoch, Offset)],
        cx: &mut Context<'_>,
    ) {
        let Some(known) = self.sessions.get_mut(&from).filter(|s| s.id == session) else {
            return;
        };
        known.heard_at = cx.now.mono;
        for (tp, epoch, start) in starts {
            let known = self.sessions.get_mut(&from);
            let entry = known.and_then(|session| session.entries.get_mut(tp));
            if let Some(entry) = entry.filter(|entry| entry.at.leader_epoch == *epoch) {
                entry.log_start = *start;
                cx.out.log_starts.push(*tp);
                self.consider_expansion(*tp, cx);
            }
        }
    }

    /// Where a follower's log durably begins, as it said in this epoch.
    pub(crate) fn log_start_of(&self, tp: TopicPartition, follower: BrokerId) -> Option<Offset> {
        let epoch = self.partitions.get(&tp)?.epoch;
        let entry = self.sessions.get(&follower)?.entries.get(&tp)?;
        (entry.at.leader_epoch == epoch).then_some(entry.log_start)
    }

    /// The smallest durable start among the followers in the ISR; 0 with too few of them: as the high
    /// watermark, what is deleted stands still then, because who left the ISR may still be elected (KIP-966).
    pub(crate) fn isr_log_start(&self, tp: TopicPartition, own: BrokerId) -> Option<Offset> {
        let leading = self.partitions.get(&tp)?;
        if leading.isr.len() < leading.min_isr() {
            return Some(0);
        }
        let followers = leading.maximal_isr().filter(|broker| *broker != own);
        let starts = followers.map(|broker| self.log_start_of(tp, broker).unwrap_or(0));
        Some(starts.min().unwrap_or(Offset::MAX))
    }

    /// The link to a follower is new: an answer may have been lost.
    pub(crate) fn connected(&mut self, to: BrokerId, cx: &mut Context<'_>) {
        if self.sessions.contains_key(&to) {
            cx.out.sends.push((to, Message::Restart.encode(Vec::new())));
        }
    }

    /// Answers what can be answered, and looks after the ISRs.
    pub(crate) fn finish(&mut self, cx: &mut Context<'_>, io: &mut Effects) {
        self.check_isrs(cx);
        let brokers: Vec<BrokerId> = self.sessions.keys().copied().collect();
        for broker in brokers {
            self.answer(broker, cx, io);
        }
        self.reads.retain(|id, (broker, tp)| {
            let session = self.sessions.get(broker);
            session.and_then(|s| s.state(*tp)) == Some(&State::Reading(*id))
        });
    }
}
