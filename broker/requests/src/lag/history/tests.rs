//! What samples of a group's lag add up to.
//! How a lag is measured is tested with whole brokers.

use super::*;

const WINDOW: Duration = Duration::from_secs(300);
const STEP_S: u64 = 15;

/// A group that reads one partition.
struct Group {
    history: History,
    samples: u64,
}

impl Group {
    fn new() -> Group {
        Group {
            history: History::default(),
            samples: 0,
        }
    }

    fn sample(&mut self, offset: Offset, lag: Option<i64>) -> LagReport {
        let mut report = report(offset, lag);
        let now = Instant(self.samples * STEP_S * 1_000_000_000);
        self.samples += 1;
        self.history.sample(now, WINDOW, &report, 10);
        self.history.tell(&mut report);
        report
    }

    /// Samples for a time, in which the offset moves by `read` and the end by `written` at each.
    fn run(&mut self, from: (Offset, i64), seconds: u64, read: i64, written: i64) -> LagReport {
        let mut last = LagReport::default();
        for at in 0..=i64::try_from(seconds / STEP_S).unwrap() {
            let lag = from.1 + at * (written - read);
            last = self.sample(from.0 + at * read, Some(lag));
        }
        last
    }
}

fn report(offset: Offset, lag: Option<i64>) -> LagReport {
    let mut report = LagReport::default();
    report.topics.push(GroupTopicMetrics {
        group: "g".to_owned(),
        topic: "t".to_owned(),
        lag_records: lag.unwrap_or(0),
        unknown_partitions: u64::from(lag.is_none()),
        ..GroupTopicMetrics::default()
    });
    report.partitions.push(GroupOffsetMetrics {
        group: "g".to_owned(),
        topic: "t".to_owned(),
        partition: 3,
        offset,
        lag_records: lag,
        unread_since_ms: None,
        lost_records: 0,
        growth_records: None,
        stalled: false,
    });
    report
}

#[test]
fn a_lag_that_grows_through_the_whole_window_is_growing() {
    let mut group = Group::new();
    let early = group.run((0, 0), 285, 10, 30);
    assert_eq!(early.topics[0].growth_records, Some(19 * 20));
    assert!(!early.topics[0].growing, "it is known for less than that");
    let grown = group.sample(200, Some(400));
    assert!(grown.topics[0].growing);
    assert_eq!(grown.topics[0].growth_records, Some(400));
    assert_eq!(grown.partitions[0].growth_records, Some(400));
    assert!(!grown.partitions[0].stalled, "it reads, too slowly");
    // The window goes on: what was before it does not count.
    let later = group.run((210, 420), 300, 10, 30);
    assert_eq!(later.topics[0].growth_records, Some(20 * 20));
}

#[test]
fn a_leap_that_is_worked_off_is_never_growing() {
    let mut group = Group::new();
    group.run((0, 0), 600, 10, 10);
    for at in 0..60 {
        let told = group.sample(400 + at * 100, Some(100_000 - at * 100));
        assert!(!told.topics[0].growing, "{at}");
    }
}

#[test]
fn a_group_that_has_something_to_read_and_does_not_move_is_stalled() {
    let mut group = Group::new();
    group.run((0, 0), 600, 0, 0);
    let told = group.run((0, 1), 285, 0, 5);
    assert!(!told.partitions[0].stalled);
    let told = group.sample(0, Some(96));
    assert!(told.partitions[0].stalled && told.topics[0].stalled_partitions == 1);
    let moved = group.sample(1, Some(95));
    assert!(!moved.partitions[0].stalled && moved.topics[0].stalled_partitions == 0);
    assert!(!group.run((1, 95), 270, 0, 0).partitions[0].stalled);
    assert!(group.sample(1, Some(95)).partitions[0].stalled);
}

#[test]
fn who_moved_since_the_sample_is_not_stalled() {
    let mut group = Group::new();
    assert!(group.run((0, 5), 300, 0, 0).partitions[0].stalled);
    let mut now = report(1, Some(4));
    group.history.tell(&mut now);
    assert!(!now.partitions[0].stalled);
}

#[test]
fn what_is_not_known_neither_grows_nor_stalls() {
    let mut group = Group::new();
    group.run((0, 5), 285, 0, 5);
    group.sample(0, None);
    let told = group.sample(0, Some(500));
    assert!(!told.partitions[0].stalled);
    assert_eq!(told.partitions[0].growth_records, Some(0));
    assert_eq!(told.topics[0].growth_records, Some(490));
}

#[test]
fn no_more_is_remembered_than_is_told_and_nothing_that_is_gone() {
    let mut history = History::default();
    let mut many = LagReport::default();
    for at in 0..50 {
        let mut one = report(0, Some(1));
        one.topics[0].group = format!("g{at:02}");
        one.partitions[0].group = format!("g{at:02}");
        many.topics.append(&mut one.topics);
        many.partitions.append(&mut one.partitions);
    }
    for at in 0..1000 {
        let now = Instant(at * 15_000_000_000);
        history.sample(now, WINDOW, &many, 10);
    }
    assert_eq!(history.groups.len(), 10);
    let samples = history.groups["g00"]["t"].lag.0.len();
    assert_eq!(samples, 21);
    history.sample(Instant(0), WINDOW, &LagReport::default(), 10);
    assert!(history.groups.is_empty());
}
