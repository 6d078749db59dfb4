//! The ends of partitions that groups coordinated here read and that have no replica here: their leaders are asked.
//! It keeps what they answered for two samples; a leader that is silent for longer makes the lag unknown.

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_io::BrokerId;
use kring_wire::{Offset, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::broker::Broker;
use crate::event::Output;
use crate::route::peers::send_lag;

/// Places in one message at most.
const PLACES_MAX: usize = 1_000;

/// A partition's log as a group's lag needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) log_start: Offset,
    pub(super) high_watermark: Offset,
    /// About when the first record was written that a reader has before it, in milliseconds since the Unix epoch.
    pub(super) unread_since_ms: Option<i64>,
}

/// What leaders told since the last sample, and before it: by partition and the offset that was asked about.
#[derive(Debug, Default)]
pub(super) struct Ends {
    fresh: BTreeMap<TopicPartition, BTreeMap<Offset, End>>,
    before: BTreeMap<TopicPartition, BTreeMap<Offset, End>>,
}

impl Ends {
    /// The end of a partition, for a reader that stands at `offset`. One that has moved on since it was asked for gets the
    /// time of where it was.
    pub(super) fn of(&self, tp: TopicPartition, offset: Offset) -> Option<End> {
        let told = self.fresh.get(&tp).or_else(|| self.before.get(&tp))?;
        let near = told.range(..=offset).next_back();
        let (asked, end) = near.or_else(|| told.first_key_value())?;
        let unread = (offset < end.high_watermark) && *asked <= offset;
        Some(End {
            unread_since_ms: end.unread_since_ms.filter(|_| unread),
            ..*end
        })
    }
}

/// A message. New kinds come at the end: a broker of an older version drops what it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Message {
    /// A coordinator asks the leader of partitions for their ends.
    Ask(Vec<(TopicPartition, Offset)>),
    /// The leader's answer, of those that it leads.
    Told(Vec<(TopicPartition, Offset, End)>),
}

fn send(to: BrokerId, message: &Message, out: &mut Output) {
    let encoded = postcard::to_allocvec(message);
    let encoded = encoded.expect("these types always serialize");
    send_lag(to, encoded.into(), out);
}

/// Asks the leaders of everything that has no replica here; their answers are there for the next sample.
pub(super) fn ask(broker: &mut Broker, out: &mut Output) {
    let mut by_leader = BTreeMap::<BrokerId, Vec<(TopicPartition, Offset)>>::new();
    let elsewhere = broker.groups.committed_offsets().filter_map(|entry| {
        let tp = broker.committed_in(&entry)?;
        if broker.log.state(tp).is_some() {
            return None;
        }
        let leader = broker.image().partition(tp)?.leader?;
        Some((leader, (tp, entry.committed.offset)))
    });
    for (leader, place) in elsewhere.take(broker.config.metrics_group_partitions_max) {
        by_leader.entry(leader).or_default().push(place);
    }
    for (leader, places) in by_leader {
        for places in places.chunks(PLACES_MAX) {
            send(leader, &Message::Ask(places.to_vec()), out);
        }
    }
    let ends = &mut broker.lag.ends;
    ends.before = std::mem::take(&mut ends.fresh);
}

/// Another broker asks or answers.
pub(crate) fn message(broker: &mut Broker, from: BrokerId, bytes: &Bytes, out: &mut Output) {
    match postcard::from_bytes(bytes) {
        Ok(Message::Ask(places)) => {
            let led = places
                .into_iter()
                .take(PLACES_MAX)
                .filter_map(|(tp, offset)| {
                    broker.led_epoch(tp)?;
                    Some((tp, offset, broker.end_here(tp, offset)?))
                });
            let told: Vec<_> = led.collect();
            send(from, &Message::Told(told), out);
        }
        Ok(Message::Told(told)) => {
            let partitions_max = broker.config.metrics_group_partitions_max;
            let fresh = &mut broker.lag.ends.fresh;
            for (tp, offset, end) in told {
                if fresh.len() < partitions_max || fresh.contains_key(&tp) {
                    fresh.entry(tp).or_default().insert(offset, end);
                }
            }
        }
        Err(error) => tracing::warn!(%from, %error, "message about lag dropped"),
    }
}

#[cfg(test)]
mod tests {
    use kring_wire::TopicId;

    use super::*;

    fn end(high_watermark: Offset, unread_since_ms: Option<i64>) -> End {
        End {
            log_start: 2,
            high_watermark,
            unread_since_ms,
        }
    }

    #[test]
    fn a_reader_that_moved_on_gets_the_time_of_where_it_was() {
        let tp = TopicPartition::new(TopicId([1; 16]), 0);
        let mut ends = Ends::default();
        assert_eq!(ends.of(tp, 5), None);
        let told = BTreeMap::from([(5, end(10, Some(77))), (8, end(10, Some(99)))]);
        ends.before.insert(tp, told);
        assert_eq!(ends.of(tp, 5), Some(end(10, Some(77))));
        assert_eq!(ends.of(tp, 7), Some(end(10, Some(77))));
        assert_eq!(ends.of(tp, 9), Some(end(10, Some(99))));
        assert_eq!(ends.of(tp, 10), Some(end(10, None)), "it has read all");
        assert_eq!(ends.of(tp, 4), Some(end(10, None)), "it went back");
        ends.fresh
            .insert(tp, BTreeMap::from([(10, end(12, Some(200)))]));
        assert_eq!(ends.of(tp, 10), Some(end(12, Some(200))));
    }
}
