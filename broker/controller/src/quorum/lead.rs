//! What a leader does: sends entries and snapshots, counts what is durable where, notices that it lost its majority.
//! It never waits for its own disk before it sends; its own copy counts only once it is durable.

use std::time::Duration;

use kring_io::canary::{self, Canary};
use kring_io::{BrokerId, Instant, Now};

use super::message::{Entry, Epoch, Index, LogEnd, Message};
use super::progress::{Mode, Progress};
use super::{ByMember, Quorum, QuorumOut, Role, store};

/// Entries of one message.
const APPEND_ENTRIES_MAX: usize = 256;
/// Payload bytes after which a message takes no further entry.
const APPEND_BYTES_MAX: usize = 1024 * 1024;
/// Entries sent to a follower and not yet acknowledged.
const IN_FLIGHT_ENTRIES_MAX: u64 = 2_048;
/// A follower without a vote that is silent for this many election time-outs is forgotten until it asks again.
const OBSERVER_SILENCE: u32 = 10;

/// State of a leader.
#[derive(Clone, Debug)]
pub(super) struct Leading {
    /// Index of the entry with which this leader began.
    pub(super) first: Index,
    followers: ByMember<Progress>,
    beat_at: Instant,
}

impl Leading {
    /// When a follower was last heard; none of who is none.
    pub(super) fn heard_at(&self, of: BrokerId) -> Option<Instant> {
        Some(self.followers.get(&of)?.heard_at)
    }

    /// Each follower and how far it is.
    pub(super) fn followers(&self) -> impl Iterator<Item = (&BrokerId, &Progress)> {
        self.followers.iter()
    }

    pub(super) fn new(now: Now, end: Index, voters: impl Iterator<Item = BrokerId>) -> Leading {
        let progress = |voter| (voter, Progress::new(now, end + 1));
        Leading {
            first: end + 1,
            followers: voters.map(progress).collect(),
            beat_at: now.mono,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.followers.is_empty()).then_some(self.beat_at)
    }

    pub(super) fn most_caught_up(&self, voter: impl Fn(BrokerId) -> bool) -> Option<BrokerId> {
        let voters = self.followers.iter().filter(|(id, _)| voter(**id));
        let best = voters.max_by_key(|(_, progress)| (progress.matched, progress.heard_at));
        best.map(|(id, _)| *id)
    }

    pub(super) fn is_near(
        &self,
        member: BrokerId,
        index: Index,
        now: Now,
        patience: Duration,
    ) -> bool {
        let progress = self.followers.get(&member);
        progress.is_some_and(|p| p.matched >= index && now.mono.since(p.heard_at) < patience)
    }
}

/// What a model of the quorum tells apart: everything but times.
#[cfg(test)]
impl Leading {
    pub(super) fn view(&self) -> Vec<(BrokerId, [Index; 5])> {
        let view = |(id, p): (&BrokerId, &Progress)| {
            let mode = match p.mode {
                Mode::Probe => [0, 0],
                Mode::Stream => [1, 0],
                Mode::Snapshot { index, part } => [2 + index, u64::from(part)],
            };
            (*id, [p.matched, p.next, p.told, mode[0], mode[1]])
        };
        self.followers.iter().map(view).collect()
    }

    pub(super) fn forget_times(&mut self) {
        self.beat_at = Instant::default();
        for progress in self.followers.values_mut() {
            progress.heard_at = Instant::default();
            progress.answered = false;
            progress.caught_up_at = None;
        }
    }
}

impl Quorum {
    fn progress(&mut self, now: Now, member: BrokerId, epoch: Epoch) -> Option<&mut Progress> {
        let current = epoch == self.ballot.epoch;
        let Role::Leader(leading) = &mut self.role else {
            return None;
        };
        let progress = leading.followers.get_mut(&member).filter(|_| current)?;
        progress.heard_at = now.mono;
        progress.answered = true;
        Some(progress)
    }

