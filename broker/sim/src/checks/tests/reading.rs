//! Properties 6, 7, 9, 10, 13, 14 and 16: ends, positions, epochs, starts, times and equal replicas.
//! What is written and kept is tested elsewhere.

use super::{exercised, found};

const NOTHING: [&str; 0] = [];

fn has(lines: &str, check: &str) -> bool {
    found(lines).contains(&check)
}

#[test]
fn an_end_below_one_known_before_the_question_is_stale() {
    let lines = "
        @1000 list 0/0 1 500 latest 10 -1
        @3000 list 0/0 2 2000 latest 9 -1
    ";
    assert_eq!(found(lines), ["stale end"]);
    assert_eq!(exercised(lines, "stale end"), 1);
    // A question that was under way already may be answered with less.
    assert_eq!(
        found("@1000 list 0/0 1 500 latest 10 -1\n @3000 list 0/0 2 999 latest 9 -1"),
        NOTHING
    );
    // The high watermark of a fetch tells of an end, but may lag itself; another partition has its own.
    let fetched = "@1000 fetch 5 0/0 2 500 10 0\n";
    assert_eq!(
        found(&format!("{fetched}@3000 list 0/0 1 2000 latest 9 -1")),
        ["stale end"]
    );
    assert_eq!(
        found(&format!("{fetched}@3000 fetch 5 0/0 1 2000 9 0")),
        NOTHING
    );
    assert_eq!(
        found(&format!("{fetched}@3000 list 0/1 1 2000 latest 9 -1")),
        NOTHING
    );
}

#[test]
fn an_acknowledged_record_is_before_the_end() {
    let lines = "
        @500 send 1:0+2 0/0 4000 0 0
        @1000 ack 1:0+2 0/0 7
        @3000 list 0/0 2 2000 latest 8 -1
    ";
    assert!(has(lines, "stale end"));
}

#[test]
fn no_record_is_given_beyond_the_high_watermark() {
    let lines = |count: u32| {
        format!(
            "send 1:0+3 0/0 4000 0 0
            seek 5 0/0 0
            @9000 fetch 5 0/0 1 8000 2 0
            @9000 poll 5 0/0 0 1:0+{count} 1"
        )
    };
    assert_eq!(found(&lines(2)), NOTHING);
    assert_eq!(found(&lines(3)), ["stale end"]);
}

#[test]
fn a_consumer_goes_neither_back_nor_past_a_record() {
    let begin = "send 1:0+9 0/0 4000 0 0\n seek 5 0/0 0\n poll 5 0/0 0 1:0+2 1\n";
    let then = |line: &str| found(&format!("{begin}{line}"));
    assert_eq!(then("poll 5 0/0 2 1:2+1 1"), NOTHING);
    assert_eq!(then("poll 5 0/0 1 1:1+1 1"), ["poll skip"]);
    // Another consumer was given what this one was not.
    let skips = "seek 6 0/0 0\n poll 6 0/0 0 1:0+4 1\n poll 5 0/0 3 1:3+1 1";
    assert_eq!(then(skips), ["poll skip"]);
    // Between polls it was told to stand elsewhere.
    assert_eq!(then("seek 5 0/0 3\n poll 5 0/0 3 1:3+1 1"), NOTHING);
}

#[test]
fn offsets_without_a_record_may_be_passed_over() {
    let lines = "
        send 1:0+2 0/0 4000 0 0
        seek 5 0/0 0
        poll 5 0/0 0 1:0+1 1
        poll 5 0/0 2 1:1+1 1
        kept 0/0 1 0 1:0+1 0
        kept 0/0 1 2 1:1+1 0
    ";
    assert_eq!(found(lines), NOTHING);
}

#[test]
fn nothing_is_read_that_was_not_sent_before() {
    assert!(has(
        "seek 5 0/0 0\n poll 5 0/0 0 1:0+1 1\n send 1:0+1 0/0 4000 0 0",
        "cyclic flow"
    ));
    assert!(has(
        "send 1:0+1 0/1 4000 0 0\n kept 0/0 1 0 1:0+1 0",
        "cyclic flow"
    ));
    assert!(has(
        "send 1:0+1 0/0 4000 0 5\n kept 0/0 1 0 1:0+1 6",
        "cyclic flow"
    ));
}

#[test]
fn an_epoch_that_is_over_appends_nothing() {
    let begin = "init 1 4000 0\n init 1 4000 1\n batch 0/0 1 0 1 4000 0 7\n";
    let then = |lines: &str| found(&format!("{begin}{lines}"));
    assert_eq!(
        then("batch 0/0 1 1 2 4000 1 8\n batch 0/0 1 2 3 4000 0 9"),
        ["zombie"]
    );
    assert_eq!(
        then("batch 0/0 1 1 2 4000 1 8\n batch 0/0 1 2 3 4000 1 9"),
        NOTHING
    );
    assert_eq!(then("batch 0/0 1 1 2 4000 2 8"), ["zombie"]);
    // Another partition, another replica and another id have epochs of their own.
    let others = "init 2 4001 0\n batch 0/0 1 1 2 4000 1 8\n batch 0/1 1 0 1 4000 0 9\n batch 0/0 1 2 3 4001 0 9";
    assert_eq!(then(others), NOTHING);
    assert_eq!(exercised(&format!("{begin}{others}"), "zombie"), 1);
}

