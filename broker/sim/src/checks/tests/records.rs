//! Properties 1 to 5: what was acknowledged is there, once, in order, and the same everywhere.
//! Reading and positions are tested elsewhere.

use super::{exercised, found};

const NOTHING: [&str; 0] = [];

/// Two records acknowledged one after the other, and one replica that has both.
const GOOD: &str = "
    send 1:0+1 0/0 4000 0 0
    ack 1:0+1 0/0 0
    send 1:1+1 0/0 4000 0 0
    again 1:1+1 0/0
    ack 1:1+1 0/0 1
    kept 0/0 1 0 1:0+2 0
    swept 0/0 1 0 2
";

fn after_good(lines: &str) -> Vec<&'static str> {
    found(&format!("{GOOD}{lines}"))
}

#[test]
fn a_good_history_has_no_violation() {
    assert_eq!(
        after_good("kept 0/0 2 0 1:0+1 0\n kept 0/0 2 1 1:1+1 0\n swept 0/0 2 0 2"),
        NOTHING
    );
    for check in [
        "divergent offset",
        "lost write",
        "duplicate",
        "real-time order",
    ] {
        assert!(exercised(GOOD, check) > 0, "{check}");
    }
}

#[test]
fn an_acknowledged_record_that_one_replica_lacks_is_lost() {
    assert_eq!(
        after_good("kept 0/0 2 0 1:0+1 0\n swept 0/0 2 0 1"),
        ["lost write"]
    );
}

#[test]
fn an_acknowledged_record_that_nobody_looked_for_counts_as_lost() {
    assert_eq!(
        found("send 1:0+1 0/0 4000 0 0\n ack 1:0+1 0/0 0"),
        ["lost write"]
    );
}

#[test]
fn a_record_before_the_log_start_is_not_asked_for() {
    // Whether the log may start there is not for this check to say.
    let found = after_good("kept 0/0 2 1 1:1+1 0\n swept 0/0 2 1 2");
    assert!(!found.contains(&"lost write"));
}

#[test]
fn two_records_at_one_offset_diverge() {
    let found = after_good("send 2:0+1 0/0 4001 0 0\n kept 0/0 2 0 2:0+1 0\n swept 0/0 2 1 2");
    assert!(found.contains(&"divergent offset"));
    let polled = after_good("send 2:0+1 0/0 4001 0 0\n poll 9 0/0 1 2:0+1 3");
    assert!(polled.contains(&"divergent offset"));
}

#[test]
fn a_record_that_nobody_sent_there_and_damaged_bytes_are_seen() {
    assert!(after_good("poll 9 0/0 2 5:0+1 3").contains(&"cyclic flow"));
    assert!(after_good("damaged 0/0 2 3").contains(&"divergent offset"));
}

#[test]
fn an_absurd_offset_costs_no_memory() {
    let found =
        found("send 1:0+1 0/0 4000 0 0\n ack 1:0+1 0/0 4611686018427387904\n swept 0/0 1 0 0");
    assert_eq!(found, ["lost write"]);
}

#[test]
fn a_record_at_two_offsets_is_a_duplicate() {
    assert_eq!(after_good("kept 0/0 1 2 1:1+1 0"), ["duplicate"]);
    // Also in the middle of another run.
    let runs = "send 1:0+4 0/0 4000 0 0\n kept 0/0 1 0 1:0+4 0\n kept 0/0 1 4 1:2+1 0";
    assert!(found(runs).contains(&"duplicate"));
}

#[test]
fn records_without_one_producer_id_may_be_there_twice() {
    let without = "
        send 1:0+1 0/0 -1 -1 0
        kept 0/0 1 0 1:0+1 0
        kept 0/0 1 1 1:0+1 0
    ";
    assert_eq!(found(without), NOTHING);
    let two_ids = "
        send 1:0+1 0/0 4000 0 0
        send 1:0+1 0/0 4001 0 0
        kept 0/0 1 0 1:0+1 0
        kept 0/0 1 1 1:0+1 0
    ";
    assert_eq!(found(two_ids), NOTHING);
}

#[test]
fn an_older_record_behind_a_newer_breaks_the_producers_order() {
    let lines = "
        send 1:0+1 0/0 4000 0 0
        send 1:1+1 0/0 4000 0 0
        kept 0/0 1 0 1:1+1 0
        kept 0/0 1 1 1:0+1 0
    ";
    assert_eq!(found(lines), ["producer order"]);
    assert_eq!(exercised(lines, "producer order"), 1);
}

#[test]
fn records_of_an_earlier_producer_id_may_come_late() {
    let lines = "
        send 1:0+1 0/0 4000 0 0
        unsure 1:0+1 0/0
        send 1:1+1 0/0 4001 0 0
        kept 0/0 1 0 1:1+1 0
        kept 0/0 1 1 1:0+1 0
    ";
    assert_eq!(found(lines), NOTHING);
}

#[test]
fn a_record_before_one_acknowledged_earlier_breaks_real_time_order() {
    let lines = "
        send 1:0+1 0/0 4000 0 0
        ack 1:0+1 0/0 5
        send 2:0+1 0/0 4001 0 0
        ack 2:0+1 0/0 4
        kept 0/0 1 4 2:0+1 0
        kept 0/0 1 5 1:0+1 0
        swept 0/0 1 0 6
    ";
    assert_eq!(found(lines), ["real-time order"]);
}

#[test]
fn real_time_order_holds_for_records_without_an_answer() {
    let lines = "
        send 1:0+1 0/0 4000 0 0
        ack 1:0+1 0/0 5
        send 2:0+1 0/0 4001 0 0
        unsure 2:0+1 0/0
        kept 0/0 1 4 2:0+1 0
        kept 0/0 1 5 1:0+1 0
        swept 0/0 1 0 6
    ";
    assert_eq!(found(lines), ["real-time order"]);
}
