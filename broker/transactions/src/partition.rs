//! A partition of `__transaction_state`: its committed layer, and its live layer where it is led.
//! It does not know the other partitions; what a request does to a transactional id is in `answer`.

mod leader;
mod own;

use bytes::Bytes;
use kring_wire::{ErrorCode, LeaderEpoch, Offset};

pub(crate) use leader::Leader;

use crate::committed::Committed;
use crate::engine::Env;
use crate::event::{LoadedRecord, MarkerId, Token, TransactionOut};
use crate::record::{self, RecordError};
use crate::request::TransactionRequest;
use crate::response::TransactionResponse;

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
    /// not know an epoch could give it to a second producer.
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

    /// Applies records below the high watermark.
    pub(crate) fn load(&mut self, records: Vec<LoadedRecord>, next_offset: Offset) {
        for loaded in records {
            if loaded.offset >= self.committed.next_offset {
                self.apply(loaded.offset, loaded.key, loaded.value);
            }
        }
        self.committed.next_offset = self.committed.next_offset.max(next_offset);
    }

    fn apply(&mut self, offset: Offset, key: Bytes, value: Option<Bytes>) {
        match record::decode(key, value) {
            Ok(Some((name, value))) => self.committed.apply(&name, value),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(
                    partition = self.index,
                    offset,
                    %error,
                    "transaction state cannot be read: this broker does not coordinate the partition"
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
    pub(crate) fn request(&mut self, id: u64, request: &TransactionRequest, env: &mut Env<'_>) {
        let error = match &mut self.role {
            Role::Leader(leader) => return leader.request(id, request, &self.committed, env),
            Role::Loading => ErrorCode::CoordinatorLoadInProgress,
            Role::Follower if self.unreadable.is_some() => ErrorCode::CoordinatorNotAvailable,
            Role::Follower => ErrorCode::NotCoordinator,
        };
        let response = TransactionResponse::refused(request, error);
        env.out.responses.push((id, response));
    }

    /// An append completed.
    pub(crate) fn appended(
        &mut self,
        token: Token,
        result: Result<Offset, ErrorCode>,
        env: &mut Env<'_>,
    ) {
        if let Role::Leader(leader) = &mut self.role {
            leader.appended(token, result, &mut self.committed, env);
        }
    }

    /// A leader of some partition answered for a marker.
    pub(crate) fn marker_written(
        &mut self,
        id: MarkerId,
        topic: &str,
        partition: i32,
        result: Result<(), ErrorCode>,
        env: &mut Env<'_>,
    ) {
        if let Role::Leader(leader) = &mut self.role {
            leader.marker_written(id, (topic, partition), result, &self.committed, env);
        }
    }

    /// Time has passed.
    pub(crate) fn on_wake(&mut self, env: &mut Env<'_>) {
        if let Role::Leader(leader) = &mut self.role {
            leader.on_wake(&self.committed, env);
        }
    }

    /// Wishes the next wake.
    pub(crate) fn wake_at(&self, out: &mut TransactionOut) {
        if let Role::Leader(leader) = &self.role {
            leader.wake_at(out);
        }
    }
}
