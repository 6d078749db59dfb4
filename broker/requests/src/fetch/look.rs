//! What a fetch may read of a partition, and the reading of it.
//! It keeps no fetch; those that wait are in `waiting`.

use bytes::Bytes;
use kring_io::Now;
use kring_io::canary::{self, Canary};
use kring_log::{Read, ReadId};
use kring_wire::fetch::EpochEnd;
use kring_wire::{ErrorCode, Offset, TopicPartition};

use super::nearby::preferred_replica;
use super::plan::{Ask, Isolation};
use super::waiting::Slot;
use crate::broker::Broker;
use crate::event::Output;

/// How much may be read for a partition.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    /// Nothing was found so far: one batch may exceed every limit.
    pub(super) first: bool,
    /// What the whole answer has left.
    pub(super) room: usize,
    /// Up to where.
    pub(super) isolation: Isolation,
    /// The client's rack, where followers serve those of their own.
    pub(super) rack: Option<&'a str>,
}

/// What there is.
pub(super) enum Looked {
    Slot(Slot),
    Pending(ReadId),
    Busy,
}

/// The most that is given of a partition, where `room` is left.
pub(super) fn limit(ask: &Ask, room: usize) -> usize {
    let own = usize::try_from(ask.partition.partition_max_bytes).unwrap_or(0);
    own.min(room)
}

/// Reads a partition, if the client may.
pub(super) fn look_at(
    broker: &mut Broker,
    now: Now,
    ask: &Ask,
    look: Look<'_>,
    out: &mut Output,
) -> Looked {
    match check(broker, now, ask, look) {
        Ok(range) => read(broker, now, ask, range, look, out),
        Err(slot) => Looked::Slot(slot),
    }
}

/// What may be read: the partition and the offset behind the last record that may.
fn check(
    broker: &Broker,
    now: Now,
    ask: &Ask,
    look: Look<'_>,
) -> Result<(TopicPartition, Offset), Slot> {
    let tp = ask.tp.map_err(Slot::Error)?;
    let leads = match broker.check_leader(tp, ask.partition.current_leader_epoch) {
        Ok(()) => true,
        Err(ErrorCode::NotLeaderOrFollower) if look.rack.is_some() && broker.follows(tp) => false,
        Err(error) => return Err(Slot::Error(error)),
    };
    let state = broker
        .log
        .state(tp)
        .ok_or(Slot::Error(ErrorCode::NotLeaderOrFollower))?;
    let offset = ask.partition.fetch_offset;
    // A follower may lack what the client has: where logs diverge, its leader says.
    if leads
        && ask.partition.last_fetched_epoch >= 0
        && let Some(diverging) = divergence(broker, tp, ask)
    {
        return Err(Slot::Diverging(diverging));
    }
    if offset < state.log_start || offset > state.log_end {
        // A client that is told so by a leader gives its position up. Where another may lead by now, the
        // record may well be there. One that is told so by a follower asks the leader.
        let error = if leads && broker.may_be_outdated(now, tp) {
            ErrorCode::NotLeaderOrFollower
        } else {
            ErrorCode::OffsetOutOfRange
        };
        return Err(Slot::Error(error));
    }
    if leads
        && let Some(rack) = look.rack
        && let Some(replica) = preferred_replica(broker, tp, ask, rack)
    {
        return Err(Slot::Nearby(replica));
    }
    let upto = if canary::is_on(Canary::ReadAboveHighWatermark) {
        state.log_end
    } else {
        match look.isolation {
            Isolation::ReadUncommitted => state.high_watermark,
            Isolation::ReadCommitted => state.last_stable_offset,
        }
    };
    Ok((tp, upto))
}

fn divergence(broker: &Broker, tp: TopicPartition, ask: &Ask) -> Option<EpochEnd> {
    let fetched = ask.partition.last_fetched_epoch;
    match broker.log.epoch_end(tp, fetched) {
        Some((epoch, end_offset)) if epoch < fetched || end_offset < ask.partition.fetch_offset => {
            Some(EpochEnd { epoch, end_offset })
        }
        _ => None,
    }
}

fn read(
    broker: &mut Broker,
    now: Now,
    ask: &Ask,
    (tp, upto): (TopicPartition, Offset),
    look: Look<'_>,
    out: &mut Output,
) -> Looked {
    let offset = ask.partition.fetch_offset;
    let max_bytes = limit(ask, look.room);
    if offset >= upto || (max_bytes == 0 && !look.first) {
        return Looked::Slot(Slot::Records(Vec::new()));
    }
    let read = broker
        .log
        .read(now, tp, offset, upto, max_bytes, &mut out.effects);
    match read {
        Read::Ready(parts) => {
            let bytes: usize = parts.iter().map(Bytes::len).sum();
            // The log gives one batch whatever its size; only the first found may exceed.
            let parts = if bytes > max_bytes && !look.first {
                Vec::new()
            } else {
                parts
            };
            Looked::Slot(Slot::Records(parts))
        }
        Read::Pending(id) => Looked::Pending(id),
        Read::Busy => Looked::Busy,
        Read::OutOfRange { .. } => Looked::Slot(Slot::Error(ErrorCode::OffsetOutOfRange)),
        Read::UnknownPartition => Looked::Slot(Slot::Error(ErrorCode::NotLeaderOrFollower)),
    }
}
