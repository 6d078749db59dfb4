//! Steps of the metadata quorum and what follows from them.
//! It keeps no copy of the image: everybody reads the controller's.

use std::collections::BTreeSet;

use kring_controller::{
    ClusterImage, ControllerError, ControllerEvent, ControllerOut, ControllerRequest,
    ControllerResponse, ImageChange,
};
use kring_groups::GroupEvent;
use kring_io::{BrokerId, Now};
use kring_wire::TopicId;

use super::peers;
use crate::broker::{Broker, Work};
use crate::calls::Done;
use crate::event::Output;
use crate::image_wait;
use crate::timers::Part;

/// Questions to the controller that this broker has under way at most.
const CALLS_MAX: usize = 10_000;

/// The answer to a question.
pub(crate) type Answered = Result<ControllerResponse, ControllerError>;

impl Broker {
    /// The cluster as this broker knows it.
    pub fn image(&self) -> &ClusterImage {
        self.controller
            .as_ref()
            .map_or(&self.empty_image, |controller| controller.image())
    }

    /// The cluster's id, once there is one.
    pub(crate) fn cluster_id(&self) -> Option<TopicId> {
        self.image().cluster_id
    }

    /// The broker that clients are told to send controller requests to: the active controller when
    /// it is known and alive, else this one, which forwards.
    pub(crate) fn controller_id(&self) -> BrokerId {
        self.controller
            .as_ref()
            .and_then(|controller| controller.active())
            .filter(|id| crate::cluster::is_live(self.image(), *id))
            .unwrap_or(self.id())
    }

    /// Asks the active controller, wherever it is; `done` gets the answer once.
    pub(crate) fn ask_controller(
        &mut self,
        now: Now,
        request: ControllerRequest,
        done: Done<Answered>,
        out: &mut Output,
    ) {
        if self.controller_calls.len() >= CALLS_MAX {
            let waiting = self.controller_calls.len();
            done(self, now, Err(ControllerError::Busy { waiting }), out);
            return;
        }
        let id = self.controller_calls.open(done);
        self.work
            .push_back(Work::Controller(ControllerEvent::Request { id, request }));
    }

    /// One step of the quorum.
    pub(crate) fn step_controller(&mut self, now: Now, event: ControllerEvent, out: &mut Output) {
        let Some(controller) = &mut self.controller else {
            return;
        };
        let from = match &event {
            ControllerEvent::Message { from, .. } => Some(*from),
            _ => None,
        };
        let mut said = ControllerOut::default();
        controller.step(now, event, &mut said);
        self.note_contact(now, from);
        self.timers.set(Part::Controller, said.wake_at);
        // A log that has stopped says `Lsn::NEVER`: nothing written to it ever counts as stored.
        let mut lsn = self.log.appended_lsn();
        for (key, value) in said.persist {
            lsn = lsn.max(self.log.put_state(key, value));
        }
        if let Some(token) = said.persist_token {
            self.persisting.add(lsn, token);
            self.give_back_durable_token();
        }
        for (to, message) in said.sends {
            peers::send_controller(to, message, out);
        }
        out.effects.peers.extend(said.peers);
        self.apply_changes(now, said.changes, out);
        self.open_when_registered(now, out);
        for (id, answer) in said.responses {
            if let Some(done) = self.controller_calls.take(id) {
                done(self, now, answer, out);
            }
        }
    }

    /// Tells the quorum what has become durable.
    pub(crate) fn give_back_durable_token(&mut self) {
        if let Some(token) = self.persisting.durable(self.log.durable_lsn()) {
            self.work
                .push_back(Work::Controller(ControllerEvent::Persisted { token }));
        }
    }

    fn apply_changes(&mut self, now: Now, changes: Vec<ImageChange>, out: &mut Output) {
        if changes.is_empty() {
            return;
        }
        self.tell_groups(&changes);
        for change in changes {
            match change {
                ImageChange::Partition(tp) => self.sync_partition(now, tp, out),
                ImageChange::TopicConfig(topic) => self.sync_topic(now, topic, out),
                ImageChange::TopicDeleted { id, partitions, .. } => {
                    self.drop_topic(now, id, partitions, out);
                }
                ImageChange::ClusterConfig | ImageChange::BrokerConfig(_) => {
                    self.sync_all(now, out);
                }
                ImageChange::Broker(id) => {
                    self.note_fence(now, id);
                    // The epoch of this broker's registration goes with its fetches and proposals.
                    if id == self.id() {
                        self.sync_all(now, out);
                    }
                }
                ImageChange::ClusterId | ImageChange::TopicCreated(_) => {}
            }
        }
        image_wait::image_changed(self, now, out);
    }

    /// Tells the group engine of topics that are new or have grown. It comes before the roles that follow from the same changes,
    /// and after what was deleted, whose name may be in use again.
    fn tell_groups(&mut self, changes: &[ImageChange]) {
        let deleted = changes.iter().filter_map(|change| match change {
            ImageChange::TopicDeleted { name, .. } => Some(name.clone()),
            _ => None,
        });
        let deleted: Vec<String> = deleted.collect();
        for topic in deleted {
            let event = GroupEvent::TopicDeleted { topic };
            self.work.push_back(Work::Groups(event));
        }
        let changed: BTreeSet<TopicId> = changes
            .iter()
            .filter_map(|change| match change {
                ImageChange::TopicCreated(id) => Some(*id),
                ImageChange::Partition(tp) => Some(tp.topic),
                _ => None,
            })
            .collect();
        self.tell_groups_of(changed);
    }

    fn tell_groups_of(&mut self, topics: impl IntoIterator<Item = TopicId>) {
        for id in topics {
            let Some(topic) = self.image().topics.get(&id) else {
                continue;
            };
            let Ok(partitions) = i32::try_from(topic.partitions.len()) else {
                continue;
            };
            let name = topic.name.clone();
            if !self.groups.knows_topic(&name, id, partitions) {
                self.work.push_back(Work::Groups(GroupEvent::Topic {
                    name,
                    id,
                    partitions,
                }));
            }
        }
    }

    /// Partitions are opened, and roles taken, only when this run of the broker is registered:
    /// until then the image may be older than what this broker has promised or what others decided.
    fn open_when_registered(&mut self, now: Now, out: &mut Output) {
        let registered = self
            .controller
            .as_ref()
            .is_some_and(|controller| controller.registered());
        if registered && !self.opened {
            self.opened = true;
            tracing::info!(broker = %self.id(), "registered and unfenced");
            self.log.drop_untrusted();
            self.remove_orphans();
            let topics: Vec<TopicId> = self.image().topics.keys().copied().collect();
            self.tell_groups_of(topics);
            self.sync_all(now, out);
            image_wait::image_changed(self, now, out);
        }
    }
}
