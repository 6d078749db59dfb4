//! Takes a leader's answer: appends, truncates, starts anew, follows the high watermark.
//! It never serves what it takes; the log verifies every batch.

use std::time::Duration;

use bytes::Bytes;
use kring_io::BrokerId;
use kring_io::canary::{self, Canary};
use kring_log::AppendError;
use kring_wire::batch::batches;
use kring_wire::ids::{LeaderEpoch, Offset, TopicPartition};

use super::{Followers, Following};
use crate::context::Context;
use crate::log::Log;
use crate::message::{Fetched, FetchedPartition, Outcome, SessionId};

/// Pause before more is asked for while this broker's disk does not keep up.
const OVERLOAD_PAUSE: Duration = Duration::from_millis(20);

/// Why a partition stands still, and for how long.
struct Stall {
    reason: String,
    pause: Option<Duration>,
}

impl From<String> for Stall {
    fn from(reason: String) -> Stall {
        Stall {
            reason,
            pause: None,
        }
    }
}

impl Followers {
    /// Takes the answer to a fetch. `records` holds the batches of all partitions, one after the other.
    pub(crate) fn fetched(
        &mut self,
        from: BrokerId,
        fetched: &Fetched,
        mut records: Bytes,
        cx: &mut Context<'_>,
    ) {
        let Some(upstream) = self.upstreams.get_mut(&from) else {
            return;
        };
        if upstream.session != fetched.session {
            return;
        }
        upstream.answered = upstream.answered.max(fetched.seq);
        for partition in &fetched.partitions {
            let batches = match partition.outcome {
                // The message was checked to hold as many bytes as it claims.
                Outcome::Records { bytes } => records.split_to(bytes as usize),
                _ => Bytes::new(),
            };
            self.take(from, partition, batches, cx);
        }
    }

    /// Keeps what the leader tells of producers until it says that this log must start anew.
    pub(crate) fn told_of_producers(
        &mut self,
        (from, session): (BrokerId, SessionId),
        (tp, epoch): (TopicPartition, LeaderEpoch),
        at: Offset,
        producers: Vec<u8>,
    ) {
        let upstream = self.upstreams.get(&from);
        let following = self.partitions.get_mut(&tp);
        if upstream.is_some_and(|upstream| upstream.session == session)
            && let Some(following) = following.filter(|f| f.leader == from && f.epoch == epoch)
        {
            following.producers = Some((at, producers));
        }
    }

    fn take(
        &mut self,
        from: BrokerId,
        told: &FetchedPartition,
        batches: Bytes,
        cx: &mut Context<'_>,
    ) {
        let tp = told.tp;
        let current = self.partitions.get(&tp);
        let answers = |f: &Following| {
            f.leader == from && f.epoch == told.leader_epoch
                || canary::is_on(Canary::StaleLeaderFollowed)
        };
        if !current.is_some_and(answers) {
            return;
        }
        let taken = match told.outcome {
            Outcome::News => Ok(()),
            Outcome::Records { .. } => append(tp, batches, cx).inspect(|()| self.changed(tp)),
            Outcome::Diverging { epoch, end_offset } => {
                truncate(tp, epoch, end_offset, cx).inspect(|()| self.changed(tp))
            }
            Outcome::OutOfRange => {
                tracing::warn!(%tp, at = told.log_start, "starts anew: its end is outside of the leader's log");
                let following = self.partitions.get_mut(&tp);
                let producers = following
                    .and_then(|following| following.producers.take())
                    .filter(|(at, _)| *at == told.log_start)
                    .map_or(Vec::new(), |(_, producers)| producers);
                cx.log.reset(tp, told.log_start, &producers);
                self.changed(tp);
                Ok(())
            }
            Outcome::Unreadable => Err("the leader cannot read its log there".to_owned().into()),
        };
        let following = self.partitions.get_mut(&tp).expect("looked up above");
        // Only then is this replica's log known to be a prefix of the leader's.
        if matches!(told.outcome, Outcome::News | Outcome::Records { .. }) {
            following.leader_high_watermark = told.high_watermark;
            follow_numbers(told, cx);
        }
        let stood_still = following.stalled.take().is_some();
        if let Err(stall) = taken {
            let backoff = Duration::from_millis(cx.config.fetch_backoff_ms);
            let retry_at = cx.now.mono + stall.pause.unwrap_or(backoff);
            let reason = stall.reason;
            if stood_still {
                tracing::debug!(%tp, leader = %from, %reason, "replication still stands still");
            } else {
                tracing::warn!(%tp, leader = %from, %reason, "replication stands still");
            }
            following.stalled = Some(reason);
            self.retries.insert((retry_at, tp));
        }
    }
}

