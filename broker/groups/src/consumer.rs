//! A consumer group of KIP-848: members say what they read, the coordinator says who gets what, each member goes there on its own.
//! It holds no offsets; the phases of a heartbeat have files of their own.
//!
//! The live group is what the records say ([`State`]) and, beside it, who must be heard from by when. One append is under way
//! at a time: what is asked meanwhile waits and goes into the next one together, so that no answer speaks of a state that is
//! not stored, and an append that is refused takes nothing back but itself.

mod assignor;
mod batch;
mod check;
mod commit;
mod deadlines;
mod describe;
mod heartbeat;
mod leave;
mod partitions;
mod rebalance;
mod reconcile;
mod regex;
mod state;
mod topics;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kring_io::Instant;

pub use assignor::ASSIGNORS;
pub(crate) use batch::Asked;
pub(crate) use check::check;
pub(crate) use commit::Commits;
pub use partitions::TopicPartitionsList;
pub(crate) use partitions::{Assignment, Owned};
pub(crate) use state::{
    Change, Current, Epoch, MemberMetadata, MemberState, Resolved, State, TargetEpoch,
};
pub(crate) use topics::Topics;

use crate::step::Step;
use crate::{GroupConfig, GroupState, Token};

/// A group where its coordinator is. Kafka's class of the same name.
#[derive(Clone, Debug)]
pub(crate) struct ConsumerGroup {
    id: String,
    state: State,
    /// Until when each member must be heard from.
    sessions: BTreeMap<String, Instant>,
    /// Members that must give something back, in which of their epochs, and until when.
    revocations: BTreeMap<String, (i32, Instant)>,
    /// The append under way.
    write: Option<Token>,
    /// What is asked meanwhile.
    queue: VecDeque<(u64, Asked)>,
    /// The version of the cluster's topics that the group was last compared with.
    seen_topics: Option<u64>,
}

impl ConsumerGroup {
    /// A group without members.
    pub(crate) fn new(id: &str) -> ConsumerGroup {
        ConsumerGroup {
            id: id.to_owned(),
            state: State::default(),
            sessions: BTreeMap::new(),
            revocations: BTreeMap::new(),
            write: None,
            queue: VecDeque::new(),
            seen_topics: None,
        }
    }

    /// The group as its records describe it; its members' times begin anew.
    pub(crate) fn load(
        id: &str,
        state: &State,
        config: &GroupConfig,
        now: Instant,
    ) -> ConsumerGroup {
        let mut group = ConsumerGroup::new(id);
        group.state = state.clone();
        // What an append left behind that came after a refused one belongs to nobody, and would keep partitions from others.
        let State {
            members,
            targets,
            current,
            ..
        } = &mut group.state;
        targets.retain(|member, _| members.contains_key(member));
        current.retain(|member, _| members.contains_key(member));
        let session_ends = now + Duration::from_millis(config.group_consumer_session_timeout_ms);
        for (member, metadata) in members.iter() {
            group.sessions.insert(member.clone(), session_ends);
            let current = current.get(member);
            if let Some(current) = current.filter(|c| c.state == MemberState::UnrevokedPartitions) {
                let until = now + rebalance_timeout(metadata);
                let revocation = (current.epoch, until);
                group.revocations.insert(member.clone(), revocation);
            }
        }
        group
    }

    /// The group's state as administrators see it.
    pub(crate) fn state(&self) -> GroupState {
        let state = &self.state;
        if state.members.is_empty() {
            return GroupState::Empty;
        }
        let epoch = state.assignment_epoch();
        if state.group_epoch() > epoch {
            return GroupState::Assigning;
        }
        let is_there = |member: &String| {
            let current = state.current.get(member);
            current.is_some_and(|c| c.state == MemberState::Stable && c.epoch == epoch)
        };
        if state.members.keys().all(is_there) {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }

    pub(crate) fn members(&self) -> usize {
        self.state.members.len()
    }

    /// Whether nobody is a member or about to become one.
    pub(crate) fn is_vacant(&self) -> bool {
        self.state.members.is_empty() && self.write.is_none() && self.queue.is_empty()
    }

    /// Whether nothing of it is stored or about to be.
    pub(crate) fn is_fresh(&self) -> bool {
        self.is_vacant() && self.state.is_gone()
    }

    /// Whether a member reads `topic`.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.state.is_subscribed_to(topic)
    }

    /// The records that forget it.
    pub(crate) fn forget(&self) -> Vec<Change> {
        self.state.forget()
    }

    /// Whether `token` is the append that the group waits for.
    pub(crate) fn waits_for(&self, token: Token) -> bool {
        self.write == Some(token)
    }

    fn wake(&self, at: Instant, step: &mut Step<'_>) {
        step.wake(&self.id, at);
    }
}

fn rebalance_timeout(member: &MemberMetadata) -> Duration {
    Duration::from_millis(u64::try_from(member.rebalance_timeout_ms).unwrap_or(0))
}
