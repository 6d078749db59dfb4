//! A partition of `__consumer_offsets`: its committed layer, and its live layer where it is led.
//! It does not know the other partitions; what a request does to a group is in `classic` and `offsets`.

mod consumer;
mod leader;
mod live;
mod requests;

use kring_io::canary::{self, Canary};
use kring_wire::{ErrorCode, LeaderEpoch, Offset, ProducerId};

pub(crate) use leader::Leader;

use crate::committed::Committed;
use crate::engine::Env;
use crate::event::{GroupOut, Loaded, LoadedRecord};
use crate::record::{Record, RecordError};
use crate::request::GroupRequest;
use crate::response::GroupResponse;

/// What this broker is for a partition.
#[derive(Clone, Debug, Default)]
enum Role {
    /// It replays.
    #[default]
    Follower,
    /// It was elected and still replays.
    Loading,
    /// It coordinates.
    Leader(Box<Leader>),
}

/// A partition.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    index: i32,
    committed: Committed,
    role: Role,
    /// The first record that could not be read. Such a partition is not coordinated here: who does
    /// not know an offset would let its group begin anew.
    unreadable: Option<(Offset, RecordError)>,
}

impl Partition {
    pub(crate) fn new(index: i32) -> Partition {
        Partition {
            index,
            committed: Committed::default(),
            role: Role::Follower,
            unreadable: None,
        }
    }

    pub(crate) fn committed(&self) -> &Committed {
        &self.committed
    }

    pub(crate) fn leader(&self) -> Option<&Leader> {
        match &self.role {
            Role::Leader(leader) => Some(leader),
            Role::Follower | Role::Loading => None,
        }
    }

    pub(crate) fn is_loading(&self) -> bool {
        matches!(self.role, Role::Loading)
    }

    /// Applies records and markers below the high watermark.
    pub(crate) fn load(&mut self, records: Vec<Loaded>, next_offset: Offset) {
        for loaded in records {
            let (Loaded::Record(LoadedRecord { offset, .. }) | Loaded::Marker { offset, .. }) =
                &loaded;
            if *offset < self.committed.next_offset || canary::is_on(Canary::CoordinatorUnloaded) {
                continue;
            }
            match loaded {
                Loaded::Record(record) => self.apply(record),
                Loaded::Marker {
                    offset,
                    producer_id,
                    committed,
                } => self.end_transaction(offset, producer_id, committed),
            }
        }
        self.committed.next_offset = self.committed.next_offset.max(next_offset);
    }

    fn end_transaction(&mut self, offset: Offset, producer_id: ProducerId, committed: bool) {
        self.committed.end_transaction(producer_id, committed);
        self.committed.next_offset = offset + 1;
    }

    /// A marker passed the high watermark. Who does not lead has not applied what lies before it,
    /// and gets it by a load.
    pub(crate) fn marker(&mut self, offset: Offset, producer_id: ProducerId, committed: bool) {
        if self.leader().is_some() && offset >= self.committed.next_offset {
            self.end_transaction(offset, producer_id, committed);
        }
    }

    fn apply(&mut self, loaded: LoadedRecord) {
        let LoadedRecord {
            offset,
            key,
            value,
            transaction,
        } = loaded;
        match Record::decode(key, value) {
            Ok(Some(record)) => self.committed.apply(offset, transaction, record),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(
                    partition = self.index,
                    offset,
                    %error,
                    "group state cannot be read: this broker does not coordinate the partition"
                );
                self.unreadable.get_or_insert((offset, error));
            }
        }
        self.committed.next_offset = offset + 1;
    }

    /// Waits for the rest of the records.
    pub(crate) fn begin_loading(&mut self, env: &mut Env<'_>) {
        self.resign(env);
        self.role = Role::Loading;
    }

    /// Begins to coordinate.
    pub(crate) fn become_leader(&mut self, epoch: LeaderEpoch, env: &mut Env<'_>) {
        self.resign(env);
        if self.unreadable.is_some() {
            return;
        }
        let leader = Leader::load(self.index, epoch, &self.committed, env);
        self.role = Role::Leader(Box::new(leader));
    }

    /// Ceases to coordinate; who waits is sent elsewhere.
    pub(crate) fn resign(&mut self, env: &mut Env<'_>) {
        if let Role::Leader(leader) = std::mem::take(&mut self.role) {
            leader.resign(env);
        }
    }

    /// Handles a request.
    pub(crate) fn request(&mut self, id: u64, request: GroupRequest, env: &mut Env<'_>) {
        let error = match &mut self.role {
            Role::Leader(leader) => return leader.request(id, request, &self.committed, env),
            Role::Loading => ErrorCode::CoordinatorLoadInProgress,
            Role::Follower if self.unreadable.is_some() => ErrorCode::CoordinatorNotAvailable,
            Role::Follower => ErrorCode::NotCoordinator,
        };
        let response = GroupResponse::refused(&request, error);
        env.out.responses.push((id, response));
    }

    /// An append completed.
    pub(crate) fn appended(
        &mut self,
        token: crate::Token,
        result: Result<Offset, ErrorCode>,
        env: &mut Env<'_>,
    ) {
        if let Role::Leader(leader) = &mut self.role {
            leader.appended(token, result, &mut self.committed, env);
        }
    }

    /// A topic was deleted.
    pub(crate) fn topic_deleted(&mut self, topic: &str, env: &mut Env<'_>) {
        if let Role::Leader(leader) = &mut self.role {
            leader.topic_deleted(topic, &self.committed, env);
        }
    }

    /// Time has passed.
    pub(crate) fn on_wake(&mut self, env: &mut Env<'_>) {
        if let Role::Leader(leader) = &mut self.role {
            leader.on_wake(&self.committed, env);
        }
    }

    /// Wishes the next wake.
    pub(crate) fn wake_at(&self, out: &mut GroupOut) {
        if let Role::Leader(leader) = &self.role {
            leader.wake_at(out);
        }
    }
}
