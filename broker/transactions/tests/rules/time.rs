//! Transactions that are open for too long, and ids that nobody uses.
//! Time-outs of appends and markers are in `storing` and `markers`.

use std::time::Duration;

use kring_wire::ErrorCode;

use super::actor::*;
use super::harness::Coordinator;

const WEEK_MS: u64 = 604_800_000;

#[test]
fn a_transaction_that_is_open_for_too_long_is_aborted_and_its_producer_fenced() {
    for version in [V1, V2] {
        let mut c = Coordinator::new(1);
        let producer = c.begin(version);
        c.advance(30_000);
        // More partitions do not give it more time.
        c.add(producer, version, &[("u", &[0])]);
        c.advance(29_999);
        assert_eq!(c.state(), Ongoing);
        c.advance(1);
        assert_eq!(c.state(), PrepareAbort);
        assert_eq!(c.engine().stats().aborted_by_timeout_total, 1);
        assert_eq!(c.markers[0].producer_epoch, producer.1 + 1);
        c.write_markers();
        assert_eq!(c.state(), CompleteAbort);
        for commit in [true, false] {
            assert_eq!(c.end(producer, commit, version).0, ProducerFenced);
        }
        assert_eq!(c.init_as(producer).0, ProducerFenced);
        assert_eq!(c.init(), (Ok_, FRESH, 2));
    }
}

#[test]
fn an_abort_that_could_not_be_stored_is_stored_again() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    c.refuse = Some(ErrorCode::NotEnoughReplicas);
    c.advance(60_100);
    assert_eq!(c.state(), Ongoing);
    c.refuse = None;
    c.advance(250);
    assert_eq!(c.state(), PrepareAbort);
    // However often it was tried: one epoch.
    assert_eq!(c.producer(), (producer.0, 1));
    assert_eq!(c.engine().stats().aborted_by_timeout_total, 1);
}

#[test]
fn a_change_under_way_is_waited_for_before_the_abort() {
    let mut c = Coordinator::new(1);
    let producer = c.begin(V1);
    c.hold = true;
    let added = c.request(add_request(producer, V1, &[("u", &[0])]));
    c.advance(61_000);
    assert_eq!(
        c.answer(added).map(told).map(|t| t.0),
        Some(CoordinatorNotAvailable)
    );
    assert_eq!(c.wake_at, None, "only the append is waited for");
    c.complete_first();
    assert_eq!(c.state(), Ongoing);
    c.complete_first();
    assert_eq!(c.state(), PrepareAbort);
    assert_eq!(c.markers[0].topics, owned(&[("t", &[0]), ("u", &[0])]));
}

#[test]
fn a_new_coordinator_counts_the_time_that_has_passed() {
    let mut c = Coordinator::new(2);
    c.begin(V1);
    c.advance(40_000);
    c.wake_at = None;
    c.fail_over(1, 0);
    c.advance(19_999);
    assert_eq!(c.state(), Ongoing);
    c.advance(1);
    assert_eq!(c.state(), PrepareAbort);
}

#[test]
fn a_wall_clock_that_jumps_ends_no_transaction() {
    let mut c = Coordinator::new(1);
    c.begin(V1);
    c.now.wall_ms += 3_600_000;
    c.advance(59_999);
    assert_eq!(c.state(), Ongoing);
}

#[test]
fn an_id_that_nobody_uses_is_forgotten() {
    let mut c = Coordinator::new(2);
    let producer = c.begin(V1);
    c.end(producer, true, V1);
    c.write_markers();
    c.advance(WEEK_MS - 1);
    assert_eq!(c.state(), CompleteCommit);
    c.refuse = Some(ErrorCode::NotEnoughReplicas);
    c.advance(1);
    assert_eq!(c.state(), CompleteCommit);
    c.refuse = None;
    c.advance(250);
    assert_eq!(c.describe(NAME).error, ErrorCode::TransactionalIdNotFound);
    assert_eq!(c.log().last().map(|(_, value)| value.is_none()), Some(true));
    assert_eq!(c.engine().stats().transactions, [0; 8]);
    assert_eq!(
        c.add(producer, V1, &[("t", &[0])]),
        InvalidProducerIdMapping
    );
    c.fail_over(1, 0);
    assert_eq!(c.engine().list().count(), 0);
    assert_eq!(told(c.ask(init_request((-1, -1), 5))), (Ok_, 5, 0));
}

#[test]
fn an_engine_is_woken_when_something_is_due_and_not_before() {
    let mut c = Coordinator::new(1);
    let wish = |c: &mut Coordinator| {
        // The wishes of the steps before are older and may be earlier.
        c.wake_at = None;
        c.describe(NAME);
        c.wake_at
    };
    assert_eq!(wish(&mut c), None);
    let producer = c.begin(V1);
    let at = |c: &Coordinator, ms| Some(c.now.mono + Duration::from_millis(ms));
    assert_eq!(wish(&mut c), at(&c, 60_000));
    c.end(producer, true, V1);
    assert_eq!(wish(&mut c), at(&c, 5_000));
    let id = c.markers[0].id;
    c.marker_written(id, ("t", 0), Err(ErrorCode::NotLeaderOrFollower));
    assert_eq!(wish(&mut c), at(&c, 50));
    c.marker_written(id, ("t", 0), Ok(()));
    assert_eq!(wish(&mut c), at(&c, WEEK_MS));
}
