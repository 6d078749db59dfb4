//! The live layer of a partition: its groups with their members, and the appends under way.
//! Requests are dispatched in `requests`; what they do is in `classic` and `offsets`.

use std::time::Duration;

use kring_io::Instant;
use kring_wire::{ErrorCode, LeaderEpoch, Offset};

use crate::Token;
use crate::classic::ClassicGroup;
use crate::committed::Committed;
use crate::consumer::ConsumerGroup;
use crate::engine::Env;
use crate::event::GroupOut;
use crate::offsets::{delete, expire};
use crate::step::Step;
use crate::wakes::Wakes;
use crate::writes::{Then, Writes, error_for_client, failed_response};
use crate::{GroupResponse, GroupState, JoinOutcome, ListedGroup};

use super::live::LiveGroups;

/// What exists only while this broker leads the partition.
#[derive(Clone, Debug)]
pub(crate) struct Leader {
    index: i32,
    epoch: LeaderEpoch,
    pub(super) groups: LiveGroups,
    writes: Writes,
    wakes: Wakes,
    /// When expired offsets are looked for next.
    expire_at: Instant,
}

impl Leader {
    /// Groups as their last records describe them.
    pub(super) fn load(
        index: i32,
        epoch: LeaderEpoch,
        committed: &Committed,
        env: &mut Env<'_>,
    ) -> Leader {
        let mut leader = Leader {
            index,
            epoch,
            groups: LiveGroups::default(),
            writes: Writes::default(),
            wakes: Wakes::default(),
            expire_at: after_check_interval(env),
        };
        for id in committed.group_ids() {
            leader.load_group(&id, committed, env);
        }
        tracing::info!(
            partition = index,
            epoch,
            groups = leader.groups.len(),
            "coordinates groups"
        );
        leader
    }

    /// Puts a group back as it is committed.
    fn load_group(&mut self, id: &str, committed: &Committed, env: &Env<'_>) {
        if let Some(state) = committed.consumers.get(id) {
            let group = ConsumerGroup::load(id, state, env.config, env.now.mono);
            if let Some(at) = group.next_deadline() {
                self.wakes.lower(id, at);
            }
            self.groups.consumer.insert(id.to_owned(), group);
            return;
        }
        let group = match committed.groups.get(id) {
            Some(stored) => ClassicGroup::load(id, stored, env.now),
            None => ClassicGroup::new(id, env.now.wall_ms),
        };
        if let Some(at) = group.next_deadline() {
            self.wakes.lower(id, at);
        }
        self.groups.classic.insert(id.to_owned(), group);
    }

    /// The leader epoch.
    pub(crate) fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// How many members each group has, in order.
    pub(crate) fn member_counts(&self) -> impl Iterator<Item = (&str, usize)> {
        let classic = self.groups.classic.iter();
        let classic = classic.map(|(id, group)| (id.as_str(), group.members()));
        let consumer = self.groups.consumer.iter();
        classic.chain(consumer.map(|(id, group)| (id.as_str(), group.members())))
    }

    /// State and number of members of each group.
    pub(crate) fn states(&self) -> impl Iterator<Item = (GroupState, usize)> {
        let classic = self.groups.classic.values();
        let classic = classic.map(|group| (group.state().into(), group.members()));
        let consumer = self.groups.consumer.values();
        classic.chain(consumer.map(|group| (group.state(), group.members())))
    }

    /// Every group in one line, in the order of ids.
    pub(crate) fn list(&self) -> Vec<ListedGroup> {
        let classic = self.groups.classic.values().map(ClassicGroup::list);
        let consumer = self.groups.consumer.values().map(ConsumerGroup::list);
        let mut groups: Vec<ListedGroup> = classic.chain(consumer).collect();
        groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        groups
    }

    /// Appends that have not reached the high watermark.
    pub(crate) fn writes_under_way(&self) -> usize {
        self.writes.len()
    }

