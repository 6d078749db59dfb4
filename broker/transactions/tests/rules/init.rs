//! InitProducerId: who gets which epoch, and who is fenced.
//! How it is stored is in `storing`.

use kring_transactions::{InitProducer, TransactionRequest};
use kring_wire::ErrorCode;

use super::actor::*;
use super::harness::Coordinator;

#[test]
fn a_new_id_gets_the_fresh_producer_id_and_each_init_the_next_epoch() {
    let mut c = Coordinator::new(1);
    assert_eq!(c.init(), (Ok_, FRESH, 0));
    assert_eq!(c.state(), Empty);
    assert_eq!(c.init(), (Ok_, FRESH, 1));
    assert_eq!(c.init(), (Ok_, FRESH, 2));
    assert_eq!(c.add((FRESH, 1), V1, &[("t", &[0])]), ProducerFenced);
}

#[test]
fn a_request_that_is_wrong_in_itself_is_refused() {
    let mut c = Coordinator::new(1);
    let request = |name: &str, timeout_ms, producer: Producer| {
        TransactionRequest::Init(InitProducer {
            transactional_id: name.to_owned(),
            timeout_ms,
            producer_id: producer.0,
            producer_epoch: producer.1,
            fresh_producer_id: FRESH,
        })
    };
    let long = "x".repeat(40_000);
    for (request, error) in [
        (request("", 1, (-1, -1)), ErrorCode::InvalidRequest),
        (request(&long, 1, (-1, -1)), ErrorCode::InvalidRequest),
        (request(NAME, 1, (5, -1)), ErrorCode::InvalidRequest),
        (request(NAME, 1, (-1, 5)), ErrorCode::InvalidRequest),
        (
            request(NAME, 0, (-1, -1)),
            ErrorCode::InvalidTransactionTimeout,
        ),
        (
            request(NAME, 900_001, (-1, -1)),
            ErrorCode::InvalidTransactionTimeout,
        ),
        (request(NAME, 900_000, (-1, -1)), Ok_),
    ] {
        assert_eq!(told(c.ask(request)).0, error);
    }
    let missing = told(c.ask(TransactionRequest::Describe(String::new())));
    assert_eq!(missing.0, ErrorCode::TransactionalIdNotFound);
}

#[test]
fn an_open_transaction_is_aborted_under_an_epoch_that_nobody_gets() {
    let mut c = Coordinator::new(1);
    for version in [V1, V2] {
        let old = c.begin(version);
        assert_eq!(c.init(), (ConcurrentTransactions, -1, -1));
        assert_eq!(c.state(), PrepareAbort);
        let markers = c.take_markers();
        assert_eq!(markers.len(), 1);
        assert!(!markers[0].commit);
        assert_eq!(
            (markers[0].producer_id, markers[0].producer_epoch),
            (old.0, old.1 + 1)
        );
        // Until that is complete.
        assert_eq!(c.init().0, ConcurrentTransactions);
        assert_eq!(c.end(old, true, version).0, ProducerFenced);
        c.marker_written(markers[0].id, ("t", 0), Ok(()));
        assert_eq!(c.state(), CompleteAbort);
        assert_eq!(c.end(old, false, version).0, ProducerFenced);
        assert_eq!(c.init(), (Ok_, old.0, old.1 + 2));
        assert_eq!(c.end(old, false, version).0, ProducerFenced);
    }
}

#[test]
fn a_producer_that_goes_on_is_the_current_one_or_is_fenced() {
    let mut c = Coordinator::new(1);
    assert_eq!(c.init(), (Ok_, FRESH, 0));
    assert_eq!(c.init_as((FRESH, 0)), (Ok_, FRESH, 1));
    // The answer got lost: the same again (KIP-360).
    assert_eq!(c.init_as((FRESH, 0)), (Ok_, FRESH, 1));
    assert_eq!(c.init_as((FRESH, 1)), (Ok_, FRESH, 2));
    assert_eq!(c.init_as((FRESH, 0)).0, ProducerFenced);
    assert_eq!(c.init_as((FRESH, 3)).0, ProducerFenced);
    assert_eq!(c.init_as((FRESH + 1, 2)).0, ProducerFenced);
    // A new producer takes over.
    assert_eq!(c.init(), (Ok_, FRESH, 3));
    assert_eq!(c.init_as((FRESH, 1)).0, ProducerFenced);
    assert_eq!(c.init_as((FRESH, 2)).0, ProducerFenced);
}

#[test]
fn a_fenced_producer_that_goes_on_does_not_abort_the_transaction_of_its_successor() {
    let mut c = Coordinator::new(1);
    let old = c.init();
    let new = c.begin(V1);
    assert_eq!(c.init_as((old.1, old.2)).0, ProducerFenced);
    assert_eq!(c.state(), Ongoing);
    assert_eq!(c.init_as(new).0, ConcurrentTransactions);
    assert_eq!(c.state(), PrepareAbort);
}

#[test]
fn a_producer_that_goes_on_after_its_id_expired_gets_a_new_one() {
    let mut c = Coordinator::new(1);
    assert_eq!(c.init_as((77, 5)), (Ok_, FRESH + 100, 0));
}

#[test]
fn a_producer_id_without_epochs_left_is_replaced() {
    let mut c = Coordinator::new(1);
    assert_eq!(c.use_up_epochs(V1), (FRESH, LAST_EPOCH));
    let last = (FRESH, LAST_EPOCH);
    // Nobody offers one.
    let request = init_request(last, -1);
    assert_eq!(told(c.ask(request)).0, CoordinatorNotAvailable);
    assert_eq!(c.init_as(last), (Ok_, FRESH + 100, 0));
    assert_eq!(c.init_as(last), (Ok_, FRESH + 100, 0));
    assert_eq!(c.init(), (Ok_, FRESH + 100, 1));
    assert_eq!(c.init_as(last).0, ProducerFenced);
}

#[test]
fn the_epoch_above_the_last_one_fences() {
    let mut c = Coordinator::new(1);
    let last = c.use_up_epochs(V1);
    assert_eq!(c.add(last, V1, &[("t", &[0])]), Ok_);
    assert_eq!(c.init().0, ConcurrentTransactions);
    assert_eq!(c.markers[0].producer_epoch, i16::MAX);
    c.write_markers();
    assert_eq!(c.producer(), (FRESH, i16::MAX));
    // Nobody was given it.
    assert_eq!(c.add((FRESH, i16::MAX), V1, &[("t", &[0])]), ProducerFenced);
    assert_eq!(c.end((FRESH, i16::MAX), false, V2).0, ProducerFenced);
    assert_eq!(c.init_as(last).0, ProducerFenced);
    assert_eq!(told(c.ask(init_request((-1, -1), 7))), (Ok_, 7, 0));
}
