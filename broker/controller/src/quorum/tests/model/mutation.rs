//! Bugs at the seams of the quorum, each of which an invariant must notice: a model that cannot fail proves nothing.
//! The real engine runs unchanged; what is changed is what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kring_io::BrokerId;

use super::node::store;
use super::{Bounds, Link, NOW, State, invariants};
use crate::quorum::{Message, store as disk};

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    /// One member's acknowledgement counts for two: the quorum is miscounted.
    AcknowledgementCountsTwice,
    /// A refused vote counts.
    RefusalCountsAsVote,
    /// A write is called durable before it is on disk.
    DurableTooEarly,
    /// A crash takes epoch and vote with it.
    VoteForgotten,
    /// A crash takes the last durable entry with it.
    EntryForgotten,
}

impl Bounds {
    /// As what a message arrives: who is said to have sent it, and what it says.
    pub(super) fn arrivals(&self, message: Message, (from, to): Link) -> Vec<(BrokerId, Message)> {
        match (self.mutation, &message) {
            (Some(Mutation::AcknowledgementCountsTwice), Message::Matched { .. }) => {
                let others = (0..self.voters).map(BrokerId);
                let others = others.filter(|id| *id != to);
                others.map(|id| (id, message.clone())).collect()
            }
            (Some(Mutation::RefusalCountsAsVote), Message::PreVoteReply { epoch, asked, .. }) => {
                let (epoch, asked, granted) = (*epoch, *asked, true);
                let yes = Message::PreVoteReply {
                    epoch,
                    asked,
                    granted,
                };
                vec![(from, yes)]
            }
            (Some(Mutation::RefusalCountsAsVote), Message::VoteReply { epoch, .. }) => {
                let (epoch, granted) = (*epoch, true);
                vec![(from, Message::VoteReply { epoch, granted })]
            }
            _ => vec![(from, message)],
        }
    }

    /// The first writes under way reach the disk, and the member is told.
    pub(super) fn flush(&self, state: &mut State, id: BrokerId) -> Option<()> {
        let node = Arc::make_mut(&mut state.nodes[id.0 as usize]);
        let before = node.seen();
        if self.mutation == Some(Mutation::DurableTooEarly) {
            let (token, writes) = node.flushing.front()?.clone();
            if node.quorum.durable < token {
                self.step(state, id, |q, out| q.persisted(NOW, token, out));
            } else {
                node.flushing.pop_front();
                store(&mut node.stored, writes);
                self.step(state, id, |_, _| ());
            }
            return Some(());
        }
        let (token, writes) = node.flushing.pop_front()?;
        store(&mut node.stored, writes);
        self.step(state, id, |q, out| q.persisted(NOW, token, out));
        invariants::check_votes(&state.nodes[id.0 as usize], before, &mut state.broken);
        Some(())
    }

    /// What a crash does to a disk that should have kept everything.
    pub(super) fn damage(&self, stored: &mut BTreeMap<Vec<u8>, Bytes>) {
        match self.mutation {
            Some(Mutation::VoteForgotten) => disk::forget_vote(stored),
            Some(Mutation::EntryForgotten) => disk::forget_last_entry(stored),
            _ => {}
        }
    }
}
