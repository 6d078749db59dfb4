//! How a member becomes a candidate and a leader, and how it votes.
//! What a leader then does is in `lead`.

use std::collections::BTreeSet;

use kring_io::canary::{self, Canary};
use kring_io::{BrokerId, Now};

use super::lead::Leading;
use super::message::{Entry, Epoch, LogEnd, Message};
use super::{Quorum, QuorumOut, Role};

impl Quorum {
    pub(super) fn on_patience_ended(&mut self, now: Now, out: &mut QuorumOut) {
        self.be_patient(now);
        self.leader = None;
        if !self.is_voter(self.config.id) {
            for voter in self.peers() {
                self.send_join(voter, out);
            }
            return;
        }
        if !self.may_decide() {
            self.ask_past(now, out);
            // Alone there is nobody to ask.
            if !self.may_decide() {
                return;
            }
        }
        let granted = BTreeSet::from([self.config.id]);
        self.role = Role::PreCandidate { granted };
        for voter in self.peers() {
            self.send_pre_vote(voter, out);
        }
        self.count_pre_votes(now, out);
    }

    pub(super) fn send_join(&self, to: BrokerId, out: &mut QuorumOut) {
        let epoch = self.ballot.epoch;
        let address = self.config.address.clone();
        out.sends.push((to, Message::Join { epoch, address }));
    }

    pub(super) fn send_pre_vote(&self, to: BrokerId, out: &mut QuorumOut) {
        let epoch = self.ballot.epoch + 1;
        let end = self.log.end();
        out.sends.push((to, Message::PreVote { epoch, end }));
    }

    pub(super) fn send_vote(&self, to: BrokerId, out: &mut QuorumOut) {
        let Role::Candidate { transfer, .. } = self.role else {
            return;
        };
        // Asking for votes with an epoch that a crash could take back would allow to stand twice in it.
        if self.ballot_is_durable() && self.is_voter(to) {
            let vote = Message::Vote {
                epoch: self.ballot.epoch,
                end: self.log.end(),
                transfer,
            };
            out.sends.push((to, vote));
        }
    }

    pub(super) fn on_pre_vote(
        &mut self,
        now: Now,
        from: BrokerId,
        asked: Epoch,
        end: LogEnd,
        out: &mut QuorumOut,
    ) {
        let granted = asked > self.ballot.epoch
            && !self.has_leader(now)
            && self.may_decide()
            && (end >= self.log.end() || canary::is_on(Canary::VoteForShorterLog));
        let reply = Message::PreVoteReply {
            epoch: self.ballot.epoch,
            asked,
            granted,
        };
        out.sends.push((from, reply));
    }

    pub(super) fn on_pre_vote_reply(
        &mut self,
        now: Now,
        from: BrokerId,
        asked: Epoch,
        yes: bool,
        out: &mut QuorumOut,
    ) {
        if let Role::PreCandidate { granted } = &mut self.role
            && yes
            && asked == self.ballot.epoch + 1
        {
            granted.insert(from);
            self.count_pre_votes(now, out);
        }
    }

    fn count_pre_votes(&mut self, now: Now, out: &mut QuorumOut) {
        if let Role::PreCandidate { granted } = &self.role
            && self.is_majority(granted.len())
        {
            self.stand(now, false, out);
        }
    }

    pub(super) fn on_timeout_now(
        &mut self,
        now: Now,
        from: BrokerId,
        epoch: Epoch,
        out: &mut QuorumOut,
    ) {
        let ordered = epoch == self.ballot.epoch && self.leader == Some(from);
        let able = self.is_voter(self.config.id) && self.ballot.joined;
        if ordered && able && !self.is_leader() {
            self.stand(now, true, out);
        }
    }

    /// Votes for itself in a new epoch; the others are asked once that vote is durable.
    fn stand(&mut self, now: Now, transfer: bool, out: &mut QuorumOut) {
        self.ballot.epoch += 1;
        self.ballot.voted = Some(self.config.id);
        self.leader = None;
        self.vote_reply = None;
        self.verified = 0;
        self.role = Role::Candidate {
            granted: BTreeSet::new(),
            transfer,
        };
        self.write_ballot(out);
        self.be_patient(now);
    }

