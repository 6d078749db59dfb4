//! A static member that comes back under a new member id (KIP-345): it takes the old one's place,
//! without a rebalance where nothing changes for the others. Dynamic members are in `join`.

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_wire::ErrorCode;

use super::join::refuse;
use super::{ClassicGroup, ClassicState};
use crate::record::Record;
use crate::request::JoinGroup;
use crate::response::{JoinOutcome, SyncOutcome};
use crate::step::Step;
use crate::subscription;
use crate::writes::{Replacement, Then, error_for_client};

impl ClassicGroup {
    /// Puts `member_id` in the place of `old_member_id`, whose static name it has.
    pub(super) fn replace_static(
        &mut self,
        id: u64,
        request: JoinGroup,
        old_member_id: &str,
        member_id: String,
        step: &mut Step<'_>,
    ) {
        let fenced = ErrorCode::FencedInstanceId;
        self.answer_join(
            old_member_id,
            JoinOutcome::refused(fenced, old_member_id),
            step,
        );
        self.answer_sync(old_member_id, SyncOutcome::refused(fenced), step);
        let Some(old) = self.members.remove(old_member_id) else {
            return refuse(id, ErrorCode::UnknownMemberId, "", step);
        };
        let was_leader = self.leader.as_deref() == Some(old_member_id);
        let mut member = old.clone();
        member.member_id.clone_from(&member_id);
        member.touch(step.now.mono);
        let skipping = request.supports_skipping_assignment;
        let same_topics = self.subscribes_as(&request, &old);
        member.describe(request);
        member.joining = Some(id);
        self.wake(member.session_deadline, step);
        if let Some(instance) = &member.group_instance_id {
            self.static_members
                .insert(instance.clone(), member_id.clone());
        }
        self.members.insert(member_id.clone(), member);
        if self.to_sync.remove(old_member_id) {
            self.to_sync.insert(member_id.clone());
        }
        if was_leader {
            self.leader = Some(member_id.clone());
        }
        match self.state {
            ClassicState::Stable if same_topics && self.select_protocol() == self.protocol => {
                // A leader that does not know `skip_assignment` is told the old leader's id, so
                // that it does not compute an assignment which nobody would get.
                let mut outcome = self.joined(&member_id, was_leader && skipping);
                outcome.skip_assignment = was_leader && skipping;
                if was_leader && !skipping {
                    outcome.leader = old_member_id.to_owned();
                }
                let record = self.record(None);
                let then = Then::Replace(Box::new(Replacement {
                    id,
                    old,
                    new_member_id: member_id,
                    outcome,
                }));
                let group = self.id.clone();
                step.write(&group, vec![record], then);
            }
            ClassicState::Stable | ClassicState::CompletingRebalance => {
                // The leader may have seen the old id already: its assignment would miss the new one.
                self.prepare_rebalance(
                    "static member came back during a rebalance or changed",
                    step,
                );
            }
            ClassicState::PreparingRebalance => self.maybe_complete_join(step),
            ClassicState::Empty => {}
        }
    }

    /// Whether the returning member wants the topics it had. Assignors' own data may differ: a
    /// consumer that starts owns nothing yet. Kafka compares nothing here and leaves it to the
    /// client to find out that its assignment does not fit its subscription.
    fn subscribes_as(&self, request: &JoinGroup, old: &super::Member) -> bool {
        if !self.is_consumer_group() {
            return true;
        }
        let protocol = self.protocol.as_deref();
        let Some(new) = request
            .protocols
            .iter()
            .find(|p| Some(p.name.as_str()) == protocol)
        else {
            return false;
        };
        match (
            subscription::topics(&new.metadata),
            subscription::topics(&old.metadata(protocol)),
        ) {
            (Ok(new), Ok(old)) => new == old,
            _ => true,
        }
    }

    /// The record with the new id is stored, or was refused: then the old member is put back.
    pub(crate) fn replaced(
        &mut self,
        replacement: Replacement,
        result: Result<(), ErrorCode>,
        step: &mut Step<'_>,
    ) {
        let Replacement {
            id,
            old,
            new_member_id,
            outcome,
        } = replacement;
        let Some(member) = self.members.get_mut(&new_member_id) else {
            return;
        };
        // A rebalance that began meanwhile has answered, or will.
        if member.joining != Some(id) || self.state != ClassicState::Stable {
            return;
        }
        match result {
            Ok(()) => {
                member.is_new = false;
                member.touch(step.now.mono);
                let deadline = member.session_deadline;
                self.wake(deadline, step);
                self.answer_join(&new_member_id, outcome, step);
            }
            Err(error) => {
                let refused = JoinOutcome::refused(error_for_client(error), "");
                self.answer_join(&new_member_id, refused, step);
                self.members.remove(&new_member_id);
                if self.leader.as_deref() == Some(&new_member_id) {
                    self.leader = Some(old.member_id.clone());
                }
                if let Some(instance) = &old.group_instance_id {
                    self.static_members
                        .insert(instance.clone(), old.member_id.clone());
                }
                self.wake(old.session_deadline, step);
                self.members.insert(old.member_id.clone(), old);
            }
        }
    }

    /// The group as a record; `assignments` replaces what the members have.
    pub(super) fn record(&self, assignments: Option<&BTreeMap<String, Bytes>>) -> Record {
        Record::Group {
            group: self.id.clone(),
            value: Some(self.stored(assignments)),
        }
    }
}
