//! Properties 8, 10 and 11 and the rest that is promised of transactions.
//! No broker takes part.

use super::{exercised, found};

const NOTHING: [&str; 0] = [];

/// Producer 1 moves three inputs of 0/0 to 5/0 and 5/1 in its transaction 1 and is told that it is committed.
const MOVED: &str = "
    init 1 4000 0
    txn-init 1 4000 0
    txn-position 1 2 0/0 -1
    txn-begin 1 1 4000 0
    send 1:0+2 5/0 4000 0 0
    txn-send 1 1:0+2 5/0
    txn-move 1:0+2 5/0 0/0 0
    send 1:0+1 5/1 4000 0 0
    txn-send 1 1:0+1 5/1
    txn-move 1:0+1 5/1 0/0 2
    ack 1:0+2 5/0 0
    ack 1:0+1 5/1 0
    txn-offset 1 1 2 0/0 3
    txn-end 1 1 true
    txn-ended 1 1 true done
    init 1 4000 1
";

/// Transaction 2 of producer 1 writes one record to 5/0 and is aborted.
const ABORTED: &str = "
    txn-begin 1 2 4000 1
    send 1:2+1 5/0 4000 1 0
    txn-send 2 1:2+1 5/0
    ack 1:2+1 5/0 3
    txn-end 1 2 false
    txn-ended 1 2 false done
    init 1 4000 2
";

/// What one replica has in the end.
const KEPT: &str = "
    batch 5/0 1 0 2 4000 0 7
    kept 5/0 1 0 1:0+2 0
    marker 5/0 1 2 4000 1 true 7
    batch 5/0 1 3 4 4000 1 7
    kept 5/0 1 3 1:2+1 0
    marker 5/0 1 4 4000 2 false 7
    swept 5/0 1 0 5
    batch 5/1 1 0 1 4000 0 7
    kept 5/1 1 0 1:0+1 0
    marker 5/1 1 1 4000 1 true 7
    swept 5/1 1 0 2
";

/// The history with a change to what is kept, and with lines before that.
fn with(lines: &str, kept: &str) -> Vec<&'static str> {
    found(&format!("{MOVED}{ABORTED}{lines}\n{kept}"))
}

#[test]
fn a_good_history_has_no_violation() {
    let lines = "
        txn-position 1 2 0/0 3
        seek 9 5/0 0
        see-fetch 9 5/0 1 0 5 5 5
        see 9 5/0 0 1:0+2 1
    ";
    assert_eq!(with(lines, KEPT), NOTHING);
    let all = format!("{MOVED}{ABORTED}{lines}{KEPT}");
    for check in [
        "lost commit",
        "committed read",
        "aborted read",
        "exactly once",
        "open transaction",
        "zombie",
    ] {
        assert!(exercised(&all, check) > 0, "{check}");
    }
}

#[test]
fn nothing_is_seen_of_a_transaction_that_is_not_committed() {
    let reads = "seek 9 5/0 0\n see-fetch 9 5/0 1 0 5 5 5\n see 9 5/0 0 1:0+2 1\n";
    assert_eq!(
        with(&format!("{reads}see 9 5/0 3 1:2+1 1"), KEPT),
        ["aborted read"]
    );
    // It is committed, but later.
    let early = MOVED.replace(
        "txn-end 1 1",
        "seek 9 5/1 0\n see-fetch 9 5/1 1 0 2 2 2\n see 9 5/1 0 1:0+1 1\n txn-end 1 1",
    );
    assert_eq!(found(&format!("{early}{ABORTED}{KEPT}")), ["aborted read"]);
}

#[test]
fn a_transaction_ends_everywhere_in_the_same_way() {
    let torn = KEPT.replace("marker 5/1 1 1 4000 1 true", "marker 5/1 1 1 4000 1 false");
    assert_eq!(with("", &torn), ["lost commit", "aborted read"]);
    // Nobody was told, so that it may be aborted, but not in one place alone.
    let untold = MOVED.replace("txn-ended 1 1 true done", "");
    let both = |kept: &str| found(&format!("{untold}{ABORTED}{kept}"));
    assert_eq!(both(&torn), ["lost commit", "aborted read"]);
    assert_eq!(both(&torn.replace("1 true", "1 false")), NOTHING);
    assert_eq!(both(KEPT), NOTHING);
    let refused = MOVED.replace("1 1 true done", "1 1 true refused");
    assert_eq!(
        found(&format!("{refused}{ABORTED}{KEPT}")),
        ["aborted read"]
    );
}

