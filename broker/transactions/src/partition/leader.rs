//! The live layer of a partition: its transactional ids, the appends and the markers under way.
//! What a request may do is decided in `answer`, what the coordinator does by itself in `own`.

use std::collections::BTreeMap;

use kring_io::canary::{self, Canary};
use kring_wire::{ErrorCode, LeaderEpoch, Offset};

use super::own;
use crate::answer::{self, Answer};
use crate::committed::Committed;
use crate::config::{PARTITION_APPENDS_MAX, PARTITION_IDS_MAX, STORE_AGAIN_MS};
use crate::engine::Env;
use crate::event::{MarkerId, Token, TransactionOut};
use crate::live::{Live, Then};
use crate::request::TransactionRequest;
use crate::response::TransactionResponse;
use crate::step::Step;
use crate::wakes::Wakes;

/// What exists only while this broker leads the partition.
#[derive(Clone, Debug)]
pub(crate) struct Leader {
    index: i32,
    epoch: LeaderEpoch,
    /// Every id that is committed, and those whose first record is under way.
    live: BTreeMap<String, Live>,
    appends: BTreeMap<Token, String>,
    markers: BTreeMap<MarkerId, String>,
    wakes: Wakes,
}

impl Leader {
    /// Ids as their last records describe them. What they had begun goes on.
    pub(super) fn load(
        index: i32,
        epoch: LeaderEpoch,
        committed: &Committed,
        env: &mut Env<'_>,
    ) -> Leader {
        let live = committed
            .ids
            .iter()
            .map(|(name, stored)| (name.clone(), Live::load(stored, env.now, env.config)));
        let mut leader = Leader {
            index,
            epoch,
            live: live.collect(),
            appends: BTreeMap::new(),
            markers: BTreeMap::new(),
            wakes: Wakes::default(),
        };
        let names = committed.ids.keys();
        for name in names.filter(|_| !canary::is_on(Canary::MarkersNotResumed)) {
            leader.proceed(name, committed, env);
        }
        tracing::info!(
            partition = index,
            epoch,
            transactional_ids = leader.live.len(),
            unfinished = leader.markers.len(),
            "coordinates transactions"
        );
        leader
    }

    /// The leader epoch.
    pub(crate) fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Appends that have not reached the high watermark.
    pub(crate) fn writes_under_way(&self) -> usize {
        self.appends.len()
    }

    /// Partitions whose marker is not written yet.
    pub(crate) fn markers_under_way(&self) -> usize {
        let names = self.markers.values();
        let missing = |name: &String| self.live.get(name)?.markers.as_ref().map(|m| m.left());
        names.filter_map(missing).sum()
    }

    /// Whether a marker is under way.
    pub(crate) fn waits_for(&self, id: MarkerId) -> bool {
        self.markers.contains_key(&id)
    }

