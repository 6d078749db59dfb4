//! A classic consumer group: its members, its generation, and who waits for what.
//! It holds no offsets; each verb (join, sync, leave …) has a file of its own.

mod describe;
mod heartbeat;
mod join;
mod leave;
mod member;
mod protocol;
mod rebalance;
mod state;
mod static_member;
mod stored;
mod sync;

use std::collections::{BTreeMap, BTreeSet};

use kring_io::Instant;
use kring_wire::ErrorCode;

pub(crate) use member::Member;
pub(crate) use state::ClassicState;

use crate::Token;
use crate::response::{GroupResponse, JoinOutcome, SyncOutcome};
use crate::step::Step;

/// How an empty group's first rebalance waits for more members (KIP-134).
#[derive(Clone, Copy, Debug)]
struct InitialDelay {
    /// How much longer it may be prolonged.
    remaining_ms: u64,
    /// Whether a member came since the wait was last prolonged.
    new_member_added: bool,
}

/// A group where its coordinator is. Classes of the same name: Kafka's `ClassicGroup`.
#[derive(Clone, Debug)]
pub(crate) struct ClassicGroup {
    id: String,
    state: ClassicState,
    /// When the state was entered; expiry of offsets counts from it.
    state_timestamp_ms: i64,
    generation: i32,
    /// `None` of a group that only stores offsets.
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: BTreeMap<String, Member>,
    /// Static name → member id.
    static_members: BTreeMap<String, String>,
    /// Ids that were given out by `MEMBER_ID_REQUIRED` → when they are taken back.
    pending_members: BTreeMap<String, Instant>,
    /// Members that have joined this generation and not yet asked for its assignment.
    to_sync: BTreeSet<String>,
    /// End of the join phase while preparing, of the sync phase after it.
    deadline: Option<Instant>,
    initial_delay: Option<InitialDelay>,
    /// The join phase ends no sooner, however soon all have come.
    join_not_before: Option<Instant>,
    /// The append that stores this generation's assignment.
    assignment_write: Option<Token>,
    /// Of consumers: the topics of all members; `None` when they cannot be known.
    subscribed_topics: Option<BTreeSet<String>>,
}

impl ClassicGroup {
    /// A group without members.
    pub(crate) fn new(id: &str, now_ms: i64) -> ClassicGroup {
        ClassicGroup {
            id: id.to_owned(),
            state: ClassicState::Empty,
            state_timestamp_ms: now_ms,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_members: BTreeMap::new(),
            to_sync: BTreeSet::new(),
            deadline: None,
            initial_delay: None,
            join_not_before: None,
            assignment_write: None,
            subscribed_topics: None,
        }
    }

    pub(crate) fn state(&self) -> ClassicState {
        self.state
    }

    pub(crate) fn state_timestamp_ms(&self) -> i64 {
        self.state_timestamp_ms
    }

    pub(crate) fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    pub(crate) fn members(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is a member or about to become one.
    pub(crate) fn is_vacant(&self) -> bool {
        self.state == ClassicState::Empty && self.pending_members.is_empty()
    }

    /// Whether it never had a member, so that nothing of it was ever stored.
    pub(crate) fn is_fresh(&self) -> bool {
        self.is_vacant() && self.protocol_type.is_none()
    }

    /// Whether consumers with a known subscription read `topic`; yes when it cannot be known.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.is_consumer_group(),
        }
    }

    pub(crate) fn is_consumer_group(&self) -> bool {
        self.protocol_type.as_deref() == Some(crate::subscription::CONSUMER)
    }

    fn enter(&mut self, state: ClassicState, step: &Step<'_>) {
        self.state = state;
        self.state_timestamp_ms = step.now.wall_ms;
    }

    /// Looks at this group again at `at`, or earlier.
    fn wake(&self, at: Instant, step: &mut Step<'_>) {
        step.wake(&self.id, at);
    }

    /// Whether the member may speak: `UNKNOWN_MEMBER_ID`, or `FENCED_INSTANCE_ID` when its static
    /// name belongs to another member id.
    fn check_member(&self, member_id: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            return match self.static_members.get(instance) {
                None => Err(ErrorCode::UnknownMemberId),
                Some(owner) if owner != member_id => Err(ErrorCode::FencedInstanceId),
                Some(_) => Ok(()),
            };
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    /// As [`ClassicGroup::check_member`], and in this generation.
    pub(crate) fn check_generation(
        &self,
        member_id: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> Result<(), ErrorCode> {
        self.check_member(member_id, instance)?;
        if generation == self.generation {
            Ok(())
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    fn answer_join(&mut self, member_id: &str, outcome: JoinOutcome, step: &mut Step<'_>) {
        let waiting = self
            .members
            .get_mut(member_id)
            .and_then(|m| m.joining.take());
        if let Some(id) = waiting {
            step.respond(id, GroupResponse::Join(outcome));
        }
    }

    fn answer_sync(&mut self, member_id: &str, outcome: SyncOutcome, step: &mut Step<'_>) {
        let waiting = self
            .members
            .get_mut(member_id)
            .and_then(|m| m.syncing.take());
        if let Some(id) = waiting {
            step.respond(id, GroupResponse::Sync(outcome));
        }
    }

    /// Takes a member out; who waits in its name is answered with `error`.
    fn drop_member(&mut self, member_id: &str, error: ErrorCode, step: &mut Step<'_>) {
        self.answer_join(member_id, JoinOutcome::refused(error, ""), step);
        self.answer_sync(member_id, SyncOutcome::refused(error), step);
        let Some(member) = self.members.remove(member_id) else {
            return;
        };
        if let Some(instance) = &member.group_instance_id {
            self.static_members.remove(instance);
        }
        self.to_sync.remove(member_id);
        if self.leader.as_deref() == Some(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    /// Gives up the group: the requests that wait, each with its answer.
    pub(crate) fn into_waiting(self, error: ErrorCode) -> Vec<(u64, GroupResponse)> {
        let mut waiting = Vec::new();
        for member in self.members.into_values() {
            if let Some(id) = member.joining {
                let outcome = JoinOutcome::refused(error, &member.member_id);
                waiting.push((id, GroupResponse::Join(outcome)));
            }
            if let Some(id) = member.syncing {
                waiting.push((id, GroupResponse::Sync(SyncOutcome::refused(error))));
            }
        }
        waiting
    }
}
