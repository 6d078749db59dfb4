//! ConsumerGroupHeartbeat of a member that joins or stays: who it is, what it reads, and where it goes next.
//! What the group as a whole makes of that is in `rebalance`, one member's way to the target in `reconcile`.

use kring_wire::ErrorCode;

use super::batch::Batch;
use super::check::Refusal;
use super::partitions::{is_within, list};
use super::{
    Change, ConsumerGroup, Current, MemberMetadata, MemberState, rebalance_timeout, reconcile,
};
use crate::config::GROUP_MEMBERS_MAX;
use crate::request::{ConsumerHeartbeat, LEAVE_EPOCH, STATIC_LEAVE_EPOCH};
use crate::response::ConsumerHeartbeatOutcome;
use crate::step::Step;

impl ConsumerGroup {
    /// Does what a member asks. The request passed [`super::check`].
    pub(super) fn heartbeat(
        &mut self,
        request: &ConsumerHeartbeat,
        batch: &mut Batch,
        step: &mut Step<'_>,
    ) -> ConsumerHeartbeatOutcome {
        let done = match request.member_epoch {
            LEAVE_EPOCH | STATIC_LEAVE_EPOCH => self.leave(request, batch, step),
            _ => self.beat(request, batch, step),
        };
        done.unwrap_or_else(|(error, message)| {
            ConsumerHeartbeatOutcome::refused_because(error, message)
        })
    }

    fn beat(
        &mut self,
        request: &ConsumerHeartbeat,
        batch: &mut Batch,
        step: &mut Step<'_>,
    ) -> Result<ConsumerHeartbeatOutcome, Refusal> {
        let member_id = if request.member_id.is_empty() {
            step.uuid()
        } else {
            request.member_id.clone()
        };
        self.check_room(&member_id, request, step)?;
        self.identify(&member_id, request, batch)?;
        let bump = self.describe_member(&member_id, request, batch, step);
        self.refresh(bump, batch, step);
        self.retarget(batch, step);
        let before = self.state.current_of(&member_id);
        let next = self.reconcile(&member_id, &before, request)?;
        if self.state.current.get(&member_id) != Some(&next) {
            self.time_revocation(&member_id, &next, step);
            self.change(
                Change::Current(member_id.clone(), Some(next.clone())),
                batch,
            );
        }
        self.touch(&member_id, step);
        let (had, has) = (list(&before.assigned), list(&next.assigned));
        let is_told = request.is_full() || had != has;
        Ok(ConsumerHeartbeatOutcome {
            error: ErrorCode::None,
            message: None,
            member_id: Some(member_id),
            member_epoch: next.epoch,
            heartbeat_interval_ms: step.config.group_consumer_heartbeat_interval_ms,
            assignment: is_told.then_some(has),
        })
    }

    fn check_room(
        &self,
        member_id: &str,
        request: &ConsumerHeartbeat,
        step: &Step<'_>,
    ) -> Result<(), Refusal> {
        let max = step.config.group_consumer_max_size.min(GROUP_MEMBERS_MAX);
        let instance = request.instance_id.as_deref();
        let returns = instance.is_some_and(|name| self.state.static_member(name).is_some());
        if self.members() < max || returns || self.state.members.contains_key(member_id) {
            return Ok(());
        }
        Err((
            ErrorCode::GroupMaxSizeReached,
            format!("The consumer group has reached its maximum capacity of {max} members."),
        ))
    }

    /// Whether the member is who it says. A static one that comes back takes over what it left.
    fn identify(
        &mut self,
        member_id: &str,
        request: &ConsumerHeartbeat,
        batch: &mut Batch,
    ) -> Result<(), Refusal> {
        let joins = request.member_epoch == 0;
        let known = match &request.instance_id {
            None => self.state.members.contains_key(member_id),
            Some(instance) => match self.state.static_member(instance) {
                None => false,
                Some(owner) if owner == member_id => true,
                Some(owner) if joins => {
                    let owner = owner.to_owned();
                    if self.state.current_of(&owner).epoch != STATIC_LEAVE_EPOCH {
                        return Err((
                            ErrorCode::UnreleasedInstanceId,
                            format!(
                                "Static member {member_id} with instance id {instance} cannot join the group because the instance id is owned by member {owner}."
                            ),
                        ));
                    }
                    self.replace(&owner, member_id, batch);
                    true
                }
                Some(_) => {
                    return Err((
                        ErrorCode::FencedInstanceId,
                        format!(
                            "Static member {member_id} with instance id {instance} was fenced by another member."
                        ),
                    ));
                }
            },
        };
        match (known, joins) {
            (_, true) => Ok(()),
            (true, false) => self.check_epoch(member_id, request),
            (false, false) => Err((
                ErrorCode::UnknownMemberId,
                format!("Member {member_id} is not a member of group {}.", self.id),
            )),
        }
    }