    /// The ids, and what their handlers need.
    fn step<'a>(&'a mut self, env: &'a mut Env<'_>) -> (&'a mut BTreeMap<String, Live>, Step<'a>) {
        let step = Step {
            now: env.now,
            config: env.config,
            partition: self.index,
            epoch: self.epoch,
            counters: env.counters,
            appends: &mut self.appends,
            markers: &mut self.markers,
            out: env.out,
        };
        (&mut self.live, step)
    }

    /// Handles a request: answers it now, or when what it changes is stored, once.
    pub(super) fn request(
        &mut self,
        id: u64,
        request: &TransactionRequest,
        committed: &Committed,
        env: &mut Env<'_>,
    ) {
        let answer = self.answer(request, committed, env);
        let name = request.transactional_id();
        let (live, mut step) = self.step(env);
        match answer {
            Ok(Answer::Now(response)) => step.respond(id, response),
            Ok(Answer::Stored(change, response)) => {
                let live = live.entry(name.to_owned()).or_default();
                step.store_for((id, response), name, change, live);
                self.rearm(name);
            }
            Err(error) => step.respond(id, TransactionResponse::refused(request, error)),
        }
    }

    fn answer(
        &self,
        request: &TransactionRequest,
        committed: &Committed,
        env: &Env<'_>,
    ) -> Result<Answer, ErrorCode> {
        answer::check(request, env.config)?;
        let name = request.transactional_id();
        let live = self.live.get(name);
        if answer::changes(request) {
            // TXN-2
            if live.is_some_and(|live| live.pending.is_some()) {
                return Err(ErrorCode::ConcurrentTransactions);
            }
            if self.appends.len() >= PARTITION_APPENDS_MAX {
                return Err(ErrorCode::CoordinatorLoadInProgress);
            }
            let founds = live.is_none() && matches!(request, TransactionRequest::Init(_));
            if founds && self.live.len() >= PARTITION_IDS_MAX {
                return Err(ErrorCode::PolicyViolation);
            }
        }
        let stored = committed.ids.get(name);
        let last = live.and_then(|live| live.last);
        answer::answer(request, stored, last, env.now.wall_ms)
    }

    /// Answers everyone who waits.
    pub(super) fn resign(self, env: &mut Env<'_>) {
        tracing::info!(
            partition = self.index,
            epoch = self.epoch,
            "coordinates transactions no more"
        );
        let pending = self.live.into_values().filter_map(|live| live.pending);
        for pending in pending {
            if let Then::Respond { id, response } = pending.then {
                let response = response.failed(ErrorCode::NotCoordinator);
                env.out.responses.push((id, response));
            }
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
        let Some(name) = self.appends.remove(&token) else {
            return;
        };
        let (live, mut step) = self.step(env);
        let live = live
            .get_mut(&name)
            .expect("an id with an append under way stays");
        let pending = live
            .pending
            .take()
            .expect("an append is its id's one change");
        match result {
            // TXN-1: what was decided is answered, and acted upon, from here on.
            Ok(last_offset) => {
                let before = committed.ids.get(&name).map(|stored| stored.state);
                committed.apply(&name, pending.value);
                committed.next_offset = last_offset + 1;
                live.last = pending.last;
                if let Some(stored) = committed.ids.get(&name) {
                    live.enter(before, stored, step.now, step.config);
                }
                own::stored(pending.then, committed.ids.get(&name), &mut step);
            }
            Err(error) => {
                tracing::warn!(transactional_id = %name, partition = step.partition, error = error.name(), "append was refused");
                if pending.is_own {
                    live.again_at = Some(step.after_ms(STORE_AGAIN_MS));
                }
                if let Then::Respond { id, response } = pending.then {
                    step.respond(id, response.failed(error));
                }
            }
        }
        self.proceed(&name, committed, env);
    }

    /// A leader answered for one partition of a marker, or could not be asked.
    pub(super) fn marker_written(
        &mut self,
        id: MarkerId,
        (topic, partition): (&str, i32),
        result: Result<(), ErrorCode>,
        committed: &Committed,
        env: &mut Env<'_>,
    ) {
        // Unknown: late, of a transaction that is complete or of a term that is over.
        let Some(name) = self.markers.get(&id).cloned() else {
            return;
        };
        let (live, step) = self.step(env);
        let markers = live.get_mut(&name).and_then(|live| live.markers.as_mut());
        let Some(markers) = markers.filter(|markers| markers.is_missing(topic, partition)) else {
            // Late, of an attempt that was made again.
            return;
        };
        match result {
            Ok(()) | Err(ErrorCode::UnknownTopicOrPartition) => markers.done(topic, partition),
            Err(
                error @ (ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced),
            ) => {
                tracing::error!(
                    transactional_id = %name,
                    topic,
                    partition,
                    error = error.name(),
                    "a marker was refused for good: another coordinator acts, this one leaves the transaction alone"
                );
                markers.stop();
            }
            Err(error) => {
                tracing::debug!(transactional_id = %name, topic, partition, error = error.name(), "a marker is sent again");
                let at = step.after_ms(step.config.marker_retry_ms);
                markers.again(topic, partition, at);
            }
        }
        if markers.left() == 0 {
            self.markers.remove(&id);
        }
        self.proceed(&name, committed, env);
    }

    /// Looks at every deadline that has come.
    pub(super) fn on_wake(&mut self, committed: &Committed, env: &mut Env<'_>) {
        while let Some(name) = self.wakes.pop_due(env.now.mono) {
            let (live, mut step) = self.step(env);
            if let Some(live) = live.get_mut(&*name) {
                own::answer_overdue(live, &mut step);
            }
            self.proceed(&name, committed, env);
        }
    }

    /// Does what an id waits for from its coordinator, and forgets one that has no record.
    fn proceed(&mut self, name: &str, committed: &Committed, env: &mut Env<'_>) {
        let stored = committed.ids.get(name);
        let (live, mut step) = self.step(env);
        if let Some(live) = live.get_mut(name) {
            if let Some(stored) = stored {
                own::proceed(name, stored, live, &mut step);
            } else if live.pending.is_none() {
                self.live.remove(name);
            }
        }
        self.rearm(name);
    }

    fn rearm(&mut self, name: &str) {
        let at = self.live.get(name).and_then(Live::next_deadline);
        self.wakes.set(name, at);
    }

    /// When it must be woken next.
    pub(super) fn wake_at(&self, out: &mut TransactionOut) {
        if let Some(at) = self.wakes.first() {
            out.wake_at(at);
        }
    }
}
