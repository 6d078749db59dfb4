//! The log is slow, refuses, or moves: who hears what, and what becomes of the change.
//! Which changes there are is in the other rules.

use kring_io::Now;
use kring_transactions::{
    LoadedRecord, TransactionConfig, TransactionEvent, TransactionOut, Transactions,
};
use kring_wire::ErrorCode;

use super::actor::*;
use super::harness::{Coordinator, PARTITION};

const T: &[(&str, &[i32])] = &[("t", &[0])];

#[test]
fn while_a_change_is_under_way_everybody_else_tries_again() {
    let mut c = Coordinator::new(1);
    c.hold = true;
    let first = c.request(init_request((-1, -1), FRESH));
    assert_eq!(c.init(), (ConcurrentTransactions, -1, -1));
    assert_eq!(c.add((FRESH, 0), V1, T), ConcurrentTransactions);
    assert_eq!(c.end((FRESH, 0), true, V1).0, ConcurrentTransactions);
    // A question changes nothing, and hears what is stored.
    assert_eq!(c.verify((FRESH, 0), T), [InvalidProducerIdMapping]);
    assert_eq!(c.describe(NAME).error, ErrorCode::TransactionalIdNotFound);
    c.complete();
    assert_eq!(c.answer(first).map(told), Some((Ok_, FRESH, 0)));
    let added = c.request(add_request((FRESH, 0), V1, T));
    assert_eq!(c.init().0, ConcurrentTransactions);
    assert_eq!(c.state(), Empty);
    c.complete();
    assert_eq!(c.answer(added).map(told), Some((Ok_, -1, -1)));
}

#[test]
fn a_refused_append_leaves_everything_as_it_was() {
    for (refusal, told_error) in [
        (ErrorCode::NotEnoughReplicas, CoordinatorNotAvailable),
        (ErrorCode::NotLeaderOrFollower, ErrorCode::NotCoordinator),
        (ErrorCode::KafkaStorageError, ErrorCode::NotCoordinator),
        (ErrorCode::MessageTooLarge, ErrorCode::UnknownServerError),
    ] {
        let mut c = Coordinator::new(1);
        c.refuse = Some(refusal);
        assert_eq!(c.init(), (told_error, -1, -1));
        assert_eq!(c.describe(NAME).error, ErrorCode::TransactionalIdNotFound);
        assert_eq!(c.engine().list().count(), 0);
        c.refuse = None;
        let producer = c.begin(V2);
        c.refuse = Some(refusal);
        assert_eq!(c.init().0, told_error);
        assert_eq!(c.add(producer, V2, &[("u", &[0])]), told_error);
        assert_eq!(c.end(producer, true, V2), (told_error, -1, -1));
        assert_eq!(c.state(), Ongoing);
        assert_eq!(c.producer(), producer);
        assert!(c.markers.is_empty());
        c.refuse = None;
        assert_eq!(c.end(producer, true, V2), (Ok_, FRESH, 1));
    }
}

#[test]
fn a_completion_that_could_not_be_stored_is_stored_again() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    c.end(producer, true, V1);
    c.refuse = Some(ErrorCode::NotEnoughReplicas);
    c.write_markers();
    assert_eq!(c.state(), PrepareCommit);
    c.advance(1_000);
    assert_eq!(c.state(), PrepareCommit);
    c.refuse = None;
    c.advance(249);
    assert_eq!(c.state(), PrepareCommit);
    c.advance(1);
    assert_eq!(c.state(), CompleteCommit);
    assert!(c.markers.is_empty());
}

#[test]
fn a_client_does_not_wait_for_a_slow_append_for_ever_and_the_change_goes_on() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V2);
    c.hold = true;
    let id = c.request(end_request(producer, true, V2));
    c.advance(4_999);
    assert!(c.answer(id).is_none());
    c.advance(1);
    assert_eq!(
        c.answer(id).map(told),
        Some((CoordinatorNotAvailable, -1, -1))
    );
    assert_eq!(c.end(producer, true, V2).0, ConcurrentTransactions);
    c.advance(100_000);
    assert_eq!(c.state(), Ongoing);
    c.complete_first();
    assert!(c.responses.is_empty());
    assert_eq!(c.state(), PrepareCommit);
    c.hold = false;
    c.write_markers();
    assert_eq!(c.end(producer, true, V2), (Ok_, FRESH, 1));
}

#[test]
fn who_waits_when_the_coordinator_resigns_is_sent_elsewhere() {
    for kept in [0, 1] {
        let mut c = Coordinator::new(2);
        let producer = c.begin(V1);
        c.hold = true;
        let id = c.request(end_request(producer, true, V1));
        c.fail_over(1, kept);
        let answer = c.answer(id).map(told);
        assert_eq!(answer, Some((ErrorCode::NotCoordinator, -1, -1)));
        // What the new leader has of it counts.
        let expected = if kept == 1 { PrepareCommit } else { Ongoing };
        assert_eq!(c.state(), expected);
        assert_eq!(c.markers.len(), kept);
    }
}

#[test]
fn only_a_leader_that_has_loaded_everything_coordinates() {
    let mut engine = Transactions::new(TransactionConfig::default());
    let ask = |engine: &mut Transactions| {
        let mut out = TransactionOut::default();
        let request = TransactionEvent::Request {
            id: 1,
            partition: PARTITION,
            request: init_request((-1, -1), FRESH),
        };
        engine.step(Now::default(), request, &mut out);
        out.responses.pop().map(|(_, response)| told(response).0)
    };
    let step = |engine: &mut Transactions, event| {
        engine.step(Now::default(), event, &mut TransactionOut::default());
    };
    let partition = PARTITION;
    assert_eq!(ask(&mut engine), Some(ErrorCode::NotCoordinator));
    step(&mut engine, TransactionEvent::Loading { partition });
    assert!(engine.is_loading());
    assert_eq!(ask(&mut engine), Some(ErrorCode::CoordinatorLoadInProgress));
    step(
        &mut engine,
        TransactionEvent::BecomeLeader {
            partition,
            epoch: 1,
        },
    );
    assert!(engine.is_coordinator(partition));
    assert_eq!(ask(&mut engine), None);
    step(&mut engine, TransactionEvent::Unload { partition });
    assert_eq!(engine.replayed_to(partition), 0);
    // A record from the future.
    let key = b"\0\0\0\x03txn".as_slice();
    step(
        &mut engine,
        TransactionEvent::Load {
            partition,
            records: vec![LoadedRecord {
                offset: 7,
                key: key.into(),
                value: Some(b"\0\x02".as_slice().into()),
            }],
            next_offset: 9,
        },
    );
    assert_eq!(engine.replayed_to(partition), 9);
    step(
        &mut engine,
        TransactionEvent::BecomeLeader {
            partition,
            epoch: 2,
        },
    );
    assert!(!engine.is_coordinator(partition));
    assert_eq!(ask(&mut engine), Some(CoordinatorNotAvailable));
}
