//! The terms of coordinators: who serves, who loads, who only follows, and what the engines are told of it.
//! It reads no record.

use kring_groups::GroupEvent;
use kring_io::Now;
use kring_transactions::TransactionEvent;
use kring_wire::{LeaderEpoch, TopicPartition};

use super::{Awaited, Coordinator, Kind, Pending, Place, Term};
use crate::broker::{Broker, Work};
use crate::event::Output;

/// What an engine is told of an append that is complete.
pub(super) fn appended(partition: i32, pending: &Pending) -> Work {
    match pending.awaited {
        Awaited::Group(token) => Work::Groups(GroupEvent::Appended {
            token,
            result: pending.last,
        }),
        Awaited::Transaction(token) => Work::Transactions(TransactionEvent::Appended {
            token,
            result: pending.last,
        }),
        Awaited::Marker {
            producer_id,
            committed,
        } => Work::Groups(GroupEvent::Marker {
            partition,
            offset: pending
                .last
                .expect("a marker that was refused is not awaited"),
            producer_id,
            committed,
        }),
    }
}

fn loading(place: Place) -> Work {
    let partition = place.partition;
    match place.kind {
        Kind::Groups => Work::Groups(GroupEvent::Loading { partition }),
        Kind::Transactions => Work::Transactions(TransactionEvent::Loading { partition }),
    }
}

pub(super) fn become_leader(place: Place, epoch: LeaderEpoch) -> Work {
    let partition = place.partition;
    match place.kind {
        Kind::Groups => Work::Groups(GroupEvent::BecomeLeader { partition, epoch }),
        Kind::Transactions => {
            Work::Transactions(TransactionEvent::BecomeLeader { partition, epoch })
        }
    }
}

fn resign(place: Place) -> Work {
    let partition = place.partition;
    match place.kind {
        Kind::Groups => Work::Groups(GroupEvent::Resign { partition }),
        Kind::Transactions => Work::Transactions(TransactionEvent::Resign { partition }),
    }
}

fn unload(place: Place) -> Work {
    let partition = place.partition;
    match place.kind {
        Kind::Groups => Work::Groups(GroupEvent::Unload { partition }),
        Kind::Transactions => Work::Transactions(TransactionEvent::Unload { partition }),
    }
}

impl Broker {
    /// The role of a coordinator's partition may have changed; `leads` is the epoch this broker leads in.
    pub(crate) fn sync_coordinator(
        &mut self,
        now: Now,
        kind: Kind,
        tp: TopicPartition,
        leads: Option<LeaderEpoch>,
        out: &mut Output,
    ) {
        let place = Place {
            kind,
            partition: tp.partition,
        };
        let end = self.log.state(tp).map_or(0, |state| state.log_end);
        let coordinator = self
            .coordinators
            .open
            .entry(place)
            .or_insert_with(|| Coordinator::standby(tp));
        let current = match coordinator.term {
            Term::Standby => None,
            Term::Loading { epoch, .. } | Term::Serving { epoch } => Some(epoch),
        };
        if current == leads {
            self.replay(now, place, out);
            return;
        }
        if current.is_some() {
            coordinator.appends.clear();
            self.work.push_back(resign(place));
        }
        coordinator.term = match leads {
            None => Term::Standby,
            Some(epoch) => {
                self.work.push_back(loading(place));
                Term::Loading { epoch, end }
            }
        };
        self.work.push_back(Work::Replay(place));
    }

    /// This broker holds no replica of the partition any more.
    pub(crate) fn drop_coordinator(&mut self, tp: TopicPartition) {
        if let Some((place, _)) = self.coordinators.of_partition(tp) {
            self.coordinators.open.remove(&place);
            self.work.push_back(unload(place));
        }
    }
}

impl Coordinator {
    fn standby(tp: TopicPartition) -> Coordinator {
        Coordinator {
            tp,
            term: Term::Standby,
            reading: false,
            appends: std::collections::VecDeque::new(),
        }
    }
}
