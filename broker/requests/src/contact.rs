//! Whether this broker hears the active controller, which may have replaced it as a leader otherwise,
//! and whether it is among its own. It fences nobody; the controller does.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::{BrokerId, Instant, Now};
use kring_wire::TopicPartition;

use crate::broker::Broker;
use crate::cluster;
use crate::event::Output;

/// So many session time-outs after it was fenced a broker is no longer among those that clients are told of.
const FORGOTTEN_AFTER_SESSIONS: u64 = 3;

/// When the active controller was last heard, and when it last heard this broker, for all that is known.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    heard_at: Instant,
    /// When the newest heartbeat was sent that the active controller has counted.
    counted_at: Instant,
    /// When it was heard again after a silence, until it is heard once more a moment later. What
    /// happened meanwhile is learned in that moment.
    regained_at: Option<Instant>,
    /// When this broker last did anything in this run.
    turned_at: Option<Instant>,
    /// It stood still, and whatever it hears may be old: until then it finds in its sockets what was said before. It is
    /// over when the controller is heard once more a moment later.
    stood_still: bool,
    /// Since when fenced brokers have been fenced, as far as this one knows.
    fenced_at: BTreeMap<BrokerId, Instant>,
}

impl Broker {
    /// Notes that this broker does something. Whoever stood still for nearly as long as the controller waits may have been
    /// replaced.
    pub(crate) fn note_turn(&mut self, now: Now) {
        let before = self.contact.turned_at.replace(now.mono);
        if before.is_some_and(|at| now.mono.since(at) > self.controller_patience()) {
            self.contact.stood_still = true;
            self.contact.regained_at = Some(now.mono);
        }
    }

    /// Notes a message of another broker's controller side, if that is the active one and told nothing that
    /// is unknown here. It counts from when the newest heartbeat was sent that it has: a controller that is
    /// heard and does not hear this broker replaces it. A broker that is the active controller itself counts from when
    /// it heard a majority of the voters: they may have elected another.
    pub(crate) fn note_contact(&mut self, now: Now, from: Option<BrokerId>) {
        let Some(controller) = &self.controller else {
            return;
        };
        let hears = from.is_some() && controller.active() == from && controller.is_current();
        let (heard_at, counted_at) = match controller.majority_heard_at(now) {
            Some(heard_at) => (heard_at, Some(heard_at)),
            None if hears => (now.mono, controller.counted_at()),
            None => return,
        };
        let counted_at = counted_at.unwrap_or_default();
        self.contact.counted_at = self.contact.counted_at.max(counted_at);
        if heard_at <= self.contact.heard_at {
            return;
        }
        let is_moment_later =
            |at: Instant| heard_at > at && heard_at.since(at) >= self.heartbeat_interval();
        if heard_at.since(self.contact.heard_at) > self.controller_patience() {
            self.contact.regained_at = Some(heard_at);
        } else if self.contact.regained_at.is_some_and(is_moment_later) {
            self.contact.regained_at = None;
            self.contact.stood_still = false;
        }
        self.contact.heard_at = heard_at;
    }

    /// Notes that a broker belongs to another cluster. Where most of the voters do, this broker can
    /// never join a quorum, so it ends instead of waiting; a single stranger among the voters must
    /// not stop those that can go on without it.
    pub(crate) fn other_cluster(&mut self, from: BrokerId, cluster_id: String, out: &mut Output) {
        let voters = &self.config.voters;
        if !voters.iter().any(|(voter, _)| *voter == from) {
            return;
        }
        let majority = voters.len() / 2 + 1;
        self.other_clusters.insert(from, cluster_id.clone());
        let strangers = self.other_clusters.values().filter(|id| **id == cluster_id);
        if strangers.count() >= majority {
            let own = self.cluster_id().map(|id| id.to_string());
            out.fatal = Some(format!(
                "the data directory {} belongs to cluster {}, the brokers of controller.quorum.voters to {cluster_id}; correct one of them",
                self.identity.log_dir,
                own.unwrap_or_default(),
            ));
        }
    }

