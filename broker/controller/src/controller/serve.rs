//! How the active controller serves brokers: registrations, signs of life, requests and their answers.
//! What is decided is in `decide`.

use std::time::Duration;

use kring_io::{BrokerId, Now};
use kring_wire::TopicPartition;

use super::Controller;
use super::active::{Active, Origin, WAITING_MAX};
use super::peer_message::{Heartbeat, PeerMessage};
use super::requests::Answer;
use crate::config::Registration;
use crate::decide::{
    Draft, broker_statuses, decommission_status, maintenance_status, restart_check, voters_at_risk,
};
use crate::encoding::encode;
use crate::error::ControllerError;
use crate::event::ControllerOut;
use crate::image::Record;
use crate::quorum::{Index, QuorumOut};
use crate::request::{ControllerRequest, ControllerResponse};

/// Entries that a voter may lack and still count as caught up.
const VOTER_LAG_MAX: u64 = 100;

impl Controller {
    /// Takes the office once everything committed is known, and leaves it with the leadership.
    pub(super) fn follow_leadership(
        &mut self,
        now: Now,
        quorum_out: &mut QuorumOut,
        out: &mut ControllerOut,
    ) {
        let epoch = self.quorum.epoch();
        let lost = |active: &mut Active| active.epoch != epoch || !self.quorum.is_leader();
        if let Some(mut active) = self.active.take_if(lost) {
            for waiting in active.take_all() {
                let answer = Err(ControllerError::LeadershipLost);
                self.answer(now, waiting.origin, 0, answer, out);
            }
        }
        if self.active.is_some() || !self.quorum.is_settled_leader() {
            return;
        }
        assert_eq!(
            self.image.epoch,
            self.quorum.end().index,
            "nothing is proposed before the office is taken"
        );
        tracing::info!(epoch, "this broker is the active controller");
        self.active = Some(Active::new(now, self.config.id, epoch, &self.image));
        self.propose(quorum_out, |draft| {
            if draft.image.cluster_id.is_none() {
                let id = kring_wire::TopicId(draft.random.id());
                draft.push(Record::ClusterId(id));
            }
            draft.repair();
        });
    }

