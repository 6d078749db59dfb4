//! How a voter that may have forgotten what it said takes part again: one whose disk is new, was
//! emptied, or lost a part of what was durable. It cannot tell these apart; the others can (CTL-6).
//!
//! What it may have forgotten is votes and entries that others count on. It asks every other voter
//! what that one knows. Whoever got its vote in an epoch knows that epoch, and of everything that
//! it helped to commit another voter has a copy as long as a minority forgets. So
//! * if nobody has any entry, nothing was ever committed: it goes on in the newest epoch anybody
//!   knows, without a vote in it. That is how a new cluster begins, once all voters are there;
//! * else it waits for a leader of that epoch or a newer one, which was elected without it. Once it
//!   has what that leader knows to be committed, and the leader knows (its commit index is of its
//!   own epoch), it goes on in the leader's epoch, without a vote in it. What it stores counts from
//!   the moment on at which the leader's epoch is known to be new enough.
//!
//! Answers count only to the questions of this run. Links keep the order of messages, so that an
//! answer comes after everything its sender had heard from this voter before, and a leader that
//! answered no longer counts what this voter acknowledged in an earlier life.

use std::collections::BTreeMap;

use kring_io::{BrokerId, Now};

use super::message::{Epoch, Index, Message};
use super::{Quorum, QuorumOut, store};

/// What the other voters told in this run: their newest epoch and where their logs end.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    nonce: u64,
    told: BTreeMap<BrokerId, (Epoch, Index)>,
}

impl Past {
    /// Nothing yet.
    pub(super) fn new(nonce: u64) -> Past {
        Past {
            nonce,
            told: BTreeMap::new(),
        }
    }

    /// What a model of the quorum tells apart.
    #[cfg(test)]
    pub(super) fn view(&self) -> Vec<(BrokerId, Epoch, Index)> {
        let told = self.told.iter();
        told.map(|(id, (epoch, end))| (*id, *epoch, *end)).collect()
    }
}

impl Quorum {
    /// Asks everybody who has not answered yet; alone it has nothing to ask.
    pub(super) fn ask_past(&mut self, now: Now, out: &mut QuorumOut) {
        for voter in self.peers() {
            self.ask_past_of(voter, out);
        }
        if self.newest_told().is_none() {
            self.election_at = now.mono + self.config.election_timeout / 4;
        }
        self.consider_beginning(now, out);
    }

    /// A leader was heard, so that patience does not end: what was lost of questions and answers is
    /// asked again here.
    pub(super) fn ask_past_again(&self, out: &mut QuorumOut) {
        if !self.may_acknowledge() {
            for voter in self.peers() {
                self.ask_past_of(voter, out);
            }
        }
    }

    /// Asks one voter, if this one must and that one has not answered yet.
    pub(super) fn ask_past_of(&self, voter: BrokerId, out: &mut QuorumOut) {
        let asks = !self.ballot.joined && self.is_voter(self.config.id) && self.is_voter(voter);
        // An epoch that a voter told may be forgotten by that voter: one in which it had begun to
        // stand and crashed before anybody could be asked for a vote. Then its next answer counts.
        let known = self.past.told.get(&voter);
        let suffices = known.is_some_and(|(epoch, _)| *epoch <= self.ballot.epoch);
        if asks && !suffices {
            let nonce = self.past.nonce;
            out.sends.push((voter, Message::AskPast { nonce }));
        }
    }

    pub(super) fn on_ask_past(&mut self, from: BrokerId, nonce: u64, out: &mut QuorumOut) {
        self.distrust(from);
        let (epoch, end) = (self.ballot.epoch, self.log.end().index);
        let tell = Message::TellPast { nonce, epoch, end };
        out.sends.push((from, tell));
        // What a leader sends after its answer is what the asker waits for.
        self.send_to(from, true, out);
    }

    pub(super) fn on_tell_past(
        &mut self,
        now: Now,
        from: BrokerId,
        nonce: u64,
        told: (Epoch, Index),
        out: &mut QuorumOut,
    ) {
        if self.ballot.joined || nonce != self.past.nonce {
            return;
        }
        let before = self.may_acknowledge();
        self.past.told.insert(from, told);
        self.consider_beginning(now, out);
        let enough = !before && self.may_acknowledge();
        if let Some(leader) = self.leader.filter(|_| enough && !self.ballot.joined) {
            // The leader may have answered before the others: it is asked to go on at once.
            let nonce = self.past.nonce;
            out.sends.push((leader, Message::AskPast { nonce }));
        }
    }

    /// The newest epoch that any other voter knows, once all have told.
    fn newest_told(&self) -> Option<Epoch> {
        let all = self.peers().all(|peer| self.past.told.contains_key(&peer));
        let epochs = self.past.told.values().map(|(epoch, _)| *epoch);
        all.then(|| epochs.max().unwrap_or(0))
    }

    /// Whether what this member has stored may count for its leader.
    pub(super) fn may_acknowledge(&self) -> bool {
        self.ballot.joined
            || !self.is_voter(self.config.id)
            || self
                .newest_told()
                .is_some_and(|newest| self.ballot.epoch >= newest)
    }

    /// Nobody has any entry: the cluster is new, or as good as new.
    fn consider_beginning(&mut self, now: Now, out: &mut QuorumOut) {
        let Some(newest) = self.newest_told() else {
            return;
        };
        let nothing = self.past.told.values().all(|(_, end)| *end == 0);
        if self.ballot.joined || !nothing || self.log.end().index > 0 {
            return;
        }
        if newest > self.ballot.epoch {
            self.ballot.epoch = newest;
            self.step_down(now);
        }
        // In epoch 0 nobody votes.
        let spent = self.ballot.epoch > 0;
        self.ballot.voted = spent.then_some(self.config.id);
        self.rejoined(out);
        let spread = self.config.election_timeout / 4;
        self.election_at = now.mono + self.random_part(spread);
    }

    /// The leader of the current epoch has sent everything up to `last`, and knows everything up to
    /// `commit` to be committed.
    pub(super) fn consider_rejoining(
        &mut self,
        leader: BrokerId,
        last: Index,
        commit: Index,
        out: &mut QuorumOut,
    ) {
        if self.ballot.joined || !self.is_voter(self.config.id) {
            return;
        }
        if !self.may_acknowledge() {
            return;
        }
        // A leader that has committed nothing of its own epoch does not know what is committed.
        let knows = commit > 0 && self.log.epoch_at(commit) == Some(self.ballot.epoch);
        if knows && last >= commit {
            self.ballot.voted = Some(leader);
            self.rejoined(out);
        }
    }

    fn rejoined(&mut self, out: &mut QuorumOut) {
        self.ballot.joined = true;
        self.past.told.clear();
        out.writes.extend(store::write_joined(&self.ballot));
        self.ballot_token = self.issued + 1;
    }
}
