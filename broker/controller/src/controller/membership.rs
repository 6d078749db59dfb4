//! How this broker registers with the active controller and stays registered.
//! What the controller makes of it is decided in `decide`.

use std::time::Duration;

use kring_io::{BrokerId, Instant, Now};

use super::peer_message::{Heartbeat, PeerMessage};
use crate::config::{ControllerConfig, Registration};
use crate::error::ControllerError;
use crate::image::ClusterImage;
use crate::quorum::Epoch;

/// State of this broker's registration, as this broker sees it.
#[derive(Debug)]
pub(super) struct Membership {
    registration: Registration,
    heartbeat: Duration,
    /// The log has recovered and the partitions are open.
    pub(super) caught_up: bool,
    /// The disk does not answer: what this broker promises it could not keep.
    pub(super) disk_hangs: bool,
    /// Why the active controller does not register this broker.
    pub(super) refused: Option<ControllerError>,
    said: Option<Said>,
    next_at: Instant,
}

/// What the last message was about: when it would be about something else, it is sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    to: BrokerId,
    controller_epoch: Epoch,
    registered: Option<i64>,
    fenced: bool,
    caught_up: bool,
}

impl Membership {
    pub(super) fn new(config: &ControllerConfig, registration: Registration) -> Membership {
        Membership {
            registration,
            heartbeat: Duration::from_millis(config.heartbeat_ms),
            caught_up: false,
            disk_hangs: false,
            refused: None,
            said: None,
            next_at: Instant::default(),
        }
    }

    /// Whether this run of the broker is registered and unfenced.
    pub(super) fn is_active(&self, image: &ClusterImage) -> bool {
        let (_, fenced) = self.state(image);
        !fenced
    }

    fn state(&self, image: &ClusterImage) -> (Option<i64>, bool) {
        let broker = image.brokers.get(&self.registration.broker);
        let own = broker.filter(|b| b.incarnation == self.registration.incarnation);
        (own.map(|b| b.epoch), own.is_none_or(|b| b.fenced))
    }

    /// What to say to the active controller now, if anything. A controller that is this very
    /// broker is told only what is new.
    pub(super) fn next_message(
        &mut self,
        now: Now,
        to: BrokerId,
        controller_epoch: Epoch,
        image: &ClusterImage,
    ) -> Option<PeerMessage> {
        let (registered, fenced) = self.state(image);
        let caught_up = self.caught_up && !self.disk_hangs;
        let said = Said {
            to,
            controller_epoch,
            registered,
            fenced,
            caught_up,
        };
        let local = to == self.registration.broker;
        let due = !local && now.mono >= self.next_at;
        if self.said == Some(said) && !due {
            return None;
        }
        self.said = Some(said);
        // A controller that has just been elected may not answer the first time.
        let interval = if fenced {
            self.heartbeat / 10
        } else {
            self.heartbeat
        };
        self.next_at = now.mono + interval;
        if registered.is_some() {
            self.refused = None;
        }
        Some(match registered {
            Some(epoch) => PeerMessage::Heartbeat(Heartbeat { epoch, caught_up }),
            None => PeerMessage::Register(self.registration.clone()),
        })
    }

    /// When to say something again to a controller that is another broker.
    pub(super) fn deadline(&self) -> Instant {
        self.next_at
    }

    /// The link to the controller is new: what was said last may be lost.
    pub(super) fn repeat(&mut self) {
        self.said = None;
    }
}