#[test]
fn a_transaction_is_committed_only_if_its_producer_asked_for_it() {
    let committed = KEPT.replace("4000 2 false", "4000 2 true");
    assert_eq!(with("", &committed), ["aborted read"]);
    let unasked = ABORTED
        .replace("txn-end 1 2 false\n", "")
        .replace("txn-ended 1 2 false done", "");
    assert_eq!(
        found(&format!("{MOVED}{unasked}{committed}")),
        ["aborted read"]
    );
}

#[test]
fn an_acknowledged_commit_is_in_every_replica() {
    let aborted = KEPT.replace("1 true", "1 false");
    assert_eq!(with("", &aborted), ["lost commit"]);
    // The second replica has the records, but not their end.
    let second = "
        kept 5/1 2 0 1:0+1 0
        swept 5/1 2 0 1
    ";
    assert!(with("", &format!("{KEPT}{second}")).contains(&"lost commit"));
    // What was acknowledged after the commit was asked for may be in it or not.
    let late = MOVED
        .replace("ack 1:0+1 5/1 0\n", "")
        .replace("txn-ended", "ack 1:0+1 5/1 0\n txn-ended");
    let kept = KEPT.replace("marker 5/1 1 1 4000 1 true 7", "");
    assert!(!found(&format!("{late}{ABORTED}{kept}")).contains(&"lost commit"));
}

#[test]
fn one_end_ends_one_transaction() {
    let unended = KEPT.replace("marker 5/0 1 2 4000 1 true 7", "");
    assert!(with("", &unended).contains(&"aborted read"));
}

#[test]
fn no_transaction_stays_open() {
    let open = KEPT.replace("marker 5/0 1 4 4000 2 false 7", "");
    assert_eq!(with("", &open), ["open transaction"]);
    // Also one of which only the brokers know what is in it.
    let offsets = "batch 4/0 1 0 1 4000 2 7\n swept 4/0 1 0 1";
    assert_eq!(with("", &format!("{KEPT}{offsets}")), ["open transaction"]);
    let reader = |stable: u32| {
        let lines = format!("@90000 mark converged\n @99000 see-fetch 9 5/0 1 95000 5 {stable} 3");
        with(&lines, "").contains(&"open transaction")
    };
    assert!(reader(3));
    assert!(!reader(5));
}

#[test]
fn a_reader_of_committed_records_passes_over_none() {
    let reads = |lines: &str| with(&format!("seek 9 5/0 0\n {lines}"), KEPT);
    assert_eq!(reads("see-fetch 9 5/0 1 0 5 5 5"), ["committed read"]);
    assert_eq!(reads("see-fetch 9 5/0 1 0 5 0 0"), NOTHING);
    assert_eq!(
        reads("see-fetch 9 5/0 1 0 5 5 5\n see 9 5/0 0 1:0+2 1\n see 9 5/0 1 1:1+1 1"),
        ["committed read"]
    );
    // Beyond what is stable.
    assert_eq!(
        reads("see-fetch 9 5/0 1 0 5 1 2\n see 9 5/0 0 1:0+2 1"),
        ["committed read"]
    );
    assert_eq!(reads("see-fetch 9 5/0 1 0 0 1 0"), ["committed read"]);
}

