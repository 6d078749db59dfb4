//! A broker of the model: the real replication on a thin log, without any sense of time.
//! It decides nothing and checks nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use kring_io::{BrokerId, Effects, Instant, Now};
use kring_wire::ids::LeaderEpoch;

use super::TP;
use super::mutation::Mutation;
use super::thin_log::Log;
use crate::{ReplicaOut, Replication, ReplicationConfig};

/// The only moment at which anything happens.
pub(super) const NOW: Now = Now {
    mono: Instant(1_000_000_000_000),
    wall_ms: 0,
};
/// When whoever was not heard since [`NOW`] lags.
pub(super) const LATE: Now = Now {
    mono: Instant(2_000_000_000_000),
    wall_ms: 0,
};
/// What is due at no time, until an action says that it is due.
const NEVER: Instant = Instant(3_000_000_000_000);

#[derive(Clone, Debug)]
pub(super) struct Broker {
    pub(super) id: BrokerId,
    pub(super) up: bool,
    /// This run is registered and takes roles.
    pub(super) open: bool,
    /// Its journal is whole up to its durable end.
    pub(super) intact: bool,
    pub(super) log: Log,
    pub(super) replication: Replication,
    pub(super) digest: u64,
}

impl PartialEq for Broker {
    fn eq(&self, other: &Broker) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Broker {}

impl Broker {
    pub(super) fn new(id: BrokerId, mutation: Option<Mutation>) -> Broker {
        let mut broker = Broker {
            id,
            up: true,
            open: false,
            intact: true,
            log: Log::new(mutation == Some(Mutation::DurableTooEarly)),
            replication: replication(id),
            digest: 0,
        };
        broker.settle();
        broker
    }

    /// One step: what it asks for, or with which words it panicked.
    pub(super) fn step(
        &mut self,
        now: Now,
        act: impl FnOnce(&mut Replication, &mut Log, &mut ReplicaOut),
    ) -> Result<ReplicaOut, String> {
        let step = AssertUnwindSafe(|| {
            let mut out = ReplicaOut::default();
            act(&mut self.replication, &mut self.log, &mut out);
            let mut io = Effects::default();
            self.replication
                .finish(now, &mut self.log, &mut io, &mut out);
            self.settle();
            out
        });
        catch_unwind(step).map_err(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            let word = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            words.or(word).unwrap_or_default()
        })
    }

    pub(super) fn stop(&mut self, intact: bool) {
        (self.up, self.open) = (false, false);
        self.intact &= intact;
        self.replication = replication(self.id);
        self.settle();
    }

    pub(super) fn start(&mut self) {
        self.up = true;
        self.settle();
    }

    pub(super) fn set_open(&mut self) {
        self.open = true;
        self.intact = true;
        self.settle();
    }

    /// The epoch in which it believes to lead.
    pub(super) fn leads_in(&self) -> Option<LeaderEpoch> {
        let leading = self.replication.leaders.partitions.get(&TP);
        leading.map(|leading| leading.epoch)
    }

    /// Followers in its ISR that it could find lagging now.
    pub(super) fn may_lag(&self) -> Vec<BrokerId> {
        let leading = self.replication.leaders.partitions.get(&TP);
        let free = leading.filter(|l| l.proposal.is_none() && l.isr_pause_until.is_none());
        let isr = free.map(|leading| leading.isr.iter().filter(|b| **b != self.id));
        isr.into_iter().flatten().copied().collect()
    }

    /// Everybody but `follower` has just caught up.
    pub(super) fn let_lag(&mut self, follower: BrokerId) {
        let leaders = &mut self.replication.leaders;
        leaders.isr_check_at = Some(LATE.mono);
        let others = leaders
            .partitions
            .values_mut()
            .flat_map(|l| &mut l.followers);
        for (_, other) in others.filter(|(id, _)| **id != follower) {
            other.caught_up_at = LATE.mono;
        }
        for (id, session) in &mut leaders.sessions {
            if *id != follower {
                session.heard_at = LATE.mono;
            }
        }
    }

    /// It has a proposal without an answer, or must not propose for a while.
    pub(super) fn waits_to_propose(&self) -> bool {
        let leading = self.replication.leaders.partitions.get(&TP);
        leading.is_some_and(|l| l.proposal.is_some() || l.isr_pause_until.is_some())
    }

    pub(super) fn let_propose(&mut self) {
        let leaders = &mut self.replication.leaders;
        leaders.isr_check_at = Some(NOW.mono);
        for leading in leaders.partitions.values_mut() {
            leading.isr_pause_until = leading.isr_pause_until.map(|_| NOW.mono);
            if let Some(proposal) = &mut leading.proposal {
                proposal.retry_at = NOW.mono;
            }
        }
    }

    pub(super) fn waits_to_fetch(&self) -> bool {
        !self.replication.followers.retries.is_empty()
    }

    pub(super) fn let_fetch(&mut self) {
        let retries = std::mem::take(&mut self.replication.followers.retries);
        self.replication.followers.retries =
            retries.into_iter().map(|(_, tp)| (NOW.mono, tp)).collect();
    }

    /// Forgets all times and takes the digest of the rest.
    fn settle(&mut self) {
        let leaders = &mut self.replication.leaders;
        leaders.isr_check_at = Some(NEVER);
        for leading in leaders.partitions.values_mut() {
            leading.isr_pause_until = leading.isr_pause_until.map(|_| NEVER);
            if let Some(proposal) = &mut leading.proposal {
                proposal.retry_at = NEVER;
            }
            for follower in leading.followers.values_mut() {
                follower.caught_up_at = NOW.mono;
                follower.mark = follower.mark.map(|(end, _)| (end, NOW.mono));
            }
        }
        for session in leaders.sessions.values_mut() {
            session.heard_at = NOW.mono;
            session.news_since = session.news_since.map(|_| NOW.mono);
            if let Some(parked) = &mut session.parked {
                parked.deadline = NEVER;
            }
        }
        let followers = &mut self.replication.followers;
        for upstream in followers.upstreams.values_mut() {
            upstream.sent_at = NOW.mono;
            upstream.reminded_at = NOW.mono;
        }
        let retries = std::mem::take(&mut followers.retries);
        followers.retries = retries.into_iter().map(|(_, tp)| (NEVER, tp)).collect();
        let mut to = DefaultHasher::new();
        (self.up, self.open, self.intact).hash(&mut to);
        self.log.hash(&mut to);
        self.replication.leaders.hash(&mut to);
        self.replication.followers.hash(&mut to);
        self.digest = to.finish();
    }
}

fn replication(id: BrokerId) -> Replication {
    let config = ReplicationConfig {
        high_watermark_linger_ms: 0,
        ..ReplicationConfig::default()
    };
    Replication::new(id, config)
}