    /// The member's epoch, or the one before if the answer with the newer one may have been lost.
    fn check_epoch(&self, member_id: &str, request: &ConsumerHeartbeat) -> Result<(), Refusal> {
        let current = self.state.current_of(member_id);
        let epoch = request.member_epoch;
        let owns_no_more = request
            .topic_partitions
            .as_ref()
            .is_some_and(|owned| is_within(owned, &current.assigned));
        let heard_less = epoch < current.epoch && epoch == current.previous_epoch && owns_no_more;
        if epoch == current.epoch || heard_less {
            return Ok(());
        }
        Err((
            ErrorCode::FencedMemberEpoch,
            format!(
                "The member epoch {epoch} is not the one known by the group coordinator ({}). The member must abandon all its partitions and rejoin.",
                current.epoch
            ),
        ))
    }

    /// What the static member `old` left becomes that of `new`.
    fn replace(&mut self, old: &str, new: &str, batch: &mut Batch) {
        let metadata = self.state.members.get(old).cloned();
        let target = self.state.targets.get(old).cloned();
        let assigned = self.state.current_of(old).assigned;
        for change in self.state.forget_member(old) {
            self.change(change, batch);
        }
        self.forget_deadlines(old);
        self.change(Change::Member(new.to_owned(), metadata), batch);
        if target.is_some() {
            self.change(Change::Target(new.to_owned(), target), batch);
        }
        let current = Current {
            assigned,
            ..Current::default()
        };
        self.change(Change::Current(new.to_owned(), Some(current)), batch);
    }

    /// Takes over what the request says about the member; whether the group must assign anew.
    fn describe_member(
        &mut self,
        member_id: &str,
        request: &ConsumerHeartbeat,
        batch: &mut Batch,
        step: &Step<'_>,
    ) -> bool {
        let before = self.state.members.get(member_id).cloned();
        let mut after = before.clone().unwrap_or_default();
        describe(&mut after, request);
        if before.as_ref() == Some(&after) {
            return false;
        }
        let is_new = before.is_none();
        let before = before.unwrap_or_default();
        let regex_changed = before.regex != after.regex;
        let regex = after.regex.clone();
        let bump = is_new || regex_changed || before.topics != after.topics;
        if is_new {
            tracing::info!(group = %self.id, member = member_id, "joins");
        }
        self.change(Change::Member(member_id.to_owned(), Some(after)), batch);
        if regex_changed {
            if let Some(regex) = regex.filter(|regex| !self.state.regexes.contains_key(regex)) {
                self.resolve(&regex, batch, step);
            }
            self.forget_unused_regexes(batch);
        }
        bump
    }

    fn reconcile(
        &self,
        member_id: &str,
        current: &Current,
        request: &ConsumerHeartbeat,
    ) -> Result<Current, Refusal> {
        let none = super::Assignment::new();
        let goal = reconcile::Goal {
            epoch: self.state.assignment_epoch(),
            target: self.state.targets.get(member_id).unwrap_or(&none),
            held: &|| self.state.held_by_others(member_id),
        };
        reconcile::step(current, &goal, request.topic_partitions.as_ref()).map_err(|error| {
            let reason = "The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.";
            (error, reason.to_owned())
        })
    }

    /// A member has its rebalance timeout to give back what it must, from when it is told anew.
    fn time_revocation(&mut self, member_id: &str, next: &Current, step: &mut Step<'_>) {
        if next.state != MemberState::UnrevokedPartitions {
            self.revocations.remove(member_id);
            return;
        }
        if let Some(member) = self.state.members.get(member_id) {
            let until = step.now.mono + rebalance_timeout(member);
            let revocation = (next.epoch, until);
            self.revocations.insert(member_id.to_owned(), revocation);
            self.wake(until, step);
        }
    }
}

/// What the request leaves out stays.
fn describe(member: &mut MemberMetadata, request: &ConsumerHeartbeat) {
    member.client_id.clone_from(&request.client_id);
    member.client_host.clone_from(&request.client_host);
    if request.instance_id.is_some() {
        member.instance_id.clone_from(&request.instance_id);
    }
    if request.rack_id.is_some() {
        member.rack_id.clone_from(&request.rack_id);
    }
    if request.rebalance_timeout_ms != -1 {
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    }
    if let Some(topics) = &request.subscribed_topic_names {
        member.topics = topics.iter().cloned().collect();
    }
    if let Some(regex) = &request.subscribed_topic_regex {
        // Empty: it reads by no expression any more.
        member.regex = Some(regex.clone()).filter(|regex| !regex.is_empty());
    }
    if request.server_assignor.is_some() {
        member.assignor.clone_from(&request.server_assignor);
    }
}
