//! Answers a parked fetch: records first, then numbers that changed, or nothing when its time is up.
//! What a follower does with the answer is in `follower`.

use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Effects};
use kring_log::Read;
use kring_wire::ids::TopicPartition;

use super::{Leaders, State};
use crate::context::Context;
use crate::log::Log;
use crate::message::{Fetched, FetchedPartition, Message, Outcome, SessionId};

/// Pause before the log is asked again after it had too many reads under way.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// An answer under construction.
struct Answer {
    partitions: Vec<FetchedPartition>,
    records: Vec<Bytes>,
    bytes_left: usize,
}

impl Leaders {
    /// Answers a follower's fetch if there is something to say or its time is up.
    pub(super) fn answer(&mut self, broker: BrokerId, cx: &mut Context<'_>, io: &mut Effects) {
        let Some(session) = self.sessions.get_mut(&broker) else {
            return;
        };
        let Some(parked) = &session.parked else {
            return;
        };
        let deadline = parked.deadline;
        let mut answer = Answer {
            partitions: Vec::new(),
            records: Vec::new(),
            bytes_left: parked.max_bytes,
        };
        session.log_was_busy = false;
        let after = session.after;
        let ready = &session.ready;
        let mut order: Vec<TopicPartition> = ready
            .iter()
            .filter(|tp| Some(**tp) > after)
            .copied()
            .collect();
        order.extend(ready.iter().filter(|tp| Some(**tp) <= after));
        for tp in order {
            if answer.bytes_left == 0 {
                break;
            }
            self.answer_partition(broker, tp, &mut answer, cx, io);
        }
        let session = self.sessions.get_mut(&broker).expect("looked up above");
        let linger = Duration::from_millis(cx.config.high_watermark_linger_ms);
        let news_at = session.news_since.map(|since| since + linger);
        let due = deadline.min(news_at.unwrap_or(deadline));
        if answer.partitions.is_empty() && cx.now.mono < due {
            let busy_until = cx.now.mono + BUSY_PAUSE;
            let wake_at = if session.log_was_busy {
                due.min(busy_until)
            } else {
                due
            };
            cx.wake_at(wake_at);
            return;
        }
        self.add_news(broker, &mut answer, cx);
        let session = self.sessions.get_mut(&broker).expect("looked up above");
        session.parked = None;
        let fetched = Fetched {
            session: session.id,
            seq: session.seq,
            partitions: answer.partitions,
        };
        let message = Message::Fetched(fetched).encode(answer.records);
        cx.out.sends.push((broker, message));
    }

    fn answer_partition(
        &mut self,
        broker: BrokerId,
        tp: TopicPartition,
        answer: &mut Answer,
        cx: &mut Context<'_>,
        io: &mut Effects,
    ) {
        let session = self.sessions.get_mut(&broker);
        let session = session.expect("the caller looked it up");
        session.ready.remove(&tp);
        let Some(entry) = session.entries.get_mut(&tp) else {
            return;
        };
        let outcome = match std::mem::replace(&mut entry.state, State::Answered) {
            State::Answer(outcome) => outcome,
            State::Loaded(records) => answer.take(records),
            State::Fetching => {
                let Some(state) = cx.log.state(tp) else {
                    return;
                };
                let from = entry.at.fetch_offset;
                let max_bytes = answer.bytes_left.min(cx.config.partition_fetch_bytes_max);
                match cx.log.read(cx.now, tp, from, state.log_end, max_bytes, io) {
                    Read::Ready(records) if records.is_empty() => {
                        entry.state = State::Fetching;
                        if entry.told != Some((state.high_watermark, state.log_start)) {
                            session.has_news(tp, cx.now.mono);
                        }
                        return;
                    }
                    Read::Ready(records) => answer.take(records),
                    Read::Pending(id) => {
                        entry.state = State::Reading(id);
                        self.reads.insert(id, (broker, tp));
                        return;
                    }
                    Read::OutOfRange { .. } => Outcome::OutOfRange,
                    Read::Busy => {
                        entry.state = State::Fetching;
                        session.ready.insert(tp);
                        session.log_was_busy = true;
                        return;
                    }
                    Read::UnknownPartition => return,
                }
            }
            other => {
                entry.state = other;
                return;
            }
        };
        let (Some(state), Some(leading)) = (cx.log.state(tp), self.partitions.get(&tp)) else {
            return;
        };
        let told = FetchedPartition {
            tp,
            leader_epoch: leading.epoch,
            high_watermark: state.high_watermark,
            log_start: state.log_start,
            outcome,
        };
        if matches!(outcome, Outcome::Records { .. }) {
            entry.told = Some((told.high_watermark, told.log_start));
        } else {
            entry.placed = false;
            if outcome == Outcome::OutOfRange {
                // The follower starts anew where this log begins, which may be earlier.
                entry.log_start = 0;
                let message = producers(session.id, told, cx.log);
                cx.out.sends.push((broker, message.encode(Vec::new())));
            }
        }
        session.after = Some(tp);
        answer.partitions.push(told);
    }

    /// Adds the partitions of which only a number changed.
    fn add_news(&mut self, broker: BrokerId, answer: &mut Answer, cx: &Context<'_>) {
        let session = self
            .sessions
            .get_mut(&broker)
            .expect("the caller looked it up");
        session.news_since = None;
        for tp in std::mem::take(&mut session.news) {
            let (Some(entry), Some(leading), Some(state)) = (
                session.entries.get_mut(&tp),
                self.partitions.get(&tp),
                cx.log.state(tp),
            ) else {
                continue;
            };
            let numbers = Some((state.high_watermark, state.log_start));
            if entry.state != State::Fetching || entry.told == numbers {
                continue;
            }
            entry.told = numbers;
            answer.partitions.push(FetchedPartition {
                tp,
                leader_epoch: leading.epoch,
                high_watermark: state.high_watermark,
                log_start: state.log_start,
                outcome: Outcome::News,
            });
        }
    }
}

/// What a follower that is told to start anew cannot learn from the log that it will get.
fn producers(session: SessionId, told: FetchedPartition, log: &Log) -> Message {
    let (tp, at) = (told.tp, told.log_start);
    Message::Producers {
        session,
        tp,
        leader_epoch: told.leader_epoch,
        at,
        producers: log.producers_below(tp, at).into(),
    }
}

impl Answer {
    fn take(&mut self, records: Vec<Bytes>) -> Outcome {
        let bytes: usize = records.iter().map(Bytes::len).sum();
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.records.extend(records);
        Outcome::Records {
            bytes: u32::try_from(bytes).expect("one read is capped far below 4 GiB"),
        }
    }
}
