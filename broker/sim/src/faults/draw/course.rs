//! Courses: several faults that make one moment, in which a bug shows that one fault alone seldom meets.
//! They are drawn as single faults are, and the budget counts each of their faults.

use kring_io::BrokerId;
use kring_io_sim::OpClass;

use super::{Chance, Fault, FileClass, For};

impl Chance<'_> {
    /// A choice as faults, each with the milliseconds after which it comes, in order.
    pub(super) fn course(&mut self, name: &str) -> Vec<(u64, Fault)> {
        match name {
            "errors-then-blackout" => self.errors_then_blackout(),
            "hung-then-blackout" => self.hung_then_blackout(),
            "slow-leaders" => self.slow_leaders(),
            "late-joiner" => self.late_joiner(),
            "forgotten-vote" => self.forgotten_vote(),
            "forgotten-log" => self.forgotten_log(),
            "power-loss-in-checkpoint" => self.power_loss_in_checkpoint(),
            name => vec![(0, self.fault(name))],
        }
    }

    /// Every disk fails the next write or sync, and soon all lose power: what was acknowledged in
    /// spite of the error is then nowhere.
    fn errors_then_blackout(&mut self) -> Vec<(u64, Fault)> {
        use FileClass::{Checkpoint, Journal, Segment};
        let (op, class) = self.pick(&[
            (OpClass::Write, Journal),
            (OpClass::Write, Journal),
            (OpClass::Sync, Segment),
            (OpClass::Sync, Checkpoint),
        ]);
        let times = 1 + self.below(3);
        let error = |broker: &BrokerId| Fault::DiskError {
            broker: *broker,
            op,
            class,
            times,
        };
        let mut course: Vec<(u64, Fault)> = self.brokers.iter().map(|b| (0, error(b))).collect();
        let after_ms = 1 + self.below(1_500);
        course.push((after_ms, Fault::PowerLoss(self.all())));
        course
    }

    /// Two disks hang, then all lose power, and the third comes back last: what the two said they had
    /// must be there.
    fn hung_then_blackout(&mut self) -> Vec<(u64, Fault)> {
        let (one, other) = self.two();
        let hung = |broker| Fault::HungDisk(For { broker, ms: 5_000 });
        let after_ms = 100 + self.below(2_500);
        let mut down = self.all();
        for of in &mut down {
            of.ms = if of.broker == one || of.broker == other {
                100
            } else {
                5_000
            };
        }
        vec![
            (0, hung(one)),
            (0, hung(other)),
            (after_ms, Fault::PowerLoss(down)),
        ]
    }

    /// Leaders change again and again while every message and every write takes long, so that answers
    /// to one, and reports of what was written for it, arrive in the time of the next.
    fn slow_leaders(&mut self) -> Vec<(u64, Fault)> {
        let factor = 50 + self.below(300);
        let spike = Fault::DelaySpike { ms: 8_000, factor };
        let mut course = self.everywhere(Fault::SlowDisk);
        course.push((0, spike));
        let mut after_ms = 0;
        for _ in 0..2 + self.below(3) {
            after_ms += 200 + self.below(2_000);
            let of = self.one(20, 500);
            let fault = match self.below(3) {
                0 => Fault::Kill(vec![of]),
                _ => Fault::Restart(of),
            };
            course.push((after_ms, fault));
        }
        course
    }

    /// The beginning of a course: every broker's disk is slow for eight seconds.
    fn everywhere(&self, slow: fn(For) -> Fault) -> Vec<(u64, Fault)> {
        let of = |broker: &BrokerId| For {
            broker: *broker,
            ms: 8_000,
        };
        let brokers = self.brokers.iter();
        brokers.map(|broker| (0, slow(of(broker)))).collect()
    }

    /// Syncs take seconds and the journal goes on, so that much of it is written while a checkpoint is
    /// not durable yet; then the power is lost, and what the checkpoint before begins with must be there.
    fn power_loss_in_checkpoint(&mut self) -> Vec<(u64, Fault)> {
        let mut course = self.everywhere(Fault::SlowSyncs);
        let after_ms = 1_500 + self.below(6_000);
        let lost = match self.below(2) {
            0 => self.all(),
            _ => vec![self.one(100, 2_000)],
        };
        course.push((after_ms, Fault::PowerLoss(lost)));
        course
    }

    /// All are apart until no leader is left; then one whose disk hangs is the only one that two others
    /// reach, and loses power when it may have voted for one of them. It comes back where only the
    /// other reaches it.
    fn forgotten_vote(&mut self) -> Vec<(u64, Fault)> {
        let (one, other) = self.two();
        let third = self.brokers.iter().find(|b| **b != one && **b != other);
        let broker = *third.unwrap_or(&one);
        let joined = 3_000 + self.below(2_000);
        let lost = joined + 50 + self.below(1_500);
        let down = For {
            broker,
            ms: 20 + self.below(200),
        };
        vec![
            (0, Fault::SplitAll),
            (joined, Fault::HungDisk(For { broker, ms: 5_000 })),
            (joined, Fault::Heal),
            (joined, Fault::Bridge { one, other }),
            (lost, Fault::Isolate(one)),
            (lost, Fault::PowerLoss(vec![down])),
            (lost + 3_000 + self.below(2_000), Fault::Heal),
        ]
    }

    /// Two commit without the third; then one of the two comes back with an empty disk where only the
    /// third reaches it. Together they are a majority that has none of what was committed.
    fn forgotten_log(&mut self) -> Vec<(u64, Fault)> {
        let (away, behind) = self.two();
        let other = self.brokers.iter().find(|b| **b != away && **b != behind);
        let empty = For {
            broker: *other.unwrap_or(&away),
            ms: 100 + self.below(300),
        };
        let lost = 3_500 + self.below(3_000);
        vec![
            (0, Fault::Isolate(behind)),
            (lost, Fault::Heal),
            (lost, Fault::Isolate(away)),
            (lost, Fault::ReplaceDisk(empty)),
            (lost + 4_000 + self.below(2_000), Fault::Heal),
        ]
    }

    /// A broker that was away has caught up, but word of that is held up until it comes back with an
    /// empty disk.
    fn late_joiner(&mut self) -> Vec<(u64, Fault)> {
        let joiner = self.victim();
        let at = self.brokers.iter().position(|b| *b == joiner).unwrap_or(0);
        let step = 1 + self.below(2) as usize;
        let from = self.brokers[(at + step) % self.brokers.len()];
        let to = self.brokers[(at + 3 - step) % self.brokers.len()];
        let heard = 3_500 + self.below(2_000);
        let cut = heard + self.below(400);
        let lost = cut + 1 + self.below(300);
        let healed = lost + 300 + self.below(1_000);
        let empty = For {
            broker: joiner,
            ms: 100 + self.below(300),
        };
        vec![
            (0, Fault::Isolate(joiner)),
            (heard, Fault::Heal),
            (cut, Fault::Deafen { from, to }),
            (lost, Fault::ReplaceDisk(empty)),
            (healed, Fault::Heal),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kring_io::Instant;

    use super::super::{Menu, Pace, plan};
    use super::*;

    #[test]
    fn a_course_comes_in_order_and_within_the_time() {
        let brokers: Vec<BrokerId> = (0..3).map(BrokerId).collect();
        let (from, until) = (Instant(0), Instant(0) + Duration::from_secs(60));
        for name in [
            "errors-then-blackout",
            "hung-then-blackout",
            "slow-leaders",
            "late-joiner",
            "power-loss-in-checkpoint",
            "forgotten-vote",
            "forgotten-log",
        ] {
            let menu = Menu::of(&[name.to_owned()]).unwrap();
            for seed in 0..50 {
                let plan = plan(seed, &brokers, from, until, Pace::STORM, &menu);
                assert!(plan.len() > 1, "{name}");
                assert!(plan.is_sorted_by_key(|(at, _)| *at), "{name}");
                assert!(plan.iter().all(|(at, _)| *at < until), "{name}");
            }
        }
    }
}