    pub(super) fn on_matched(
        &mut self,
        now: Now,
        from: BrokerId,
        epoch: Epoch,
        index: Index,
        out: &mut QuorumOut,
    ) {
        let end = self.log.end().index;
        let Some(progress) = self.progress(now, from, epoch) else {
            return;
        };
        assert!(
            index <= end,
            "QUORUM-2: a follower has no more of the leader's log than the leader"
        );
        progress.matched = progress.matched.max(index);
        progress.next = progress.next.max(index + 1);
        if progress.matched == end {
            progress.caught_up_at = Some(now.mono);
        }
        let arrived = match progress.mode {
            Mode::Snapshot { index: wanted, .. } => index >= wanted,
            Mode::Probe | Mode::Stream => true,
        };
        if arrived {
            progress.mode = Mode::Stream;
        }
        self.advance_commit();
        self.send_to(from, false, out);
    }

    pub(super) fn on_rejected(
        &mut self,
        now: Now,
        from: BrokerId,
        epoch: Epoch,
        previous: Index,
        hint: Index,
        out: &mut QuorumOut,
    ) {
        let Some(progress) = self.progress(now, from, epoch) else {
            return;
        };
        // Several messages may have been on their way when the first was rejected.
        if previous + 1 > progress.next || matches!(progress.mode, Mode::Snapshot { .. }) {
            return;
        }
        // Below what it acknowledged: the follower lost its disk. What it had does not count any more.
        let hint = hint.min(previous.saturating_sub(1));
        progress.matched = progress.matched.min(hint);
        progress.next = hint + 1;
        progress.mode = Mode::Probe;
        self.send_to(from, true, out);
    }

    pub(super) fn on_snapshot_reply(
        &mut self,
        now: Now,
        from: BrokerId,
        epoch: Epoch,
        wanted: Index,
        next: u32,
        out: &mut QuorumOut,
    ) {
        let Some(progress) = self.progress(now, from, epoch) else {
            return;
        };
        if let Mode::Snapshot { index, part } = &mut progress.mode
            && *index == wanted
            && *part != next
        {
            *part = next;
            self.send_to(from, true, out);
        }
    }

    pub(super) fn on_join(
        &mut self,
        now: Now,
        from: BrokerId,
        address: String,
        out: &mut QuorumOut,
    ) {
        let next = self.log.end().index + 1;
        let voter = self.is_voter(from);
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        if !voter {
            let progress = Progress::new(now, next);
            leading.followers.insert(from, progress);
            out.peers.push((from, address));
            self.send_to(from, true, out);
        }
    }

    /// A follower may have lost what it acknowledged: it counts no more.
    pub(super) fn distrust(&mut self, follower: BrokerId) {
        if let Role::Leader(leading) = &mut self.role
            && let Some(progress) = leading.followers.get_mut(&follower)
        {
            progress.matched = 0;
            progress.mode = Mode::Probe;
        }
    }

    /// Begins anew with a follower whose link was down.
    pub(super) fn probe(&mut self, now: Now, to: BrokerId, out: &mut QuorumOut) {
        let epoch = self.ballot.epoch;
        let Role::Leader(leading) = &self.role else {
            return;
        };
        let heard_at = leading.heard_at(to);
        if let Some(progress) = self.progress(now, to, epoch) {
            // A link that comes up is no sign of the follower's life.
            progress.heard_at = heard_at.unwrap_or(now.mono);
            progress.next = progress.next.min(progress.matched + 1).max(1);
            progress.mode = Mode::Probe;
            self.send_to(to, true, out);
        }
    }

    /// Commits what a majority of the voters has, if it is of this leader's epoch: older entries
    /// are committed with it, never alone.
    pub(super) fn advance_commit(&mut self) {
        let Role::Leader(leading) = &self.role else {
            return;
        };
        let own = self.log.durable;
        let matched = |voter: &BrokerId| match leading.followers.get(voter) {
            Some(progress) => progress.matched,
            None if *voter == self.config.id => own,
            None => 0,
        };
        let mut indices: Vec<Index> = self.config.voters.iter().map(matched).collect();
        indices.sort_unstable();
        let median = if canary::is_on(Canary::CommitOnOneVoter) {
            indices.len() - 1
        } else {
            (indices.len() - 1) / 2
        };
        let majority = indices[median];
        if majority > self.commit && self.log.epoch_at(majority) == Some(self.ballot.epoch) {
            // CTL-1: a majority has it, and whoever is elected next was voted for by one of them.
            self.commit = majority;
        }
    }