    /// Whether another broker may lead the partition by now: the active controller has been silent
    /// for nearly as long as it waits before it fences, and an in-sync follower does not fetch here;
    /// or the controller is heard again only since a moment ago, and an in-sync follower is not; or this
    /// broker stood still until a moment ago, and what its followers seem to fetch may be old.
    ///
    /// Nothing appended here could be committed then; a client that is told so looks for the new
    /// leader at once, and an idempotent producer that has moved on is not told of gaps in its
    /// sequence that exist only here. While every in-sync follower fetches, no other leads, however
    /// long the metadata quorum is away.
    pub(crate) fn may_be_replaced(&self, now: Now, tp: TopicPartition) -> bool {
        let patience = self.controller_patience();
        let lost = self.is_out_of_contact(now);
        let regained_at = self.contact.regained_at;
        if !lost && regained_at.is_none() {
            return false;
        }
        let Some(leader) = self.replicas.engine().leader_state(tp, &self.log) else {
            return false;
        };
        let silent = |at: Instant| {
            self.contact.stood_still
                || now.mono.since(at) > patience
                || regained_at.is_some_and(|regained| at <= regained)
        };
        leader
            .followers
            .iter()
            .any(|follower| follower.may_be_in_isr && silent(follower.caught_up_at))
    }

    /// Notes whether a broker is fenced.
    pub(crate) fn note_fence(&mut self, now: Now, of: BrokerId) {
        if cluster::is_live(self.image(), of) {
            self.contact.fenced_at.remove(&of);
        } else {
            self.contact.fenced_at.entry(of).or_insert(now.mono);
        }
    }

    /// Whether a fenced broker was not a moment ago. Clients need not forget one that restarts.
    pub(crate) fn was_live_lately(&self, now: Now, id: BrokerId) -> bool {
        let patience =
            Duration::from_millis(FORGOTTEN_AFTER_SESSIONS * self.config.broker_session_timeout_ms);
        let fenced_at = self.contact.fenced_at.get(&id);
        fenced_at.is_some_and(|at| now.mono.since(*at) < patience)
    }

    /// Whether what this leader says of where the log begins and ends may be contradicted by what
    /// another has told already: it may be replaced, or it is out of contact and has followers that
    /// may be in sync. One of those may lead from the moment on in which it fetched last.
    ///
    /// An append finds out by itself, because it waits for these followers. An answer that only
    /// tells what is here does not.
    pub(crate) fn may_be_outdated(&self, now: Now, tp: TopicPartition) -> bool {
        if self.may_be_replaced(now, tp) {
            return true;
        }
        if !self.is_out_of_contact(now) {
            return false;
        }
        // Below min ISR the controller may elect one that has left it, too.
        let eligible = self.image().partition(tp).map(|state| &state.eligible);
        let leader = self.replicas.engine().leader_state(tp, &self.log);
        eligible.is_some_and(|eligible| !eligible.is_empty())
            || leader.is_some_and(|leader| leader.followers.iter().any(|f| f.may_be_in_isr))
    }

    /// Whether the active controller has been silent for so long that it may fence this broker.
    fn is_out_of_contact(&self, now: Now) -> bool {
        now.mono.since(self.contact.counted_at) > self.controller_patience()
    }

    /// Shorter than the session time-out, which the controller counts from a heartbeat that it got
    /// up to one interval before the silence began.
    fn controller_patience(&self) -> Duration {
        let session_ms = self.config.broker_session_timeout_ms;
        let margin_ms = 2 * self.config.broker_heartbeat_interval_ms;
        Duration::from_millis(session_ms.saturating_sub(margin_ms).max(session_ms / 2))
    }

    fn heartbeat_interval(&self) -> Duration {
        Duration::from_millis(self.config.broker_heartbeat_interval_ms)
    }
}