    pub(super) fn on_ballot_durable(&mut self, now: Now, out: &mut QuorumOut) {
        if !self.ballot_is_durable() {
            return;
        }
        if let Some(to) = self.vote_reply.take() {
            let epoch = self.ballot.epoch;
            let granted = true;
            out.sends.push((to, Message::VoteReply { epoch, granted }));
        }
        if let Role::Candidate { granted, .. } = &mut self.role
            && granted.insert(self.config.id)
        {
            for voter in self.peers() {
                self.send_vote(voter, out);
            }
            self.count_votes(now, out);
        }
    }

    pub(super) fn on_vote(
        &mut self,
        now: Now,
        from: BrokerId,
        epoch: Epoch,
        end: LogEnd,
        transfer: bool,
        out: &mut QuorumOut,
    ) {
        if epoch > self.ballot.epoch {
            // A member that the leader reaches does not help to depose it.
            if self.has_leader(now) && !transfer {
                return;
            }
            self.adopt_epoch(now, Some(epoch), out);
        }
        let free =
            self.ballot.voted.is_none_or(|voted| voted == from) || canary::is_on(Canary::VoteTwice);
        let granted = epoch == self.ballot.epoch
            && free
            && !self.is_leader()
            && self.may_decide()
            && (end >= self.log.end() || canary::is_on(Canary::VoteForShorterLog));
        if !granted {
            let epoch = self.ballot.epoch;
            out.sends
                .push((from, Message::VoteReply { epoch, granted }));
            return;
        }
        if self.ballot.voted.is_none() {
            self.ballot.voted = Some(from);
            self.write_ballot(out);
        }
        self.be_patient(now);
        self.vote_reply = Some(from);
        self.on_ballot_durable(now, out);
    }

    pub(super) fn on_vote_reply(
        &mut self,
        now: Now,
        from: BrokerId,
        epoch: Epoch,
        yes: bool,
        out: &mut QuorumOut,
    ) {
        if let Role::Candidate { granted, .. } = &mut self.role
            && yes
            && epoch == self.ballot.epoch
        {
            granted.insert(from);
            self.count_votes(now, out);
        }
    }

    fn count_votes(&mut self, now: Now, out: &mut QuorumOut) {
        let Role::Candidate { granted, .. } = &self.role else {
            return;
        };
        if !granted.contains(&self.config.id) || !self.is_majority(granted.len()) {
            return;
        }
        if !self.ballot.joined {
            self.ballot.joined = true;
            self.write_ballot(out);
        }
        self.leader = Some(self.config.id);
        self.heard_at = None;
        self.incoming = None;
        let end = self.log.end();
        self.role = Role::Leader(Leading::new(now, end.index, self.peers()));
        let epoch = self.ballot.epoch;
        let payload = bytes::Bytes::new();
        self.append(Entry { epoch, payload }, out);
        self.beat(now, out);
    }

    /// Follows nobody yet in an epoch that is newer than its own.
    pub(super) fn adopt_epoch(&mut self, now: Now, epoch: Option<Epoch>, out: &mut QuorumOut) {
        let epoch = epoch.expect("only messages with an epoch are newer");
        assert!(
            epoch > self.ballot.epoch,
            "QUORUM-4: an epoch never goes back"
        );
        self.ballot.epoch = epoch;
        self.ballot.voted = None;
        self.write_ballot(out);
        self.step_down(now);
    }

    pub(super) fn step_down(&mut self, now: Now) {
        if self.is_leader() {
            self.be_patient(now);
        }
        self.role = Role::Follower;
        self.leader = None;
        self.heard_at = None;
        self.vote_reply = None;
        self.verified = 0;
    }

    /// Whether this member may help to elect (QUORUM-6).
    fn may_decide(&self) -> bool {
        self.ballot.joined || canary::is_on(Canary::AmnesiacVotes)
    }

    fn has_leader(&self, now: Now) -> bool {
        let heard = self
            .heard_at
            .is_some_and(|at| now.mono.since(at) < self.config.election_timeout);
        self.is_leader() || (self.leader.is_some() && heard)
    }
}