    /// Sends a sign of life to all, and gives up the leadership when a majority is silent.
    pub(super) fn beat(&mut self, now: Now, out: &mut QuorumOut) {
        let patience = self.config.election_timeout;
        let voters = self.config.voters.clone();
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        if now.mono < leading.beat_at {
            return;
        }
        leading.beat_at = now.mono + patience / 3;
        leading.followers.retain(|id, progress| {
            voters.contains(id) || now.mono.since(progress.heard_at) < patience * OBSERVER_SILENCE
        });
        let recently = |at| now.mono.since(at) < patience * 2;
        let heard = |id: &&BrokerId| leading.heard_at(**id).is_none_or(recently);
        let alive = voters.iter().filter(heard).count();
        let followers: Vec<BrokerId> = leading.followers.keys().copied().collect();
        if !self.is_majority(alive) {
            self.step_down(now);
            return;
        }
        for follower in followers {
            self.send_to(follower, true, out);
        }
    }

    /// Sends what is new to every follower that can take it.
    pub(super) fn send_appends(&mut self, _now: Now, out: &mut QuorumOut) {
        let Role::Leader(leading) = &self.role else {
            return;
        };
        let followers: Vec<BrokerId> = leading.followers.keys().copied().collect();
        for follower in followers {
            self.send_to(follower, false, out);
        }
    }

    /// Sends the next message; with `always` also where it says nothing new.
    pub(super) fn send_to(&mut self, to: BrokerId, always: bool, out: &mut QuorumOut) {
        let end = self.log.end().index;
        let commit = self.commit;
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        let Some(progress) = leading.followers.get_mut(&to) else {
            return;
        };
        let room = progress.next <= progress.matched + IN_FLIGHT_ENTRIES_MAX;
        let news = (progress.next <= end && room) || progress.told < commit;
        if !always && (progress.mode != Mode::Stream || !news) {
            return;
        }
        let Some(epoch) = self.log.epoch_at(progress.next - 1) else {
            self.send_snapshot(to, out);
            return;
        };
        let previous = LogEnd {
            epoch,
            index: progress.next - 1,
        };
        if matches!(progress.mode, Mode::Snapshot { .. }) {
            progress.mode = Mode::Probe;
        }
        let mut entries: Vec<Entry> = Vec::new();
        let mut bytes = 0;
        while let Some(entry) = self.log.get(progress.next).filter(|_| room) {
            bytes += entry.payload.len();
            entries.push(entry.clone());
            progress.next += 1;
            if entries.len() == APPEND_ENTRIES_MAX || bytes >= APPEND_BYTES_MAX {
                break;
            }
        }
        // Until the logs are known to meet, the same entries may have to be sent again.
        if progress.mode == Mode::Probe {
            progress.next = previous.index + 1;
        }
        progress.told = commit;
        let append = Message::Append {
            epoch: self.ballot.epoch,
            previous,
            entries,
            commit,
        };
        out.sends.push((to, append));
    }

    fn send_snapshot(&mut self, to: BrokerId, out: &mut QuorumOut) {
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        let (Some(progress), Some(snapshot)) = (leading.followers.get_mut(&to), &self.log.snapshot)
        else {
            return;
        };
        let newest = snapshot.end.index;
        let part = match progress.mode {
            Mode::Snapshot { index, part } if index == newest => part,
            _ => 0,
        };
        progress.mode = Mode::Snapshot {
            index: newest,
            part,
        };
        let parts = store::part_count(&snapshot.data);
        if part >= parts {
            return;
        }
        let message = Message::Snapshot {
            epoch: self.ballot.epoch,
            end: snapshot.end,
            part,
            parts,
            data: store::part_of(&snapshot.data, part),
        };
        out.sends.push((to, message));
    }
}