#[test]
fn a_fenced_producer_appends_nothing() {
    // Producer 2 sends once producer 1 was fenced, and stands before a record of it.
    let begin = "
        txn-init 1 4000 0
        txn-begin 1 1 4000 0
        send 1:0+1 5/0 4000 0 0
        txn-send 1 1:0+1 5/0
        txn-init 1 4000 1
        send 2:0+1 5/0 -1 -1 0
    ";
    let kept = |first: &str, second: &str| {
        let lines = format!("{begin} kept 5/0 1 0 {first} 0\n kept 5/0 1 1 {second} 0");
        found(&lines).contains(&"fenced producer")
    };
    assert!(kept("2:0+1", "1:0+1"));
    assert!(!kept("1:0+1", "2:0+1"));
    // It was sent when it was fenced already.
    let late = "
        txn-begin 1 2 4000 0
        send 1:1+1 5/0 4000 0 0
        txn-send 2 1:1+1 5/0
        kept 5/0 1 0 1:1+1 0
    ";
    assert!(found(&format!("{begin}{late}")).contains(&"fenced producer"));
    assert_eq!(exercised(&format!("{begin}{late}"), "fenced producer"), 1);
    // An epoch that EndTxn gave fences nobody.
    let own = begin.replace("txn-init 1 4000 1", "init 1 4000 1");
    let lines = format!("{own} kept 5/0 1 0 2:0+1 0\n kept 5/0 1 1 1:0+1 0");
    assert!(!found(&lines).contains(&"fenced producer"));
}

#[test]
fn a_marker_fences_what_was_before_it() {
    let lines = "
        init 1 4000 1
        batch 5/0 1 0 1 4000 0 7
        marker 5/0 1 1 4000 1 false 7
    ";
    assert_eq!(found(lines), NOTHING);
    let behind = format!("{lines} batch 5/0 1 2 3 4000 0 7");
    assert_eq!(found(&behind), ["zombie"]);
    // Nobody need have been told of its epoch.
    let unknown = lines.replace("init 1 4000 1", "init 1 4000 0");
    assert_eq!(found(&unknown), NOTHING);
}

#[test]
fn a_group_stands_where_its_last_committed_transaction_put_it() {
    assert_eq!(with("txn-position 1 2 0/0 3", KEPT), NOTHING);
    assert_eq!(with("txn-position 1 2 0/0 2", KEPT), ["exactly once"]);
    assert_eq!(with("txn-position 1 2 0/0 -1", KEPT), ["exactly once"]);
    // An aborted transaction puts it nowhere.
    let aborted = "
        txn-begin 1 3 4000 2
        txn-offset 1 3 2 0/0 9
        txn-end 1 3 false
        txn-ended 1 3 false done
    ";
    let then = |offset: u32| with(&format!("{aborted}txn-position 1 2 0/0 {offset}"), KEPT);
    assert_eq!(then(3), NOTHING);
    assert_eq!(then(9), ["exactly once"]);
}

#[test]
fn every_input_has_one_committed_output() {
    let position = "txn-position 1 2 0/0 3";
    // The output of the third input is not there.
    let lacking = KEPT
        .replace("batch 5/1 1 0 1 4000 0 7", "")
        .replace("kept 5/1 1 0 1:0+1 0", "");
    assert!(with(position, &lacking).contains(&"exactly once"));
    // The first input is moved again.
    let again = "
        txn-begin 1 3 4000 2
        send 1:3+1 5/0 4000 2 0
        txn-send 3 1:3+1 5/0
        txn-move 1:3+1 5/0 0/0 0
        ack 1:3+1 5/0 5
        txn-end 1 3 true
        txn-ended 1 3 true done
    ";
    let kept = "
        batch 5/0 1 5 6 4000 2 7
        kept 5/0 1 5 1:3+1 0
        marker 5/0 1 6 4000 3 true 7
        swept 5/0 1 0 7
    ";
    let lines = format!("{again}{position}");
    assert_eq!(with(&lines, &format!("{KEPT}{kept}")), ["exactly once"]);
    // More is moved than the group knows of.
    let further = lines.replace("5/0 0/0 0", "5/0 0/0 3");
    assert_eq!(with(&further, &format!("{KEPT}{kept}")), ["exactly once"]);
    // As long as the producer goes on nobody can say.
    let goes_on = format!("{position}\n{again}").replace("5/0 0/0 0", "5/0 0/0 3");
    assert_eq!(with(&goes_on, &format!("{KEPT}{kept}")), NOTHING);
}
