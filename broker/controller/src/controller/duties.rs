//! What the active controller does without being asked: fences the silent, ends maintenance, hands over, moves, rebalances.
//! Each run decides at most one batch; the next follows once that is committed.

use std::time::Duration;

use kring_io::{BrokerId, Now};

use super::Controller;
use crate::decide::Draft;
use crate::quorum::QuorumOut;

/// Hand-overs and moves that found nothing to do are looked at again after this, though nothing changed.
const MOVES_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two batches of a rebalance.
const REBALANCE_PAUSE: Duration = Duration::from_millis(100);

impl Controller {
    pub(super) fn do_duties(&mut self, now: Now, quorum_out: &mut QuorumOut) {
        let session_timeout = Duration::from_millis(self.config.session_timeout_ms);
        let Some(active) = &self.active else {
            return;
        };
        let silent = active.silent(now, session_timeout);
        let expired = active.expired_maintenance(now);
        for broker in silent {
            tracing::warn!(%broker, ?session_timeout, "a broker is silent, so it is fenced");
            self.forget_session(broker);
            self.propose(quorum_out, |draft| draft.fence(broker));
        }
        for broker in expired {
            tracing::warn!(%broker, "maintenance was not repeated in time, so it ends");
            self.propose(quorum_out, |draft| draft.expire_maintenance(broker));
        }
        self.keep_maintenance_clocks(now);
        // The batch before must be committed and applied: its effect decides what is left.
        if self.image.epoch == self.quorum.end().index {
            self.move_batch(now, quorum_out);
        }
        self.rebalance(now, quorum_out);
    }

    fn forget_session(&mut self, broker: BrokerId) {
        if let Some(active) = &mut self.active {
            active.sessions.remove(&broker);
        }
    }

    /// Clocks exist for the brokers that are in maintenance, no more and no less.
    fn keep_maintenance_clocks(&mut self, now: Now) {
        let Some(active) = &mut self.active else {
            return;
        };
        let brokers = &active.pending.brokers;
        let ttl = |id: &BrokerId| brokers.get(id).and_then(|b| b.maintenance).map(|m| m.ttl_s);
        active.maintenance_until.retain(|id, _| ttl(id).is_some());
        for id in brokers.keys() {
            if let Some(ttl_s) = ttl(id) {
                let until = now.mono + Duration::from_secs(ttl_s);
                active.maintenance_until.entry(*id).or_insert(until);
            }
        }
    }

    fn move_batch(&mut self, now: Now, quorum_out: &mut QuorumOut) {
        let batch = self.config.move_batch;
        let Some(active) = &mut self.active else {
            return;
        };
        let (epoch, at) = active.moves_seen;
        let waited = now.mono.since(at) >= MOVES_INTERVAL;
        if epoch == self.image.epoch && !waited && !active.moves_due {
            return;
        }
        active.moves_seen = (self.image.epoch, now.mono);
        active.moves_due = false;
        let brokers = self.image.brokers.iter();
        let maintained = brokers.clone().filter(|(_, b)| b.maintenance.is_some());
        let maintained: Vec<BrokerId> = maintained.map(|(id, _)| *id).collect();
        let emptied = brokers.filter(|(_, b)| b.decommissioning);
        let emptied: Vec<BrokerId> = emptied.map(|(id, _)| *id).collect();
        if maintained.is_empty() && emptied.is_empty() {
            return;
        }
        self.propose(quorum_out, |draft: &mut Draft<'_>| {
            for broker in maintained {
                draft.hand_over(broker, batch);
            }
            for broker in emptied {
                draft.plan_moves(broker, batch);
            }
        });
    }

    fn rebalance(&mut self, now: Now, quorum_out: &mut QuorumOut) {
        let interval = Duration::from_millis(self.config.leader_rebalance_interval_ms);
        let batch = self.config.move_batch;
        let Some(active) = &mut self.active else {
            return;
        };
        if interval.is_zero() || active.pending.brokers.len() < 2 {
            active.rebalance_at = None;
            return;
        }
        let at = *active.rebalance_at.get_or_insert(now.mono + interval);
        if now.mono < at {
            return;
        }
        let moved = self.propose(quorum_out, |draft| draft.rebalance_leaders(batch));
        let pause = if moved { REBALANCE_PAUSE } else { interval };
        if let Some(active) = &mut self.active {
            active.rebalance_at = Some(now.mono + pause);
        }
    }
}