/// Appends what the leader gave: at once, or batch by batch where the log has not room for all of
/// it. What an answer holds follows from the settings of replication, and what a journal takes at
/// once from those of the log: a replica must get on whatever the two are.
fn append(tp: TopicPartition, records: Bytes, cx: &mut Context<'_>) -> Result<(), Stall> {
    begin_at_batch(tp, &records, cx).map_err(|error| refused(&error))?;
    match cx.log.append_replicated(cx.now, tp, records.clone()) {
        Ok(_) => return Ok(()),
        Err(AppendError::Overloaded { .. } | AppendError::MessageTooLarge { .. }) => {}
        Err(error) => return Err(refused(&error)),
    }
    let mut appended = false;
    for batch in batches(&records) {
        let batch = match batch {
            Ok((_, batch)) => batch,
            Err(error) => return Err(error.to_string().into()),
        };
        match cx.log.append_replicated(cx.now, tp, batch) {
            Ok(_) => appended = true,
            // The next fetch begins behind what was appended.
            Err(_) if appended => return Ok(()),
            Err(error) => return Err(refused(&error)),
        }
    }
    Ok(())
}

/// A leader's log may start in the middle of a batch, and gives the whole batch then. A log that is
/// empty there begins with that batch; its start follows the leader's again at once.
fn begin_at_batch(
    tp: TopicPartition,
    records: &Bytes,
    cx: &mut Context<'_>,
) -> Result<(), AppendError> {
    let (Some(state), Some(Ok((first, _)))) = (cx.log.state(tp), batches(records).next()) else {
        return Ok(());
    };
    let is_empty = state.log_start == state.log_end;
    let spans = first.base_offset < state.log_end && state.log_end < first.next_offset();
    if is_empty && spans {
        // If it were not appended after all, the log would begin before the leader's, and so anew with every answer.
        cx.log.check_room(first.total_bytes)?;
        let producers = cx.log.producers_below(tp, first.base_offset);
        cx.log.reset(tp, first.base_offset, &producers);
    }
    Ok(())
}

fn refused(error: &AppendError) -> Stall {
    Stall {
        reason: format!("the leader's records were not taken: {error}"),
        pause: matches!(error, AppendError::Overloaded { .. }).then_some(OVERLOAD_PAUSE),
    }
}

/// Removes what the leader does not have: everything after the end of the largest epoch that both
/// know (KIP-101, KIP-279).
fn truncate(
    tp: TopicPartition,
    epoch: LeaderEpoch,
    end_offset: Offset,
    cx: &mut Context<'_>,
) -> Result<(), Stall> {
    let Some(state) = cx.log.state(tp) else {
        return Err("it has no log here".to_owned().into());
    };
    let to = truncation_point(tp, epoch, end_offset, cx.log).max(state.log_start);
    if to >= state.log_end {
        return Err(format!(
            "the leader's log parts from this one at epoch {epoch}, offset {end_offset}, but there is nothing to remove"
        )
        .into());
    }
    tracing::info!(%tp, from = state.log_end, to, epoch, "truncates to the leader's log");
    match cx.log.truncate(cx.now, tp, to) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string().into()),
    }
}

fn truncation_point(
    tp: TopicPartition,
    epoch: LeaderEpoch,
    end_offset: Offset,
    log: &Log,
) -> Offset {
    if epoch < 0 {
        return end_offset;
    }
    match log.epoch_end(tp, epoch) {
        Some((_, own_end)) => own_end.min(end_offset),
        // All epochs here are younger than any that the leader has.
        None => 0,
    }
}

/// Follows the leader's high watermark and the start of its log.
fn follow_numbers(told: &FetchedPartition, cx: &mut Context<'_>) {
    let Some(state) = cx.log.state(told.tp) else {
        return;
    };
    let high_watermark = told.high_watermark.min(state.log_end);
    if high_watermark > state.high_watermark && cx.log.set_high_watermark(told.tp, high_watermark) {
        cx.out.high_watermarks.push((told.tp, high_watermark));
    }
    if told.log_start > state.log_start {
        cx.log.set_log_start(cx.now, told.tp, told.log_start);
    }
}
