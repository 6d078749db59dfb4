//! `range`: of each topic every reader gets a contiguous range, so that partitions of the same number meet at one member.
//! It moves more than it must when members come and go; `uniform` does not.

use std::collections::BTreeMap;

use super::{PartitionCounts, Subscribers};
use crate::consumer::partitions::Assignment;

pub(super) fn assign(
    members: &Subscribers<'_>,
    topics: &PartitionCounts,
) -> BTreeMap<String, Assignment> {
    let mut assigned: BTreeMap<String, Assignment> = members
        .keys()
        .map(|member| ((*member).to_owned(), Assignment::new()))
        .collect();
    // Static members first and by their names: a restart under another id changes nothing.
    let mut order: Vec<_> = members.iter().collect();
    order.sort_by_key(|(id, member)| (member.instance.is_none(), member.instance, **id));
    for (topic, count) in topics {
        let readers: Vec<&str> = order
            .iter()
            .filter(|(_, member)| member.topics.contains(topic))
            .map(|(id, _)| **id)
            .collect();
        let Ok(readers_count) = i32::try_from(readers.len()) else {
            continue;
        };
        if readers_count == 0 {
            continue;
        }
        let (each, more) = (count / readers_count, count % readers_count);
        let mut next = 0;
        for (place, reader) in (0..).zip(readers) {
            let end = next + each + i32::from(place < more);
            if next < end
                && let Some(assignment) = assigned.get_mut(reader)
            {
                assignment.insert(*topic, (next..end).collect());
            }
            next = end;
        }
    }
    assigned
}