    /// Decides and proposes; every group of records becomes an entry.
    pub(super) fn propose<T>(
        &mut self,
        quorum_out: &mut QuorumOut,
        decide: impl FnOnce(&mut Draft<'_>) -> T,
    ) -> T {
        let active = self.active.as_mut();
        let active = active.expect("only the active controller proposes");
        let mut draft = Draft::new(&mut active.pending, &self.config, &mut self.random);
        let decided = decide(&mut draft);
        for records in draft.into_entries() {
            let index = self.quorum.propose(encode(&records), quorum_out);
            index.expect("the active controller leads the quorum");
        }
        decided
    }

    pub(super) fn on_register(
        &mut self,
        now: Now,
        registration: Registration,
        quorum_out: &mut QuorumOut,
    ) -> Result<(), ControllerError> {
        let broker = registration.broker;
        if self.active.is_none() {
            return Ok(());
        }
        if broker == self.config.id {
            return self.propose(quorum_out, |draft| draft.register_own(registration));
        }
        self.propose(quorum_out, |draft| draft.register(registration))?;
        if let Some(active) = &mut self.active {
            active.hears(now, broker);
        }
        Ok(())
    }

    /// Whether this is the active controller and counts a session for this registration.
    pub(super) fn is_in_session(&self, broker: BrokerId, epoch: i64) -> bool {
        let active = self.active.as_ref();
        let known = active.and_then(|active| active.pending.brokers.get(&broker));
        known.is_some_and(|known| known.epoch == epoch && !known.fenced)
    }

    pub(super) fn on_heartbeat(
        &mut self,
        now: Now,
        broker: BrokerId,
        heartbeat: Heartbeat,
        quorum_out: &mut QuorumOut,
    ) {
        let own = broker == self.config.id;
        let Some(active) = &mut self.active else {
            return;
        };
        let known = active.pending.brokers.get(&broker);
        let Some(known) = known.filter(|b| b.epoch == heartbeat.epoch) else {
            return;
        };
        let (fenced, stops) = (known.fenced, known.shutting_down);
        if !own {
            active.hears(now, broker);
        }
        if fenced && heartbeat.caught_up && !stops {
            self.propose(quorum_out, |draft| draft.unfence(broker));
        } else if !fenced && !heartbeat.caught_up {
            // It caught up before it was unfenced, so that its disk hangs. Alone it stays what it is.
            let mut others = active
                .pending
                .brokers
                .iter()
                .filter(|(id, _)| **id != broker);
            if others.any(|(_, other)| !other.fenced) {
                tracing::warn!(%broker, "the disk of a broker hangs, so it is fenced");
                self.propose(quorum_out, |draft| draft.fence(broker));
            }
        }
    }

    /// Carries out a request, here at the active controller.
    pub(super) fn serve(
        &mut self,
        now: Now,
        origin: Origin,
        request: ControllerRequest,
        quorum_out: &mut QuorumOut,
        out: &mut ControllerOut,
    ) {
        let Some(active) = &mut self.active else {
            self.answer(now, origin, 0, Err(ControllerError::NoController), out);
            return;
        };
        if active.waiting_count() >= WAITING_MAX {
            let waiting = active.waiting_count();
            self.answer(now, origin, 0, Err(ControllerError::Busy { waiting }), out);
            return;
        }
        if let Some(answer) = self.question(now, &request) {
            self.answer(now, origin, self.image.epoch, answer, out);
            return;
        }
        let asker = match origin {
            Origin::Local(_) => self.config.id,
            Origin::Peer(broker, _) => broker,
        };
        if let Some(partition) = self.relies_on_nobody(now, asker, &request) {
            let error = ControllerError::EligibleLeadersNotAvailable { partition };
            self.answer(now, origin, 0, Err(error), out);
            return;
        }
        self.repeat_maintenance(now, &request);
        let answer = self.propose(quorum_out, |draft| draft.decide(asker, request));
        // An answer may rest on what others proposed, so it waits for that too.
        let index = self.quorum.end().index;
        if let Some(active) = &mut self.active {
            active.moves_due = true;
            active.wait(index, origin, answer);
        }
    }

    /// The partition of a damaged copy, if it is the only one that is known to be there: to drop it
    /// must wait until another broker has been heard just now.
    fn relies_on_nobody(
        &self,
        now: Now,
        asker: BrokerId,
        request: &ControllerRequest,
    ) -> Option<TopicPartition> {
        let ControllerRequest::ReplicaDamaged(damaged) = request else {
            return None;
        };
        let active = self.active.as_ref()?;
        let recent = 2 * Duration::from_millis(self.config.heartbeat_ms);
        let relies = active.may_drop(now, asker, damaged.partition, recent);
        (!relies).then_some(damaged.partition)
    }

    /// A maintenance that is asked for again lasts its full time again.
    fn repeat_maintenance(&mut self, now: Now, request: &ControllerRequest) {
        if let ControllerRequest::Maintenance {
            broker,
            on: true,
            epoch,
            ttl_s,
        } = request
            && let Some(active) = &mut self.active
            && *epoch >= active.pending.maintenance_epoch
        {
            let until = now.mono + Duration::from_secs(*ttl_s);
            if let Some(known) = active.maintenance_until.get_mut(broker) {
                *known = until;
            }
        }
    }

    /// The answer to a question, from what is committed.
    fn question(&self, now: Now, request: &ControllerRequest) -> Option<Answer> {
        let image = &self.image;
        Some(match request {
            ControllerRequest::MaintenanceStatus { broker } => {
                let active = self.active.as_ref()?;
                let until = active.maintenance_until.get(broker);
                let left = until.map_or(0, |until| until.since(now.mono).as_secs());
                maintenance_status(image, *broker, left).map(ControllerResponse::Maintenance)
            }
            ControllerRequest::DecommissionStatus { broker } => {
                decommission_status(image, *broker).map(ControllerResponse::Decommission)
            }
            ControllerRequest::RestartCheck { brokers } => {
                let caught_up = self.quorum.voters_caught_up(now, VOTER_LAG_MAX);
                let lost = voters_at_risk(self.quorum.voters(), &caught_up, brokers);
                let check = restart_check(image, &self.config.defaults, brokers, lost);
                Ok(ControllerResponse::RestartCheck(check))
            }
            ControllerRequest::ClusterConfig => {
                let config = image.cluster_config.clone();
                Ok(ControllerResponse::ClusterConfig(
                    kring_admin_api::ClusterConfig { config },
                ))
            }
            ControllerRequest::BrokerList => {
                let ids = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect();
                let caught_up = self.quorum.voters_caught_up(now, VOTER_LAG_MAX);
                Ok(ControllerResponse::BrokerList(
                    kring_admin_api::BrokerList {
                        controller_id: self.config.id.0,
                        controller_epoch: i64::try_from(self.quorum.epoch()).unwrap_or(i64::MAX),
                        voters: ids(self.quorum.voters()),
                        voters_caught_up: ids(&caught_up),
                        brokers: broker_statuses(image),
                    },
                ))
            }
            ControllerRequest::DescribeQuorum => {
                let status = self.quorum.status(now);
                let status = status.ok_or(ControllerError::NoController);
                status.map(ControllerResponse::Quorum)
            }
            _ => return None,
        })
    }

    /// Gives the answers whose entries are committed.
    pub(super) fn answer_committed(&mut self, now: Now, out: &mut ControllerOut) {
        let commit = self.image.epoch;
        let due = self
            .active
            .as_mut()
            .map(|active| active.take_committed(commit));
        for waiting in due.unwrap_or_default() {
            self.answer(now, waiting.origin, commit, waiting.answer, out);
        }
    }

    pub(super) fn answer(
        &mut self,
        now: Now,
        origin: Origin,
        index: Index,
        result: Answer,
        out: &mut ControllerOut,
    ) {
        match origin {
            Origin::Local(number) => self.requests.answered(now, number, index, result),
            Origin::Peer(broker, id) => {
                let response = PeerMessage::Response { id, index, result };
                out.sends.push((broker, response.encode()));
            }
        }
    }
}
