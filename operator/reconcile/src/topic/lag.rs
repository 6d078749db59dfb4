//! The consumer groups in the status of a Topic: when what the brokers tell of them is worth a write.
//! Which groups are told, and in which order, is the brokers' to say.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kring_admin_api::TopicGroups;
use kring_crds::topic::{ConsumerLag, GroupLag};

/// Numbers alone are written at this pace: a lag changes at every look, and each write goes to the API server's disk and to
/// all who watch.
const NUMBERS_PACE: SignedDuration = SignedDuration::from_mins(5);

/// Brings the status up to what was told, if it was and if that is worth a write.
pub(super) fn refresh(known: &mut Option<ConsumerLag>, told: Option<&TopicGroups>, now: Timestamp) {
    let Some(told) = told else {
        return;
    };
    let fresh = ConsumerLag {
        observed_time: Time(now),
        groups: told.groups.iter().map(group).collect(),
        groups_left_out: count(told.left_out),
    };
    if let Some(known) = known {
        let same = known.groups == fresh.groups && known.groups_left_out == fresh.groups_left_out;
        let recent = now.duration_since(known.observed_time.0) < NUMBERS_PACE;
        if same || recent && needs(known) == needs(&fresh) {
            return;
        }
    }
    *known = Some(fresh).filter(|lag| !lag.groups.is_empty());
}

/// Who is there and needs what help.
fn needs(lag: &ConsumerLag) -> BTreeSet<(&str, [bool; 3])> {
    let each = lag.groups.iter().map(|of| {
        let needs = [of.growing, of.stalled_partitions > 0, of.lost_records > 0];
        (of.group.as_str(), needs)
    });
    each.collect()
}

fn group(told: &kring_admin_api::GroupLag) -> GroupLag {
    GroupLag {
        group: told.group.clone(),
        lag_records: told.lag_records,
        lag_seconds: told.lag_s,
        growth_records: told.growth_records,
        growing: told.growing,
        stalled_partitions: count(told.stalled_partitions),
        lost_records: told.lost_records,
    }
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lag_records: i64, growing: bool) -> TopicGroups {
        TopicGroups {
            groups: vec![kring_admin_api::GroupLag {
                group: "g".to_owned(),
                lag_records,
                growing,
                ..kring_admin_api::GroupLag::default()
            }],
            left_out: 0,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn numbers_wait_for_their_time_and_what_needs_help_does_not() {
        let mut status = None;
        refresh(&mut status, None, at(0));
        refresh(&mut status, Some(&TopicGroups::default()), at(0));
        assert_eq!(status, None, "nobody reads the topic");
        refresh(&mut status, Some(&told(5, false)), at(0));
        let lag = |status: &Option<ConsumerLag>| status.as_ref().unwrap().groups[0].lag_records;
        assert_eq!(lag(&status), 5);
        refresh(&mut status, Some(&told(6, false)), at(299));
        assert_eq!(lag(&status), 5);
        refresh(&mut status, Some(&told(7, true)), at(299));
        assert_eq!(lag(&status), 7, "it began to grow");
        refresh(&mut status, Some(&told(8, true)), at(598));
        assert_eq!(lag(&status), 7);
        refresh(&mut status, Some(&told(9, true)), at(599));
        assert_eq!(lag(&status), 9);
        let before = status.clone();
        refresh(&mut status, Some(&told(9, true)), at(9_999));
        assert_eq!(status, before, "equal numbers are an equal status");
        refresh(&mut status, None, at(9_999));
        assert_eq!(status, before, "no broker answered");
        refresh(&mut status, Some(&TopicGroups::default()), at(10_000));
        assert_eq!(status, None);
    }
}
