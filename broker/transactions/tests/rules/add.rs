//! AddPartitionsToTxn, and the question of a leader whether a partition was added.
//! Its end is in `end`.

use kring_transactions::{TransactionRequest, TransactionResponse};
use kring_wire::ErrorCode;

use super::actor::*;
use super::harness::Coordinator;

#[test]
fn partitions_are_added_once_they_are_stored_and_each_is_answered() {
    let mut c = Coordinator::new(1);
    let producer = (c.init().1, 0);
    let topics: &[(&str, &[i32])] = &[("b", &[1, 0]), ("a", &[2])];
    let answer = c.ask(add_request(producer, V1, topics));
    let TransactionResponse::Add(outcome) = answer else {
        panic!("{answer:?}")
    };
    let expected = [
        ("b".to_owned(), vec![(1, Ok_), (0, Ok_)]),
        ("a".to_owned(), vec![(2, Ok_)]),
    ];
    assert_eq!(outcome.topics, expected);
    let described = c.describe(NAME);
    assert_eq!(described.state, Ongoing);
    assert_eq!(described.topics, owned(&[("a", &[2]), ("b", &[0, 1])]));
    assert_eq!(described.start_timestamp_ms, c.now.wall_ms);
    let began = described.start_timestamp_ms;
    c.advance(10);
    assert_eq!(c.add(producer, V1, &[("c", &[0])]), Ok_);
    assert_eq!(c.describe(NAME).start_timestamp_ms, began);
    let listed: Vec<_> = c
        .engine()
        .list()
        .map(|l| (l.transactional_id, l.state))
        .collect();
    assert_eq!(listed, [(NAME, Ongoing)]);
}

#[test]
fn what_was_added_before_needs_no_record() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    let records = c.log().len();
    assert_eq!(c.add(producer, V1, &[("t", &[0])]), Ok_);
    let nothing = c.ask(add_request(producer, V1, &[]));
    assert!(matches!(nothing, TransactionResponse::Add(o) if o.topics.is_empty()));
    assert_eq!(c.log().len(), records);
    assert_eq!(c.add(producer, V1, &[("t", &[0, 1])]), Ok_);
    assert_eq!(c.log().len(), records + 1);
}

#[test]
fn only_the_current_producer_adds() {
    let mut c = Coordinator::new(1);
    let t: &[(&str, &[i32])] = &[("t", &[0])];
    assert_eq!(c.add((FRESH, 0), V1, t), InvalidProducerIdMapping);
    c.init();
    assert_eq!(c.add((FRESH + 1, 0), V1, t), InvalidProducerIdMapping);
    assert_eq!(c.add((FRESH, 1), V1, t), ProducerFenced);
    assert_eq!(c.add((FRESH, -1), V1, t), ProducerFenced);
    assert_eq!(c.add((FRESH, 0), V1, t), Ok_);
}

#[test]
fn nothing_is_added_while_markers_are_written() {
    let mut c = Coordinator::new(1);
    let t: &[(&str, &[i32])] = &[("t", &[0])];
    let producer = c.begin(V1);
    c.end(producer, true, V1);
    assert_eq!(c.add(producer, V1, t), ConcurrentTransactions);
    assert_eq!(c.verify(producer, t), [ConcurrentTransactions]);
    c.write_markers();
    assert_eq!(c.add(producer, V1, t), Ok_);
    assert_eq!(c.state(), Ongoing);
    // The next transaction of the second version, and one that is fenced.
    let (_, id, epoch) = c.end(producer, true, V2);
    assert_eq!(c.add((id, epoch), V2, t), ConcurrentTransactions);
    assert_eq!(c.add(producer, V2, t), ProducerFenced);
}

#[test]
fn a_leader_hears_which_partitions_are_in_the_transaction() {
    let mut c = Coordinator::new(1);
    let asked: &[(&str, &[i32])] = &[("t", &[0, 1]), ("u", &[0])];
    assert_eq!(c.verify((FRESH, 0), asked), [InvalidProducerIdMapping; 3]);
    let producer = c.begin(V1);
    let records = c.log().len();
    let not_in = ErrorCode::TransactionAbortable;
    assert_eq!(c.verify(producer, asked), [Ok_, not_in, not_in]);
    assert_eq!(
        c.verify((FRESH + 1, 0), asked),
        [InvalidProducerIdMapping; 3]
    );
    assert_eq!(c.verify((FRESH, 1), asked), [ProducerFenced; 3]);
    assert_eq!(c.log().len(), records);
    c.end(producer, true, V1);
    c.write_markers();
    assert_eq!(c.verify(producer, asked), [not_in; 3]);
}

#[test]
fn a_transaction_has_a_largest_number_of_partitions() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    let many: Vec<i32> = (0..40_000).collect();
    assert_eq!(c.add(producer, V1, &[("t", &many)]), Ok_);
    let more = c.add(producer, V1, &[("u", &[0])]);
    assert_eq!(more, ErrorCode::PolicyViolation);
    assert_eq!(c.end(producer, true, V1).0, Ok_);
}

#[test]
fn an_id_that_is_empty_is_refused() {
    let mut c = Coordinator::new(1);
    let mut add = add_request((1, 0), V1, &[("t", &[0])]);
    let mut end = end_request((1, 0), true, V1);
    if let (TransactionRequest::Add(add), TransactionRequest::End(end)) = (&mut add, &mut end) {
        add.transactional_id.clear();
        end.transactional_id.clear();
    }
    assert_eq!(told(c.ask(add)).0, ErrorCode::InvalidRequest);
    assert_eq!(told(c.ask(end)).0, ErrorCode::InvalidRequest);
}
