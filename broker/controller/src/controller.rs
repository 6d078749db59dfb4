//! Joins the metadata quorum, the image and the decisions into one engine.
//! It decides nothing itself: the quorum orders entries, `decide` writes them, `image` applies them.

mod active;
mod apply;
mod counted;
mod duties;
mod membership;
mod peer_message;
mod requests;
mod serve;

use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant, Now, Random};

use crate::config::{ControllerConfig, Registration};
use crate::error::ControllerError;
use crate::event::{ControllerEvent, ControllerOut};
use crate::image::ClusterImage;
use crate::quorum::{Index, Message, Quorum, QuorumConfig, QuorumOut, StartError};
use active::{Active, Origin};
use counted::Counted;
use membership::Membership;
use peer_message::{Heartbeat, PeerMessage};
use requests::Requests;

/// The engine: runs on every broker, as a voter or as an observer of the quorum.
pub struct Controller {
    config: ControllerConfig,
    random: Random,
    quorum: Quorum,
    /// The committed image; `image.epoch` is the index of the last applied entry.
    image: ClusterImage,
    active: Option<Active>,
    membership: Membership,
    requests: Requests,
    /// The addresses of the voters and of the stored image were given out.
    introduced: bool,
    /// The largest commit index that a leader of the quorum has told: what this broker could know.
    told_commit: Index,
    counted: Counted,
    resign_at: Instant,
    /// When the last step was: a long gap is this broker's own stall, in which it heard nobody.
    stepped_at: Instant,
}

