//! EndTxn of the second version (KIP-890): each end raises the epoch.
//! The first version is in `end`.

use kring_transactions::{EndTransaction, TransactionRequest};

use super::actor::*;
use super::harness::Coordinator;

const T: &[(&str, &[i32])] = &[("t", &[0])];

#[test]
fn the_answer_and_the_markers_have_the_next_epoch() {
    let mut c = Coordinator::new(1);
    let mut producer = c.begin(V2);
    for commit in [true, false, true] {
        let next = (producer.0, producer.1 + 1);
        assert_eq!(c.end(producer, commit, V2), (Ok_, next.0, next.1));
        let marker = &c.markers[0];
        assert_eq!((marker.producer_id, marker.producer_epoch), next);
        assert_eq!(marker.commit, commit);
        c.write_markers();
        assert_eq!(c.producer(), next);
        assert_eq!(c.add(producer, V2, T), ProducerFenced);
        assert_eq!(c.add(next, V2, T), Ok_);
        producer = next;
    }
}

#[test]
fn an_end_that_is_repeated_with_the_old_epoch_is_recognised() {
    for fails_over in [false, true] {
        let mut c = Coordinator::new(2);
        let old = c.begin(V2);
        assert_eq!(c.end(old, true, V2), (Ok_, FRESH, 1));
        if fails_over {
            c.fail_over(1, 0);
        }
        assert_eq!(c.end(old, true, V2).0, ConcurrentTransactions);
        assert_eq!(c.end(old, false, V2).0, InvalidTxnState);
        // Of the next transaction, which cannot have begun.
        assert_eq!(c.end((FRESH, 1), true, V2).0, ConcurrentTransactions);
        assert_eq!(c.end((FRESH, 2), true, V2).0, ProducerFenced);
        c.write_markers();
        assert_eq!(c.state(), CompleteCommit);
        if fails_over {
            c.fail_over(0, 0);
        }
        let records = c.log().len();
        assert_eq!(c.end(old, true, V2), (Ok_, FRESH, 1));
        assert_eq!(c.end(old, false, V2).0, InvalidTxnState);
        assert_eq!(c.log().len(), records);
        // Once the next one has begun it is over.
        assert_eq!(c.add((FRESH, 1), V2, T), Ok_);
        assert_eq!(c.end(old, true, V2).0, ProducerFenced);
    }
}

#[test]
fn an_abort_without_a_transaction_raises_the_epoch_and_writes_no_markers() {
    let mut c = Coordinator::new(1);
    c.init();
    assert_eq!(c.end((FRESH, 0), true, V2).0, InvalidTxnState);
    assert_eq!(c.end((FRESH, 0), false, V2), (Ok_, FRESH, 1));
    assert_eq!(c.state(), CompleteAbort);
    assert_eq!(c.end((FRESH, 0), false, V2), (Ok_, FRESH, 1));
    assert_eq!(c.end((FRESH, 1), true, V2).0, InvalidTxnState);
    assert_eq!(c.end((FRESH, 1), false, V2), (Ok_, FRESH, 2));
    assert!(c.markers.is_empty());
    assert_eq!(c.add((FRESH, 2), V2, T), Ok_);
    c.end((FRESH, 2), true, V2);
    c.write_markers();
    assert_eq!(c.state(), CompleteCommit);
    assert_eq!(c.end((FRESH, 3), false, V2), (Ok_, FRESH, 4));
    assert_eq!(c.state(), CompleteAbort);
}

#[test]
fn after_the_last_epoch_the_answer_names_another_producer_id() {
    for fails_over in [false, true] {
        let mut c = Coordinator::new(2);
        let last = c.use_up_epochs(V2);
        assert_eq!(last, (FRESH, LAST_EPOCH));
        assert_eq!(c.add(last, V2, T), Ok_);
        let request = EndTransaction {
            transactional_id: NAME.to_owned(),
            producer_id: last.0,
            producer_epoch: last.1,
            commit: true,
            client_version: V2,
            fresh_producer_id: None,
        };
        assert!(request.may_need_producer_id());
        let refused = told(c.ask(TransactionRequest::End(request)));
        assert_eq!(refused, (CoordinatorNotAvailable, -1, -1));
        let next = (FRESH + 500, 0);
        assert_eq!(c.end(last, true, V2), (Ok_, next.0, next.1));
        if fails_over {
            c.take_markers();
            c.fail_over(1, 0);
        }
        let marker = &c.markers[0];
        let marked = (marker.producer_id, marker.producer_epoch);
        assert_eq!(marked, (FRESH, i16::MAX));
        assert_eq!(c.add(next, V2, T), ConcurrentTransactions);
        assert_eq!(c.end(last, true, V2).0, ConcurrentTransactions);
        c.write_markers();
        if fails_over {
            c.fail_over(0, 0);
        }
        assert_eq!(c.producer(), next);
        assert_eq!(c.end(last, true, V2), (Ok_, next.0, next.1));
        assert_eq!(c.init_as(last), (Ok_, next.0, next.1));
        assert_eq!(c.add(next, V2, T), Ok_);
        assert_eq!(c.add(last, V2, T), InvalidProducerIdMapping);
    }
}

#[test]
fn a_producer_may_end_in_one_version_what_it_began_in_the_other() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    assert_eq!(c.end(producer, true, V2), (Ok_, FRESH, 1));
    c.write_markers();
    assert_eq!(c.add((FRESH, 1), V2, T), Ok_);
    assert_eq!(c.end((FRESH, 1), false, V1), (Ok_, -1, -1));
    c.write_markers();
    assert_eq!(c.producer(), (FRESH, 1));
}
