//! Properties 15 and 19: metadata, and everything well after the faults.
//! No broker takes part.

use super::{exercised, found};

const NOTHING: [&str; 0] = [];

const CREATED: &str = "@2000 change topic/a 1000 % there done\n";

fn after_creation(lines: &str) -> Vec<&'static str> {
    found(&format!("{CREATED}{lines}"))
}

#[test]
fn a_change_is_seen_by_whoever_asks_after_its_answer() {
    assert_eq!(
        after_creation("@4000 read topic/a 0 3000 there true"),
        NOTHING
    );
    assert_eq!(
        after_creation("@4000 read topic/a 0 3000 % true"),
        ["metadata"]
    );
    // Beside the change both are right; elsewhere it is another register.
    assert_eq!(after_creation("@4000 read topic/a 0 1500 % true"), NOTHING);
    assert_eq!(after_creation("@4000 read topic/b 0 3000 % true"), NOTHING);
    let lines = format!("{CREATED}@4000 read topic/a 0 3000 there true");
    assert_eq!(exercised(&lines, "metadata"), 2);
}

#[test]
fn a_topic_is_created_once_unless_it_is_deleted() {
    assert_eq!(
        after_creation("@4000 change topic/a 3000 % there done"),
        ["metadata"]
    );
    let deleted = "@4000 change topic/a 3000 there % done\n @6000 change topic/a 5000 % there done";
    assert_eq!(after_creation(deleted), NOTHING);
}

#[test]
fn a_change_without_an_answer_is_made_at_any_time_or_never() {
    let unknown = "@4000 change topic/a 3000 there % unknown\n";
    for value in ["%", "there"] {
        let read = format!("{unknown}@6000 read topic/a 0 5000 {value} true");
        assert_eq!(after_creation(&read), NOTHING);
    }
    // Once it was seen it stays.
    let back =
        format!("{unknown}@6000 read topic/a 0 5000 % true\n @8000 read topic/a 0 7000 there true");
    assert_eq!(after_creation(&back), ["metadata"]);
    // What was refused is never seen.
    let refused = "@4000 change topic/a 3000 there % refused\n @6000 read topic/a 0 5000 % true";
    assert_eq!(after_creation(refused), ["metadata"]);
}

#[test]
fn an_image_may_be_old_but_not_invented_and_not_after_convergence() {
    assert_eq!(after_creation("@4000 read topic/a 0 3000 % false"), NOTHING);
    assert_eq!(
        after_creation("@4000 read topic/a 0 3000 other false"),
        ["metadata"]
    );
    assert_eq!(
        after_creation("@2500 mark converged\n @1200000000 read topic/a 0 1100000000 % false"),
        ["metadata"]
    );
    // Nor is it seen before anybody asked for it.
    assert_eq!(
        found("@500 read topic/a 0 400 there false\n @2000 change topic/a 1000 * there done"),
        ["metadata"]
    );
}

#[test]
fn a_long_register_history_is_decided() {
    let mut lines = String::new();
    for change in 0..300_u64 {
        let (begin, end) = (change * 1_000, change * 1_000 + 1_500);
        lines += &format!("@{end} change config/a {begin} * {change} done\n");
    }
    assert_eq!(found(&lines), NOTHING);
    // The last two overlap: either may be the last, but none before them.
    let read = |value: u64| {
        found(&format!(
            "{lines}@400000 read config/a 0 399000 {value} true"
        ))
    };
    assert_eq!(read(299), NOTHING);
    assert_eq!(read(298), NOTHING);
    assert_eq!(read(297), ["metadata"]);
}

#[test]
fn many_changes_without_an_answer_are_decided() {
    let mut lines = String::new();
    for change in 0..200_u64 {
        let at = change * 1_000;
        lines += &format!(
            "@{} change config/a {at} * unsure{change} unknown\n",
            at + 1
        );
        lines += &format!("@{} change config/a {at} * {change} done\n", at + 500);
    }
    let reads = |values: &[&str]| {
        let reads = values.iter().enumerate().map(|(number, value)| {
            let at = 400_000 + number * 1_000;
            format!("@{} read config/a 0 {at} {value} true\n", at + 500)
        });
        found(&format!("{lines}{}", reads.collect::<String>()))
    };
    assert_eq!(
        reads(&["unsure5", "unsure7", "unsure7", "unsure3"]),
        NOTHING
    );
    // Each takes effect once, and none that was answered comes back.
    assert_eq!(reads(&["unsure5", "unsure7", "unsure5"]), ["metadata"]);
    assert_eq!(reads(&["unsure5", "199"]), ["metadata"]);
}

const SECOND: u64 = 1_000_000_000;

fn healed(lines: &str) -> Vec<&'static str> {
    let mut found = found(&format!("mark faults\n @{SECOND} mark healed\n {lines}"));
    found.retain(|check| *check == "liveness");
    found
}

#[test]
fn a_cluster_converges_within_half_a_minute() {
    assert_eq!(healed(&format!("@{} mark whole", 31 * SECOND)), NOTHING);
    assert_eq!(
        healed(&format!("@{} mark whole", 32 * SECOND)),
        ["liveness"]
    );
    assert_eq!(healed(""), ["liveness"]);
}

#[test]
fn what_is_sent_after_the_faults_is_acknowledged() {
    let lines = |line: &str| {
        healed(&format!(
            "@{} send 1:0+1 0/0 4000 0 0
            @{} mark whole
            {line}
            @{} mark whole",
            2 * SECOND,
            3 * SECOND,
            40 * SECOND
        ))
    };
    assert_eq!(lines(&format!("@{} ack 1:0+1 0/0 0", 30 * SECOND)), NOTHING);
    assert_eq!(
        lines(&format!("@{} ack 1:0+1 0/0 0", 39 * SECOND)),
        ["liveness"]
    );
    assert_eq!(lines(""), ["liveness"]);
}

#[test]
fn what_is_given_up_behind_a_batch_of_before_the_faults_ended_is_excused() {
    let lines = |between: &str, given_up_at: u64| {
        found(&format!(
            "mark faults
            send 1:0+1 0/0 4000 0 0
            @{SECOND} mark healed
            send 1:1+1 0/0 4000 0 1
            {between}
            @{} mark whole
            @{} unsure 1:0+1 0/0
            @{given_up_at} unsure 1:1+1 0/0
            @{} mark whole",
            2 * SECOND,
            3 * SECOND,
            40 * SECOND
        ))
    };
    assert_eq!(lines("", 3 * SECOND), NOTHING);
    assert_eq!(lines("", 4 * SECOND), ["liveness"]);
    assert_eq!(lines("send 2:0+1 0/0 4001 0 0", 3 * SECOND), ["liveness"]);
}

#[test]
fn groups_catch_up_after_the_faults() {
    let lines = |lag: u64| {
        healed(&format!(
            "mark whole\n @{} lag 0 0/0 1 0 7\n @{} lag 0 0/0 1 0 {lag}",
            2 * SECOND,
            3 * SECOND
        ))
    };
    assert_eq!(lines(0), NOTHING);
    assert_eq!(lines(1), ["liveness"]);
}
