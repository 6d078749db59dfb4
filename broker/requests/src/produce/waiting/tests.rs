//! When a waiting Produce request is complete, and with what.

use std::collections::BTreeMap;

use kring_io::{ConnId, Instant, RequestId};
use kring_log::Lsn;
use kring_wire::produce::ProducePartitionResponse;
use kring_wire::{ErrorCode, TopicId, TopicPartition, TopicRef};

use super::{Complete, Need, Slot, Waiting};
use crate::call::Caller;
use crate::produce::respond::Answer;

const ONE: TopicPartition = TopicPartition {
    topic: TopicId([1; 16]),
    partition: 0,
};
const TWO: TopicPartition = TopicPartition {
    topic: TopicId([1; 16]),
    partition: 1,
};

fn caller(conn: u64) -> Caller {
    Caller {
        request: RequestId {
            conn: ConnId(conn),
            seq: 0,
        },
        version: 9,
        correlation_id: 0,
    }
}

/// A request of two partitions that needs `needs`, with its deadline at 100.
fn add(waiting: &mut Waiting, conn: u64, needs: [Need; 2]) {
    let mut answer = Answer::default();
    answer.topic(TopicRef::from("t"));
    let needs: BTreeMap<Slot, Need> = (0..)
        .zip(needs)
        .map(|(index, need)| {
            let row = ProducePartitionResponse::appended(index, 5, -1, 0);
            (answer.partition(row), need)
        })
        .collect();
    waiting.add(caller(conn), Instant(100), answer, needs);
}

fn committed(tp: TopicPartition, end: i64) -> Need {
    Need::Committed { tp, end }
}

fn errors(complete: &[Complete]) -> Vec<ErrorCode> {
    complete.iter().flat_map(|c| c.answer.errors()).collect()
}

#[test]
fn a_request_is_complete_when_its_last_partition_is() {
    let mut waiting = Waiting::default();
    add(&mut waiting, 1, [committed(ONE, 6), committed(TWO, 9)]);
    assert!(waiting.committed(ONE, 5).is_empty());
    assert!(waiting.committed(ONE, 6).is_empty());
    assert!(waiting.committed(TWO, 8).is_empty());
    let complete = waiting.committed(TWO, 12);
    assert_eq!(errors(&complete), [ErrorCode::None, ErrorCode::None]);
    assert_eq!((waiting.len(), waiting.next_deadline()), (0, None));
}

#[test]
fn the_leaders_disk_completes_in_the_order_of_its_groups() {
    let mut waiting = Waiting::default();
    let need = |lsn| Need::Durable { lsn: Lsn(lsn) };
    add(&mut waiting, 1, [need(3), need(4)]);
    add(&mut waiting, 2, [need(4), need(5)]);
    assert!(waiting.durable(Lsn(3)).is_empty());
    assert_eq!(waiting.durable(Lsn(4)).len(), 1);
    assert_eq!(waiting.durable(Lsn(9)).len(), 1);
}

#[test]
fn a_lost_leadership_fails_only_its_partition() {
    let mut waiting = Waiting::default();
    add(&mut waiting, 1, [committed(ONE, 6), committed(TWO, 9)]);
    assert!(waiting.leadership_lost(ONE).is_empty());
    let complete = waiting.committed(TWO, 9);
    assert_eq!(
        errors(&complete),
        [ErrorCode::NotLeaderOrFollower, ErrorCode::None]
    );
}

#[test]
fn a_deadline_fails_what_is_missing_and_keeps_what_is_there() {
    let mut waiting = Waiting::default();
    add(&mut waiting, 1, [committed(ONE, 6), committed(TWO, 9)]);
    assert!(waiting.committed(ONE, 6).is_empty());
    assert!(waiting.expire(Instant(99), |_| ErrorCode::None).is_empty());
    let complete = waiting.expire(Instant(100), |_| ErrorCode::RequestTimedOut);
    assert_eq!(
        errors(&complete),
        [ErrorCode::None, ErrorCode::RequestTimedOut]
    );
    assert_eq!(waiting.len(), 0);
}

#[test]
fn a_closed_connection_takes_its_requests_along() {
    let mut waiting = Waiting::default();
    add(&mut waiting, 1, [committed(ONE, 6), committed(TWO, 9)]);
    add(&mut waiting, 2, [committed(ONE, 6), committed(TWO, 9)]);
    waiting.close(ConnId(1));
    assert_eq!(waiting.len(), 1);
    assert!(waiting.committed(ONE, 6).is_empty());
    assert_eq!(waiting.committed(TWO, 9).len(), 1);
}