    /// The groups, and what their handlers need.
    pub(super) fn step<'a>(&'a mut self, env: &'a mut Env<'_>) -> (&'a mut LiveGroups, Step<'a>) {
        let step = Step {
            now: env.now,
            config: env.config,
            topics: env.topics,
            random: env.random,
            partition: self.index,
            next_token: env.next_token,
            rebalances: env.rebalances,
            writes: &mut self.writes,
            wakes: &mut self.wakes,
            out: env.out,
        };
        (&mut self.groups, step)
    }

    /// Answers everyone who waits.
    pub(super) fn resign(self, env: &mut Env<'_>) {
        tracing::info!(
            partition = self.index,
            epoch = self.epoch,
            "coordinates groups no more"
        );
        let error = ErrorCode::NotCoordinator;
        for write in self.writes.drain() {
            let answers = match write.then {
                Then::Respond { id, response } => vec![(id, *response)],
                Then::RespondAll(answers) => answers,
                Then::Nothing | Then::Assign { .. } | Then::Replace(_) => Vec::new(),
            };
            let failed = |(id, response)| (id, failed_response(response, error));
            env.out.responses.extend(answers.into_iter().map(failed));
        }
        for group in self.groups.classic.into_values() {
            env.out.responses.extend(group.into_waiting(error));
        }
        for group in self.groups.consumer.into_values() {
            env.out.responses.extend(group.into_waiting(error));
        }
    }

    /// An append reached the high watermark, or was refused.
    pub(super) fn appended(
        &mut self,
        token: Token,
        result: Result<Offset, ErrorCode>,
        committed: &mut Committed,
        env: &mut Env<'_>,
    ) {
        // Unknown: of a term of leadership that is over.
        let Some(mut write) = self.writes.remove(token) else {
            return;
        };
        let result = match result {
            // GRP-1: what was committed is answered, and seen by others, from here on.
            Ok(last_offset) => {
                write.apply(last_offset, committed);
                Ok(())
            }
            Err(error) => {
                tracing::warn!(group = %write.group, partition = self.index, error = error.name(), "append was refused");
                if !self.groups.contains(&write.group) && committed.knows(&write.group) {
                    // Its deletion failed.
                    self.load_group(&write.group, committed, env);
                }
                Err(error)
            }
        };
        self.finish(&write.group, write.then, result, committed, env);
        self.consumer_group_stored(&write.group, token, result, committed, env);
    }

    /// The append of a KIP-848 group is over: it goes on from what it is now, or is put back as it is committed.
    fn consumer_group_stored(
        &mut self,
        id: &str,
        token: Token,
        result: Result<(), ErrorCode>,
        committed: &Committed,
        env: &mut Env<'_>,
    ) {
        let (groups, mut step) = self.step(env);
        let group = groups.consumer.get_mut(id);
        let Some(group) = group.filter(|group| group.waits_for(token)) else {
            return;
        };
        match result {
            Ok(()) => group.stored(&mut step),
            Err(error) => {
                group.refuse_waiting(error_for_client(error), &mut step);
                groups.consumer.remove(id);
                step.wakes.remove(id);
                if committed.knows(id) {
                    self.load_group(id, committed, env);
                }
            }
        }
    }

    /// Does what an append was for.
    fn finish(
        &mut self,
        group: &str,
        then: Then,
        result: Result<(), ErrorCode>,
        committed: &Committed,
        env: &mut Env<'_>,
    ) {
        let (groups, mut step) = self.step(env);
        match then {
            Then::Nothing => {}
            Then::Respond { id, response } => {
                let response = match result {
                    Ok(()) => *response,
                    Err(error) => failed_response(*response, error),
                };
                step.respond(id, response);
            }
            Then::RespondAll(answers) => {
                for (id, response) in answers {
                    let response = match result {
                        Ok(()) => response,
                        Err(error) => failed_response(response, error),
                    };
                    step.respond(id, response);
                }
                if let (Err(error), Some(group)) = (result, groups.consumer.get_mut(group)) {
                    group.refuse_waiting(error_for_client(error), &mut step);
                }
            }
            Then::Assign { generation } => {
                let stored = committed.groups.get(group);
                let result = result.and_then(|()| stored.ok_or(ErrorCode::UnknownServerError));
                if let Some(group) = groups.classic.get_mut(group) {
                    group.assigned(generation, result, &mut step);
                }
            }
            Then::Replace(replacement) => {
                if let Some(group) = groups.classic.get_mut(group) {
                    group.replaced(*replacement, result, &mut step);
                }
            }
        }
    }

    /// A topic was deleted.
    pub(super) fn topic_deleted(&mut self, topic: &str, committed: &Committed, env: &mut Env<'_>) {
        let (_, mut step) = self.step(env);
        delete::delete_topic(topic, committed, &mut step);
    }

    /// Looks at every deadline that has come.
    pub(super) fn on_wake(&mut self, committed: &Committed, env: &mut Env<'_>) {
        let now = env.now.mono;
        while let Some(id) = self.wakes.pop_due(now) {
            let (groups, mut step) = self.step(env);
            if let Some(group) = groups.classic.get_mut(&id) {
                group.on_wake(&mut step);
            } else if let Some(group) = groups.consumer.get_mut(&id) {
                group.on_wake(&mut step);
            }
        }
        while let Some((group, then)) = self.writes.pop_overdue(now) {
            let error = Err(ErrorCode::RequestTimedOut);
            self.finish(&group, then, error, committed, env);
        }
        if self.expire_at <= now {
            self.expire_at = after_check_interval(env);
            self.expire(committed, env);
        }
    }

    fn expire(&mut self, committed: &Committed, env: &mut Env<'_>) {
        let busy: Vec<String> = self
            .writes
            .groups()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let (groups, mut step) = self.step(env);
        let ids: Vec<String> = groups.ids().cloned().collect();
        for id in ids.iter().filter(|id| busy.binary_search(id).is_err()) {
            let owner = groups.owner(id);
            if owner.is_some_and(|owner| expire::expire(id, owner, committed, &mut step)) {
                groups.remove(id);
                step.wakes.remove(id);
            }
        }
    }

    /// When it must be woken next.
    pub(super) fn wake_at(&self, out: &mut GroupOut) {
        let deadlines = [self.wakes.first(), self.writes.first_deadline()];
        let first = deadlines.into_iter().flatten().min();
        out.wake_at(first.map_or(self.expire_at, |at| at.min(self.expire_at)));
    }

    pub(super) fn is_overloaded(&self) -> bool {
        self.writes.len() >= crate::config::PARTITION_WRITES_MAX
    }
}

fn after_check_interval(env: &Env<'_>) -> Instant {
    env.now.mono + Duration::from_millis(env.config.offsets_retention_check_interval_ms)
}

/// A refused JoinGroup.
pub(super) fn refused_join(error: ErrorCode, member_id: &str) -> GroupResponse {
    GroupResponse::Join(JoinOutcome::refused(error, member_id))
}
