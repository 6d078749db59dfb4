//! How far consumer groups are behind on a topic.
//! How that is measured is the broker's to know.

use serde::{Deserialize, Serialize};

/// A group that has committed offsets of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLag {
    /// Its id.
    pub group: String,
    /// Committed records it has not read, in all partitions.
    pub lag_records: i64,
    /// About how long the first of these has been waiting, in seconds.
    pub lag_s: i64,
    /// By how many records the lag grew within the broker's window, five minutes unless
    /// `kring.metrics.group.window.ms` says otherwise.
    pub growth_records: i64,
    /// The lag grew through the whole window.
    pub growing: bool,
    /// Partitions with something to read whose committed offset did not move in the whole window.
    pub stalled_partitions: u64,
    /// Records that were removed before it read them.
    pub lost_records: i64,
}

/// The groups of a topic, worst first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicGroups {
    /// At most [`TopicGroups::MAX`].
    pub groups: Vec<GroupLag>,
    /// How many more there are.
    pub left_out: u64,
}

impl TopicGroups {
    /// How many groups are told.
    pub const MAX: usize = 20;

    /// Adds groups, and leaves out those that are least in need of help.
    pub fn add(&mut self, more: TopicGroups) {
        self.groups.extend(more.groups);
        self.groups.sort_by(|a, b| {
            let need = |g: &GroupLag| {
                let flags = (g.lost_records > 0, g.stalled_partitions > 0, g.growing);
                (flags, g.lag_records)
            };
            need(b).cmp(&need(a)).then_with(|| a.group.cmp(&b.group))
        });
        let left_out = self.groups.len().saturating_sub(TopicGroups::MAX);
        self.groups.truncate(TopicGroups::MAX);
        self.left_out += more.left_out + left_out as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_needs_help_comes_first_and_who_is_left_out_is_counted() {
        let group = |group: &str, lag_records| GroupLag {
            group: group.to_owned(),
            lag_records,
            ..GroupLag::default()
        };
        let growing = GroupLag {
            growing: true,
            ..group("growing", 5)
        };
        let stalled = GroupLag {
            stalled_partitions: 1,
            ..group("stalled", 3)
        };
        let loses = GroupLag {
            lost_records: 1,
            ..group("loses", 1)
        };
        let mut all = TopicGroups::default();
        all.add(TopicGroups {
            groups: vec![group("far", 1_000), group("b", 7), growing],
            left_out: 2,
        });
        all.add(TopicGroups {
            groups: vec![group("a", 7), loses, stalled],
            left_out: 0,
        });
        let order: Vec<&str> = all.groups.iter().map(|g| g.group.as_str()).collect();
        assert_eq!(order, ["loses", "stalled", "growing", "far", "a", "b"]);
        assert_eq!(all.left_out, 2);
        all.add(TopicGroups {
            groups: (0..20).map(|n| group(&format!("n{n}"), 2_000)).collect(),
            left_out: 0,
        });
        assert_eq!((all.groups.len(), all.left_out), (TopicGroups::MAX, 8));
        assert_eq!(all.groups[2].group, "growing");
    }
}
