//! Properties 12 and 17: what groups commit, who owns what, and how far they lag.
//! No broker takes part.

use super::{exercised, found};

const NOTHING: [&str; 0] = [];

/// A member that committed 5 and then 9.
const COMMITTED: &str = "
    @1000 commit 1 0 1 0/0 5
    @2000 committed 1 0 1 0/0 5 done
    @3000 commit 1 0 1 0/0 9
    @4000 committed 1 0 1 0/0 9 done
";

fn after_commits(line: &str) -> Vec<&'static str> {
    found(&format!("{COMMITTED}{line}"))
}

#[test]
fn the_last_commit_is_given_back() {
    assert_eq!(after_commits("@6000 offset 2 0 0/0 5000 9"), NOTHING);
    assert_eq!(
        after_commits("@6000 offset 2 0 0/0 5000 5"),
        ["committed offset"]
    );
    assert_eq!(
        after_commits("@6000 offset 2 0 0/0 5000 -1"),
        ["committed offset"]
    );
    assert_eq!(
        after_commits("@6000 offset 2 0 0/0 5000 12"),
        ["committed offset"]
    );
    let lines = format!("{COMMITTED}@6000 offset 2 0 0/0 5000 9");
    assert_eq!(exercised(&lines, "committed offset"), 1);
}

#[test]
fn a_read_beside_a_commit_may_see_either() {
    assert_eq!(after_commits("@6000 offset 2 0 0/0 3500 5"), NOTHING);
    assert_eq!(after_commits("@6000 offset 2 0 0/0 3500 9"), NOTHING);
    assert_eq!(
        after_commits("@6000 offset 2 0 0/0 3500 -1"),
        ["committed offset"]
    );
    assert_eq!(found("offset 2 0 0/0 0 -1"), NOTHING);
}

#[test]
fn a_commit_without_an_answer_may_take_effect_at_any_time() {
    let unknown = "@4500 commit 1 0 1 0/0 12\n @4600 committed 1 0 1 0/0 12 unknown\n";
    for offset in [9, 12] {
        let read = format!("{unknown}@6000 offset 2 0 0/0 5000 {offset}");
        assert_eq!(after_commits(&read), NOTHING);
    }
    // The same without a word of its end.
    let open = "@4500 commit 1 0 1 0/0 12\n @6000 offset 2 0 0/0 5000 12";
    assert_eq!(after_commits(open), NOTHING);
    let refused = "@4500 commit 1 0 1 0/0 12\n @4600 committed 1 0 1 0/0 12 refused\n @6000 offset 2 0 0/0 5000 12";
    assert_eq!(after_commits(refused), ["committed offset"]);
}

#[test]
fn a_member_of_an_earlier_generation_commits_nothing() {
    let lines = "
        @1000 sync 2 0 2 500
        @2000 commit 1 0 1 0/0 5
        @3000 committed 1 0 1 0/0 5 done
    ";
    assert_eq!(found(lines), ["committed offset"]);
    // It asked before the new generation had begun.
    let before = "
        @500 commit 1 0 1 0/0 5
        @1000 sync 2 0 2 500
        @3000 committed 1 0 1 0/0 5 done
    ";
    assert_eq!(found(before), NOTHING);
    let another_group = "
        @1000 sync 2 1 2 500
        @2000 commit 1 0 1 0/0 5
        @3000 committed 1 0 1 0/0 5 done
    ";
    assert_eq!(found(another_group), NOTHING);
}

#[test]
fn a_partition_has_one_owner_in_a_generation() {
    assert_eq!(found("own 1 0 3 0/0\n own 2 0 3 0/0"), ["group ownership"]);
    for legal in [
        "own 1 0 3 0/0\n own 2 0 4 0/0",
        "own 1 0 3 0/0\n own 2 0 3 0/1",
        "own 1 0 3 0/0\n own 2 1 3 0/0",
        "own 1 0 3 0/0\n own 1 0 3 0/0",
        "own 1 0 3 0/0\n revoke 1 0 3 0/0\n own 2 0 3 0/0",
    ] {
        assert_eq!(found(legal), NOTHING);
    }
}

#[test]
fn generations_do_not_go_back() {
    assert_eq!(
        found("@1000 sync 1 0 5 500\n @3000 join 2 0 4 2000"),
        ["group ownership"]
    );
    assert_eq!(
        found("@1000 sync 1 0 5 500\n @3000 join 2 0 4 999"),
        NOTHING
    );
    // Nobody was given anything in a generation that only was joined.
    assert_eq!(
        found("@1000 join 1 0 5 500\n @3000 join 2 0 4 2000"),
        NOTHING
    );
}

#[test]
fn a_lag_is_the_end_less_the_committed_offset() {
    let second = 1_000_000_000_u64;
    let lag = |lag: i64, at: u64| {
        let at = at * second;
        found(&format!(
            "mark converged
            send 1:0+20 0/0 4000 0 0
            ack 1:0+20 0/0 0
            commit 1 0 1 0/0 5
            committed 1 0 1 0/0 5 done
            @{second} list 0/0 1 {second} latest 20 -1
            @{at} lag 0 0/0 1 {at} {lag}
            swept 0/0 1 0 0"
        ))
    };
    let wrong = |found: Vec<&str>| found.contains(&"lag truth");
    assert!(!wrong(lag(15, 9)));
    assert!(wrong(lag(14, 9)));
    assert!(wrong(lag(16, 9)));
    // Just after the change the metric may not know it.
    assert!(!wrong(lag(0, 2)));
}
