//! The group as a whole: when its epoch grows, and what the target is in the new one.
//! How a member gets there is in `reconcile`.

use std::collections::{BTreeMap, BTreeSet};

use super::assignor::{self, Subscriber, Subscribers};
use super::batch::Batch;
use super::topics::hash;
use super::{Change, ConsumerGroup, Epoch, Resolved, TargetEpoch, regex};
use crate::step::Step;

impl ConsumerGroup {
    /// Compares the group with the cluster's topics if those or a subscription changed, and begins a new epoch if that makes a
    /// difference.
    pub(super) fn refresh(&mut self, mut bump: bool, batch: &mut Batch, step: &mut Step<'_>) {
        let version = step.topics.version();
        if self.seen_topics != Some(version) {
            self.seen_topics = Some(version);
            for regex in self.state.regexes.keys().cloned().collect::<Vec<_>>() {
                bump |= self.resolve(&regex, batch, step);
            }
            let known = self.state.epoch.map_or(0, |epoch| epoch.metadata_hash);
            bump |= self.metadata_hash(step) != known;
        }
        if bump {
            self.bump(batch, step);
        }
    }

    /// Begins a new epoch: the target must be computed again.
    pub(super) fn bump(&mut self, batch: &mut Batch, step: &mut Step<'_>) {
        *step.rebalances += 1;
        let epoch = Epoch {
            epoch: self.state.group_epoch().saturating_add(1),
            metadata_hash: self.metadata_hash(step),
        };
        self.change(Change::Epoch(Some(epoch)), batch);
    }

    /// Resolves an expression again; whether it stands for other topics than before.
    pub(super) fn resolve(&mut self, expression: &str, batch: &mut Batch, step: &Step<'_>) -> bool {
        // One that was stored by a broker with another dialect may not compile: it stands for nothing.
        let compiled = regex::compile(expression);
        let topics = compiled
            .map(|compiled| regex::matching(&compiled, step.topics.names()))
            .unwrap_or_default();
        let known = self.state.regexes.get(expression);
        if known.is_some_and(|known| known.topics == topics) {
            return false;
        }
        let resolved = Resolved {
            topics,
            version: i64::try_from(step.topics.version()).unwrap_or(i64::MAX),
            resolved_ms: step.now.wall_ms,
        };
        let change = Change::Regex(expression.to_owned(), Some(resolved));
        self.change(change, batch);
        true
    }

    /// Forgets expressions that no member uses.
    pub(super) fn forget_unused_regexes(&mut self, batch: &mut Batch) {
        let members = self.state.members.values();
        let used: BTreeSet<&String> = members.filter_map(|member| member.regex.as_ref()).collect();
        let known = self.state.regexes.keys();
        let unused: Vec<String> = known.filter(|r| !used.contains(r)).cloned().collect();
        for regex in unused {
            self.change(Change::Regex(regex, None), batch);
        }
    }

    /// Computes the target of the group's epoch if that is not done yet.
    pub(super) fn retarget(&mut self, batch: &mut Batch, step: &Step<'_>) {
        let epoch = self.state.group_epoch();
        if epoch <= self.state.assignment_epoch() {
            return;
        }
        let assignor = self.assignor(step);
        let targets = self.targets(&assignor, step);
        for (member, target) in targets {
            let known = self.state.targets.get(&member);
            let same = known.map_or(target.is_empty(), |known| *known == target);
            if !same {
                self.change(Change::Target(member, Some(target)), batch);
            }
        }
        let computed = TargetEpoch {
            epoch,
            computed_ms: step.now.wall_ms,
        };
        self.change(Change::TargetEpoch(Some(computed)), batch);
        tracing::debug!(group = %self.id, epoch, assignor, "new target assignment");
    }

    fn targets(&self, assignor: &str, step: &Step<'_>) -> BTreeMap<String, super::Assignment> {
        let counts = step.topics.counts(&self.subscribed());
        let mut subscribers = Subscribers::new();
        for (id, member) in &self.state.members {
            let subscriber = Subscriber {
                instance: member.instance_id.as_deref(),
                topics: step.topics.ids(&self.state.subscription(member)),
                before: self.state.targets.get(id),
            };
            subscribers.insert(id, subscriber);
        }
        assignor::assign(assignor, &subscribers, &counts)
    }

    /// What most members ask for; of equals the one that is named first in the settings, which is also the default.
    pub(super) fn assignor(&self, step: &Step<'_>) -> String {
        let votes = |name: &String| {
            let members = self.state.members.values();
            members
                .filter(|m| m.assignor.as_ref() == Some(name))
                .count()
        };
        let names = &step.config.group_consumer_assignors;
        // Of equals `max_by_key` takes the last.
        let preferred = names.iter().rev().max_by_key(|name| votes(name));
        preferred.cloned().unwrap_or_default()
    }

    fn subscribed(&self) -> BTreeSet<String> {
        let members = self.state.members.values();
        members.flat_map(|m| self.state.subscription(m)).collect()
    }

    fn metadata_hash(&self, step: &Step<'_>) -> i64 {
        hash(&step.topics.counts(&self.subscribed()))
    }
}
