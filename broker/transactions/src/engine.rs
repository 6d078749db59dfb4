//! The transaction engine: its partitions, and the step that leads each event to one of them.
//! It decides nothing about transactions; `partition` and what is below it do.

use std::collections::BTreeMap;

use kring_io::Now;
use kring_wire::{ErrorCode, LeaderEpoch, Offset};

use crate::event::{MarkerId, TransactionEvent, TransactionOut};
use crate::partition::{Leader, Partition};
use crate::response::{ListedTransaction, TransactionResponse};
use crate::{TransactionConfig, TransactionRequest, TransactionState};

/// Transaction coordinator of one broker: every partition of `__transaction_state` it has a replica of.
#[derive(Clone, Debug)]
pub struct Transactions {
    config: TransactionConfig,
    counters: Counters,
    partitions: BTreeMap<i32, Partition>,
}

/// What counts on over all partitions and terms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) next_token: u64,
    pub(crate) next_marker: u64,
    pub(crate) aborted_by_timeout: u64,
    pub(crate) completed: u64,
}

/// What a step lends to a partition.
pub(crate) struct Env<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a TransactionConfig,
    pub(crate) counters: &'a mut Counters,
    pub(crate) out: &'a mut TransactionOut,
}

/// Counts for metrics, of the partitions led here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionsStats {
    /// Partitions that are coordinated.
    pub partitions_led: usize,
    /// Partitions elected to lead and still loading.
    pub partitions_loading: usize,
    /// Transactional ids in each state, in the order of [`TransactionState::ALL`].
    pub transactions: [usize; TransactionState::ALL.len()],
    /// Appends that have not reached the high watermark.
    pub writes_under_way: usize,
    /// Partitions whose marker is not written yet.
    pub markers_under_way: usize,
    /// Transactions aborted because they were open for too long, since the start.
    pub aborted_by_timeout_total: u64,
    /// Transactions that were completed, since the start.
    pub completed_total: u64,
}

impl Transactions {
    /// An engine without partitions.
    #[must_use]
    pub fn new(config: TransactionConfig) -> Transactions {
        Transactions {
            config,
            counters: Counters::default(),
            partitions: BTreeMap::new(),
        }
    }

    /// Handles one event.
    pub fn step(&mut self, now: Now, event: TransactionEvent, out: &mut TransactionOut) {
        let mut env = Env {
            now,
            config: &self.config,
            counters: &mut self.counters,
            out,
        };
        let partitions = &mut self.partitions;
        let touched = match event {
            TransactionEvent::Load {
                partition,
                records,
                next_offset,
            } => {
                replica(partitions, partition).load(records, next_offset);
                Some(partition)
            }
            TransactionEvent::Loading { partition } => {
                replica(partitions, partition).begin_loading(&mut env);
                Some(partition)
            }
            TransactionEvent::BecomeLeader { partition, epoch } => {
                replica(partitions, partition).become_leader(epoch, &mut env);
                Some(partition)
            }
            TransactionEvent::Resign { partition } => {
                if let Some(replica) = partitions.get_mut(&partition) {
                    replica.resign(&mut env);
                }
                Some(partition)
            }
            TransactionEvent::Unload { partition } => {
                if let Some(mut replica) = partitions.remove(&partition) {
                    replica.resign(&mut env);
                }
                None
            }
            TransactionEvent::Request {
                id,
                partition,
                request,
            } => {
                match partitions.get_mut(&partition) {
                    Some(replica) => replica.request(id, &request, &mut env),
                    None => refuse(id, &request, env.out),
                }
                Some(partition)
            }
            TransactionEvent::Appended { token, result } => {
                if let Some(replica) = partitions.get_mut(&token.partition) {
                    replica.appended(token, result, &mut env);
                }
                Some(token.partition)
            }
            TransactionEvent::MarkerWritten {
                id,
                topic,
                partition,
                result,
            } => coordinator_of(partitions, id).map(|(index, coordinator)| {
                coordinator.marker_written(id, &topic, partition, result, &mut env);
                *index
            }),
            TransactionEvent::Wake => return wake(partitions, &mut env),
        };
        if let Some(replica) = touched.and_then(|index| partitions.get(&index)) {
            replica.wake_at(env.out);
        }
    }

    /// The offset at which the next [`TransactionEvent::Load`] of a partition begins. After a
    /// [`TransactionEvent::Resign`] it is behind the last append that completed.
    #[must_use]
    pub fn replayed_to(&self, partition: i32) -> Offset {
        self.partitions
            .get(&partition)
            .map_or(0, |p| p.committed().next_offset)
    }

    /// Whether this broker coordinates the transactions of a partition.
    #[must_use]
    pub fn is_coordinator(&self, partition: i32) -> bool {
        self.partitions
            .get(&partition)
            .is_some_and(|p| p.leader().is_some())
    }

    /// Partitions that are coordinated here, with their leader epochs, in order.
    pub fn led(&self) -> impl Iterator<Item = (i32, LeaderEpoch)> {
        let led = |(index, p): (&i32, &Partition)| p.leader().map(|l| (*index, l.epoch()));
        self.partitions.iter().filter_map(led)
    }

    /// Whether a list of transactions would miss those of a partition that is still loading.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.partitions.values().any(Partition::is_loading)
    }

    /// ListTransactions: every transactional id coordinated here, in the order of partitions and ids.
    pub fn list(&self) -> impl Iterator<Item = ListedTransaction<'_>> {
        let led = self.partitions.values().filter(|p| p.leader().is_some());
        led.flat_map(|p| &p.committed().ids)
            .map(|(transactional_id, stored)| ListedTransaction {
                transactional_id,
                producer_id: stored.producer.id,
                state: stored.state,
                start_timestamp_ms: stored.started_ms,
            })
    }

    /// Counts for metrics.
    #[must_use]
    pub fn stats(&self) -> TransactionsStats {
        let mut stats = TransactionsStats {
            aborted_by_timeout_total: self.counters.aborted_by_timeout,
            completed_total: self.counters.completed,
            ..TransactionsStats::default()
        };
        for partition in self.partitions.values() {
            stats.partitions_loading += usize::from(partition.is_loading());
            let Some(leader) = partition.leader() else {
                continue;
            };
            stats.partitions_led += 1;
            stats.writes_under_way += leader.writes_under_way();
            stats.markers_under_way += leader.markers_under_way();
            for stored in partition.committed().ids.values() {
                stats.transactions[stored.state as usize] += 1;
            }
        }
        stats
    }
}

fn replica(partitions: &mut BTreeMap<i32, Partition>, index: i32) -> &mut Partition {
    partitions
        .entry(index)
        .or_insert_with(|| Partition::new(index))
}

/// Of a partition that has no replica here.
fn refuse(id: u64, request: &TransactionRequest, out: &mut TransactionOut) {
    let response = TransactionResponse::refused(request, ErrorCode::NotCoordinator);
    out.responses.push((id, response));
}

fn wake(partitions: &mut BTreeMap<i32, Partition>, env: &mut Env<'_>) {
    for replica in partitions.values_mut() {
        replica.on_wake(env);
        replica.wake_at(env.out);
    }
}

/// The partition of `__transaction_state` whose coordinator waits for a marker.
fn coordinator_of(
    partitions: &mut BTreeMap<i32, Partition>,
    id: MarkerId,
) -> Option<(&i32, &mut Partition)> {
    let waits = |leader: &Leader| leader.waits_for(id);
    partitions
        .iter_mut()
        .find(|(_, p)| p.leader().is_some_and(waits))
}