#[test]
fn a_log_start_does_not_go_back() {
    let trim = "@10 trim 0/0 5\n @1000 trimmed 0/0 20 5\n";
    assert_eq!(
        found(&format!("{trim}@3000 list 0/0 1 2000 earliest 4 -1")),
        ["log start"]
    );
    assert_eq!(
        found(&format!("{trim}@3000 list 0/0 1 999 earliest 4 -1")),
        NOTHING
    );
    // A leader that does not know that it was replaced may serve what it has.
    assert_eq!(
        found(&format!("{trim}@3000 fetch 5 0/0 1 2000 9 4")),
        NOTHING
    );
}

#[test]
fn records_are_deleted_when_asked_for_or_old() {
    let begin = "send 1:0+3 0/0 4000 0 1000000\n ack 1:0+3 0/0 0\n";
    let then = |lines: &str| has(&format!("{begin}{lines}"), "log start");
    assert!(then("list 0/0 1 0 earliest 3 -1"));
    assert!(then("trim 0/0 2\n list 0/0 1 0 earliest 3 -1"));
    assert!(!then("trim 0/0 3\n list 0/0 1 0 earliest 3 -1"));
    assert!(
        !then("list 0/0 1 0 earliest 2 -1"),
        "a batch goes as a whole"
    );
    // 100 s of retention; the origin of the clock is the record's time.
    let retention = "retention 0 100000 20000 0 1000000\n";
    let at = |seconds: u64| format!("{retention}@{} swept 0/0 1 3 3", seconds * 1_000_000_000);
    assert!(then(&at(99)));
    assert!(!then(&at(100)));
}

#[test]
fn records_do_not_stay_much_longer_than_they_are_kept() {
    let lines = |seconds: u64| {
        format!(
            "retention 0 100000 20000 5000 1000000
            send 1:0+1 0/0 4000 0 1000000
            @{} kept 0/0 1 0 1:0+1 1000000",
            seconds * 1_000_000_000
        )
    };
    assert!(!has(&lines(125), "log start"));
    assert!(has(&lines(126), "log start"));
    // 126 s old, before and behind a record of 76 s.
    let order = |old: u32, new: u32| {
        let retention = "retention 0 100000 20000 5000 1000000";
        let at = "@126000000000 kept 0/0 1";
        let old_one = format!("{at} {old} 1:0+1 1000000");
        let new_one = format!("{at} {new} 1:1+1 1050000");
        let (first, second) = if old < new {
            (old_one, new_one)
        } else {
            (new_one, old_one)
        };
        has(&format!("{retention}\n{first}\n{second}"), "log start")
    };
    assert!(order(0, 1));
    assert!(!order(1, 0), "it was long on its way");
}

#[test]
fn a_time_is_looked_up_to_the_first_record_at_or_after_it() {
    let begin = "
        send 1:0+2 0/0 4000 0 100
        send 1:2+1 0/0 4000 0 300
        send 1:3+1 0/0 4000 0 200
        ack 1:0+2 0/0 0
        ack 1:2+1 0/0 2
        @9000 ack 1:3+1 0/0 3
    ";
    let end = "
        kept 0/0 1 0 1:0+2 100
        kept 0/0 1 2 1:2+1 300
        kept 0/0 1 3 1:3+1 200
        swept 0/0 1 0 4
    ";
    let asked = |line: &str| has(&format!("{begin}{line}\n{end}"), "timestamp look-up");
    assert!(!asked("list 0/0 1 10000 50 0 100"));
    assert!(!asked("list 0/0 1 10000 150 2 300"));
    assert!(
        asked("list 0/0 1 10000 150 3 200"),
        "an earlier record is late enough"
    );
    assert!(
        asked("list 0/0 1 10000 50 1 100"),
        "an earlier record of the same time"
    );
    assert!(
        asked("list 0/0 1 10000 250 3 200"),
        "the record is too early"
    );
    assert!(asked("list 0/0 1 10000 150 2 299"), "the time is another");
    assert!(asked("list 0/0 1 10000 150 -1 -1"), "there is one");
    assert!(!asked("list 0/0 1 10000 400 -1 -1"));
    assert!(asked("list 0/0 1 10000 400 4 400"), "nobody has it");
    assert!(
        !asked("@9500 list 0/0 1 3000 300 -1 -1"),
        "it may have come later"
    );
}

#[test]
fn replicas_hold_the_same_bytes() {
    let begin =
        "init 1 4000 0\n batch 0/0 1 0 2 4000 0 7\n batch 0/0 1 2 3 4000 0 8\n swept 0/0 1 0 3\n";
    let then = |lines: &str| found(&format!("{begin}{lines}"));
    let same = "batch 0/0 2 0 2 4000 0 7\n batch 0/0 2 2 3 4000 0 8\n swept 0/0 2 0 3";
    assert_eq!(then(same), NOTHING);
    assert_eq!(exercised(&format!("{begin}{same}"), "convergence"), 4);
    assert_eq!(
        then("batch 0/0 2 0 2 4000 0 6\n batch 0/0 2 2 3 4000 0 8\n swept 0/0 2 0 3"),
        ["convergence"]
    );
    assert_eq!(
        then("batch 0/0 2 0 2 4000 0 7\n swept 0/0 2 0 3"),
        ["convergence"]
    );
    // Logs may start and end at different offsets.
    assert_eq!(then("batch 0/0 2 2 3 4000 0 8\n swept 0/0 2 2 3"), NOTHING);
    assert_eq!(then("batch 0/0 2 0 2 4000 0 7\n swept 0/0 2 0 2"), NOTHING);
}