impl Controller {
    /// From what [`ControllerOut::persist`] stored in earlier runs: every pair whose key begins with `m/`.
    /// The image is that of the last snapshot; later entries come as changes once they are known to be committed.
    ///
    /// # Errors
    /// When a stored value is damaged or missing.
    pub fn new<'a>(
        config: ControllerConfig,
        registration: Registration,
        seed: u64,
        persisted: impl Iterator<Item = (&'a [u8], &'a Bytes)>,
        now: Now,
    ) -> Result<Controller, StartError> {
        let mut random = Random::new(seed);
        let quorum_config = QuorumConfig {
            id: config.id,
            voters: config.voters.iter().map(|(id, _)| *id).collect(),
            address: registration.peer_address.clone(),
            election_timeout: Duration::from_millis(config.election_timeout_ms),
        };
        let quorum = Quorum::new(quorum_config, random.next_u64(), persisted, now)?;
        let image = apply::restore(&quorum)?;
        Ok(Controller {
            random,
            quorum,
            image,
            active: None,
            membership: Membership::new(&config, registration),
            requests: Requests::default(),
            introduced: false,
            told_commit: 0,
            counted: Counted::default(),
            resign_at: now.mono,
            stepped_at: now.mono,
            config,
        })
    }

    /// Advances by one event. Call it with [`ControllerEvent::Wake`] once at the start.
    pub fn step(&mut self, now: Now, event: ControllerEvent, out: &mut ControllerOut) {
        let mut quorum_out = QuorumOut::default();
        self.introduce(out);
        self.excuse_own_stall(now);
        match event {
            ControllerEvent::Message { from, bytes } => match PeerMessage::decode(&bytes) {
                Some(message) => {
                    if let PeerMessage::Quorum(Message::Append { commit, .. }) = &message {
                        self.told_commit = self.told_commit.max(*commit);
                    }
                    self.on_message(now, from, message, &mut quorum_out, out);
                }
                None => tracing::warn!(%from, "a controller message cannot be decoded"),
            },
            ControllerEvent::PeerConnected(broker) => {
                self.quorum.connected(now, broker, &mut quorum_out);
                if self.quorum.leader() == Some(broker) {
                    self.membership.repeat();
                }
            }
            ControllerEvent::Persisted { token } => {
                self.quorum.persisted(now, token, &mut quorum_out);
            }
            ControllerEvent::Request { id, request } => {
                let timeout = self.request_timeout();
                if let Err(error) = self.requests.open(now, timeout, id, request) {
                    out.responses.push((id, Err(error)));
                }
            }
            ControllerEvent::CaughtUp => self.membership.caught_up = true,
            ControllerEvent::DiskHangs(hangs) => self.membership.disk_hangs = hangs,
            ControllerEvent::Wake => {}
        }
        self.quorum.wake(now, &mut quorum_out);
        self.finish(now, quorum_out, out);
    }

    /// The cluster as far as this broker knows it to be committed.
    #[must_use]
    pub fn image(&self) -> &ClusterImage {
        &self.image
    }

    /// The active controller, if one is known.
    #[must_use]
    pub fn active(&self) -> Option<BrokerId> {
        let leader = self.quorum.leader();
        leader.filter(|id| *id != self.config.id || self.active.is_some())
    }

    /// Epoch of the newest controller that is known.
    #[must_use]
    pub fn active_epoch(&self) -> i64 {
        i64::try_from(self.quorum.epoch()).unwrap_or(i64::MAX)
    }

    /// Whether this broker is the active controller.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// When this active controller last heard a majority of the voters, itself included; none on others. Without one
    /// another may be active by now.
    #[must_use]
    pub fn majority_heard_at(&self, now: Now) -> Option<Instant> {
        self.active.as_ref()?;
        self.quorum.majority_heard_at(now)
    }

    /// Whether the image has everything that the leaders of the quorum have told to be committed. One that
    /// is heard, but does not hear this broker, may tell of changes that it cannot bring.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.image.epoch >= self.told_commit
    }

    /// When the newest heartbeat was sent that the active controller has counted. Another broker may lead a
    /// partition of this one at the earliest a session time-out after it.
    #[must_use]
    pub fn counted_at(&self) -> Option<Instant> {
        self.counted.by(self.active()?)
    }

    /// Whether this run of the broker is registered and unfenced, as far as the image tells. Until
    /// then the image may be that of an earlier run, so the broker must serve nothing by it.
    #[must_use]
    pub fn registered(&self) -> bool {
        self.membership.is_active(&self.image)
    }

    /// Why the active controller does not register this broker, if it said so.
    #[must_use]
    pub fn registration_refused(&self) -> Option<&ControllerError> {
        self.membership.refused.as_ref()
    }

    /// The settings it was made with.
    #[must_use]
    pub fn config(&self) -> &ControllerConfig {
        &self.config
    }

    fn introduce(&mut self, out: &mut ControllerOut) {
        if self.introduced {
            return;
        }
        self.introduced = true;
        let own = self.config.id;
        let voters = self.config.voters.iter().cloned();
        let known = self.image.brokers.iter();
        let known = known.map(|(id, broker)| (*id, broker.peer_address.clone()));
        out.peers
            .extend(voters.chain(known).filter(|(id, _)| *id != own));
    }

    /// After a stall of this broker the others' signs of life are still waiting to be read, so the
    /// time of the stall is not held against them.
    fn excuse_own_stall(&mut self, now: Now) {
        let gap = now.mono.since(self.stepped_at);
        self.stepped_at = now.mono;
        if let Some(active) = &mut self.active
            && gap >= Duration::from_millis(self.config.heartbeat_ms)
        {
            active.excuse(gap);
        }
    }

    fn on_message(
        &mut self,
        now: Now,
        from: BrokerId,
        message: PeerMessage,
        quorum_out: &mut QuorumOut,
        out: &mut ControllerOut,
    ) {
        match message {
            PeerMessage::Quorum(message) => self.quorum.receive(now, from, message, quorum_out),
            PeerMessage::Register(registration) if registration.broker == from => {
                if let Err(error) = self.on_register(now, registration, quorum_out) {
                    out.sends.push((from, PeerMessage::Refused(error).encode()));
                }
            }
            PeerMessage::Register(registration) => {
                tracing::warn!(%from, claimed = %registration.broker, "a broker registers as another");
            }
            PeerMessage::Refused(error) => self.refused(error),
            PeerMessage::Heartbeat(heartbeat) => {
                self.on_heartbeat(now, from, heartbeat, quorum_out);
            }
            PeerMessage::Request { id, request } => {
                self.serve(now, Origin::Peer(from, id), request, quorum_out, out);
            }
            PeerMessage::Response { id, index, result } => {
                self.requests.answered(now, id, index, result);
            }
            PeerMessage::Probe { epoch, number } if self.is_in_session(from, epoch) => {
                out.sends
                    .push((from, PeerMessage::Counted { number }.encode()));
            }
            PeerMessage::Probe { .. } => {}
            PeerMessage::Counted { number } => self.counted.answered(from, number),
        }
    }

    /// Everything that follows from an event, in the order in which one thing makes the next possible.
    fn finish(&mut self, now: Now, mut quorum_out: QuorumOut, out: &mut ControllerOut) {
        self.apply_committed(out);
        self.follow_leadership(now, &mut quorum_out, out);
        self.report(now, &mut quorum_out, out);
        self.send_requests(now, &mut quorum_out, out);
        if self.active.is_some() {
            self.do_duties(now, &mut quorum_out);
        }
        self.answer_committed(now, out);
        let done = self
            .requests
            .take_done(now, self.image.epoch, self.request_timeout());
        out.responses.extend(done);
        self.take_snapshot(&mut quorum_out);
        self.leave_office(now, &mut quorum_out);
        if let Some(token) = self.quorum.finish(now, &mut quorum_out) {
            out.persist_token = Some(token);
        }
        out.persist.append(&mut quorum_out.writes);
        out.peers.append(&mut quorum_out.peers);
        let sends = quorum_out.sends.into_iter();
        out.sends
            .extend(sends.map(|(to, message)| (to, PeerMessage::Quorum(message).encode())));
        out.wake_at = self.deadline();
    }

    /// Registers with the active controller, or shows it that this broker is alive.
    fn report(&mut self, now: Now, quorum_out: &mut QuorumOut, out: &mut ControllerOut) {
        let Some(to) = self.active() else {
            return;
        };
        let epoch = self.quorum.epoch();
        let message = self.membership.next_message(now, to, epoch, &self.image);
        let Some(message) = message else {
            return;
        };
        if to != self.config.id {
            out.sends.push((to, message.encode()));
            if let PeerMessage::Heartbeat(Heartbeat { epoch, .. }) = message {
                let number = self.counted.probe(now.mono);
                let probe = PeerMessage::Probe { epoch, number };
                out.sends.push((to, probe.encode()));
            }
            return;
        }
        match message {
            PeerMessage::Register(registration) => {
                if let Err(error) = self.on_register(now, registration, quorum_out) {
                    self.refused(error);
                }
            }
            PeerMessage::Heartbeat(heartbeat) => {
                self.on_heartbeat(now, to, heartbeat, quorum_out);
            }
            _ => unreachable!("a broker reports by registrations and heartbeats alone"),
        }
    }

    fn refused(&mut self, error: ControllerError) {
        if self.membership.refused.as_ref() != Some(&error) {
            tracing::warn!(%error, "the active controller does not register this broker");
        }
        self.membership.refused = Some(error);
    }

    fn send_requests(&mut self, now: Now, quorum_out: &mut QuorumOut, out: &mut ControllerOut) {
        let Some(to) = self.active() else {
            return;
        };
        let epoch = self.quorum.epoch();
        self.requests.controller_is(to, epoch);
        for (number, request) in self.requests.take_waiting(now, to, epoch) {
            if to == self.config.id {
                self.serve(now, Origin::Local(number), request, quorum_out, out);
            } else {
                let id = number;
                let message = PeerMessage::Request { id, request };
                out.sends.push((to, message.encode()));
            }
        }
    }

    /// A broker that is about to stop, or whose disk hangs, leaves the office to another voter as
    /// soon as it owes nobody an answer.
    fn leave_office(&mut self, now: Now, quorum_out: &mut QuorumOut) {
        let own = self.image.brokers.get(&self.config.id);
        let stops = own.is_some_and(|broker| broker.shutting_down) || self.membership.disk_hangs;
        let settled = self.image.epoch == self.quorum.end().index;
        if self.active.is_some() && stops && settled && now.mono >= self.resign_at {
            self.resign_at = now.mono + Duration::from_millis(self.config.election_timeout_ms);
            self.quorum.resign(quorum_out);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let session_timeout = Duration::from_millis(self.config.session_timeout_ms);
        let active = self.active();
        let remote = active.is_some_and(|id| id != self.config.id);
        let own = self.active.as_ref();
        [
            self.quorum.deadline(),
            remote.then(|| self.membership.deadline()),
            self.requests.deadline(active.is_some()),
            own.and_then(|active| active.deadline(session_timeout)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.config.request_timeout_ms)
    }
}

#[cfg(test)]
mod tests;
