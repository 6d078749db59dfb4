//! Bugs, each of which an invariant must notice: a model that cannot fail proves nothing.
//! The real engines run unchanged; what is changed is what they are told.

use std::sync::Arc;

use kring_io::BrokerId;

use super::controller::Word;
use super::{Bounds, Link, MIN_ISR, State, TP, broker};
use crate::{IsrRejection, PartitionRole, ReplicaEvent};

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    /// Records are called durable that are only in memory.
    DurableTooEarly,
    /// Who begins to follow cuts its log at its own high watermark, as Kafka did before KIP-101.
    TruncatesToHighWatermark,
    /// A broker that is heard again is in the ISR at once.
    IsrExpandedTooEarly,
    /// A leader is told that its proposal was refused, although it was taken.
    ExpansionTakenBack,
}

impl Bounds {
    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub(super) fn deliver(&self, state: &mut State, link: Link) -> Option<()> {
        let queue = Arc::make_mut(state.links.get_mut(&link)?);
        let bytes = queue.remove(0);
        if queue.is_empty() {
            state.links.remove(&link);
        }
        let from = link.0;
        state.event(link.1, ReplicaEvent::Message { from, bytes });
        Some(())
    }

    pub(super) fn unfence(&self, state: &mut State, id: BrokerId) {
        let was_open = state.broker(id).open;
        state.decide(|controller| {
            controller.unfence(id);
            if self.has(Mutation::IsrExpandedTooEarly) {
                controller.add_to_isr(id);
            }
        });
        if !was_open {
            state.broker_mut(id).set_open();
            let role = state.controller.role_of(id);
            state.words.insert(id, vec![Word::Role(role)]);
        }
    }

    pub(super) fn take_proposal(
        &self,
        state: &mut State,
        id: BrokerId,
        answered: bool,
    ) -> Option<()> {
        let queue = state.proposals.get_mut(&id)?;
        let proposal = queue.remove(0);
        if queue.is_empty() {
            state.proposals.remove(&id);
        }
        let rejection = state.decide(|controller| controller.alter(id, &proposal));
        let heard = match rejection {
            _ if !proposal.awaited => None,
            _ if !answered => Some(IsrRejection::Unknown),
            None if self.has(Mutation::ExpansionTakenBack) => Some(IsrRejection::Refused),
            rejection => rejection,
        };
        if let Some(rejection) = heard {
            let word = Word::Rejected {
                partition_epoch: proposal.partition_epoch,
                rejection: rejection.into(),
            };
            // The answer overtakes the image only where it comes without a decision.
            let words = state.words.entry(id).or_default();
            if rejection == IsrRejection::Refused && self.has(Mutation::ExpansionTakenBack) {
                words.insert(0, word);
            } else {
                words.push(word);
            }
        }
        Some(())
    }

    pub(super) fn hear(&self, state: &mut State, id: BrokerId) -> Option<()> {
        let words = state.words.get_mut(&id)?;
        let word = words.remove(0);
        if words.is_empty() {
            state.words.remove(&id);
        }
        match word {
            Word::Role(role) => {
                let role: PartitionRole = role.into();
                let following = state.broker(id).replication.following(TP);
                let news = following.is_none_or(|f| f.epoch < role.leader_epoch);
                let cuts =
                    self.has(Mutation::TruncatesToHighWatermark) && news && role.leader != Some(id);
                state.step(id, broker::NOW, |replication, log, out| {
                    if cuts {
                        log.truncate_to_high_watermark();
                    }
                    replication.apply(broker::NOW, TP, &role, MIN_ISR, log, out);
                });
            }
            Word::Rejected {
                partition_epoch,
                rejection,
            } => {
                let event = ReplicaEvent::IsrRejected {
                    tp: TP,
                    partition_epoch,
                    rejection: rejection.into(),
                };
                state.event(id, event);
            }
        }
        Some(())
    }
}
