//! What assignors promise: everything once, evenly, with as little movement as can be, and the same for the same.
//! How members get to their assignments is tested elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use kring_wire::TopicId;
use proptest::prelude::*;

use super::{PartitionCounts, Subscriber, Subscribers, assign};
use crate::consumer::partitions::Assignment;

type Assignments = BTreeMap<String, Assignment>;
/// Member → topics by number.
type Subscriptions = BTreeMap<String, BTreeSet<u8>>;

fn topic(number: u8) -> TopicId {
    TopicId([number + 1; 16])
}

fn run(
    assignor: &str,
    subscriptions: &Subscriptions,
    counts: &[i32],
    before: &Assignments,
) -> Assignments {
    let members: Subscribers<'_> = subscriptions
        .iter()
        .map(|(id, topics)| {
            let exist = topics.iter().filter(|t| usize::from(**t) < counts.len());
            let member = Subscriber {
                instance: None,
                topics: exist.map(|t| topic(*t)).collect(),
                before: before.get(id),
            };
            (id.as_str(), member)
        })
        .collect();
    assign(assignor, &members, &topics(counts))
}

fn topics(counts: &[i32]) -> PartitionCounts {
    (0..).map(topic).zip(counts.iter().copied()).collect()
}

fn load(assignment: &Assignment) -> usize {
    assignment.values().map(BTreeSet::len).sum()
}

/// Everything that somebody reads is assigned once, to somebody who reads it.
fn check_complete(subscriptions: &Subscriptions, counts: &[i32], assigned: &Assignments) {
    assert!(assigned.keys().eq(subscriptions.keys()));
    let mut seen = BTreeSet::new();
    for (member, assignment) in assigned {
        for (id, partitions) in assignment {
            assert!(!partitions.is_empty());
            let number = id.0[0] - 1;
            assert!(subscriptions[member].contains(&number), "{member} {number}");
            for partition in partitions {
                assert!(seen.insert((number, *partition)), "assigned twice");
            }
        }
    }
    let read: BTreeSet<u8> = subscriptions.values().flatten().copied().collect();
    let all = (0u8..).zip(counts).filter(|(t, _)| read.contains(t));
    let all: BTreeSet<(u8, i32)> = all
        .flat_map(|(t, n)| (0..*n).map(move |p| (t, p)))
        .collect();
    assert_eq!(seen, all);
}

fn kept(before: &Assignment, after: &Assignment) -> usize {
    let pairs = before
        .iter()
        .flat_map(|(t, ps)| ps.iter().map(move |p| (t, p)));
    pairs
        .filter(|(t, p)| after.get(t).is_some_and(|ps| ps.contains(p)))
        .count()
}

fn alike(members: usize, topics: usize) -> Subscriptions {
    let topics: BTreeSet<u8> = (0..topics as u8).collect();
    (0..members)
        .map(|m| (format!("m{m:02}"), topics.clone()))
        .collect()
}

fn counts() -> impl Strategy<Value = Vec<i32>> {
    proptest::collection::vec(0..12i32, 1..5)
}

fn unlike() -> impl Strategy<Value = Subscriptions> {
    let member = proptest::collection::btree_set(0..5u8, 0..5);
    proptest::collection::btree_map("[a-h]", member, 1..7)
}

proptest! {
    #[test]
    fn whoever_reads_what_all_is_assigned_once_and_always_the_same(
        first in unlike(), second in unlike(), counts in counts(),
    ) {
        for assignor in super::ASSIGNORS {
            let before = run(assignor, &first, &counts, &Assignments::new());
            check_complete(&first, &counts, &before);
            let after = run(assignor, &second, &counts, &before);
            check_complete(&second, &counts, &after);
            prop_assert_eq!(&after, &run(assignor, &second, &counts, &before));
            // Who is asked again for the same changes nothing.
            prop_assert_eq!(&after, &run(assignor, &second, &counts, &after));
        }
    }

    #[test]
    fn uniform_leaves_no_single_move_that_would_make_unlike_readers_more_alike(
        first in unlike(), second in unlike(), counts in counts(),
    ) {
        let before = run("uniform", &first, &counts, &Assignments::new());
        let after = run("uniform", &second, &counts, &before);
        for (from, assignment) in &after {
            for id in assignment.keys() {
                for (to, topics) in &second {
                    let reads = topics.contains(&(id.0[0] - 1));
                    prop_assert!(!reads || load(&after[to]) + 2 > load(assignment), "{from} {to}");
                }
            }
        }
    }

    #[test]
    fn uniform_is_balanced_within_one_and_moves_only_what_must_move(
        members in 1..9usize, gone in 0..9usize, counts in counts(),
    ) {
        let mut subscriptions = alike(members, counts.len());
        let before = run("uniform", &subscriptions, &counts, &Assignments::new());
        let loads = |assigned: &Assignments| {
            let loads: Vec<usize> = assigned.values().map(load).collect();
            (*loads.iter().min().unwrap(), *loads.iter().max().unwrap())
        };
        let (least, most) = loads(&before);
        prop_assert!(most - least <= 1);

        // One joins: it alone gets what others had.
        let mut more = subscriptions.clone();
        more.insert("new".to_owned(), subscriptions["m00"].clone());
        let after = run("uniform", &more, &counts, &before);
        check_complete(&more, &counts, &after);
        let (least, most) = loads(&after);
        prop_assert!(most - least <= 1);
        let stayed: usize = before.iter().map(|(m, a)| kept(a, &after[m])).sum();
        let all: i32 = counts.iter().sum();
        prop_assert_eq!(stayed + load(&after["new"]), all as usize);

        // One leaves: the others keep all.
        if members > 1 {
            let left = format!("m{:02}", gone % members);
            subscriptions.remove(&left);
            let after = run("uniform", &subscriptions, &counts, &before);
            check_complete(&subscriptions, &counts, &after);
            let (least, most) = loads(&after);
            prop_assert!(most - least <= 1);
            for (member, assignment) in before.iter().filter(|(m, _)| **m != left) {
                prop_assert_eq!(kept(assignment, &after[member]), load(assignment));
            }
        }
    }

    #[test]
    fn uniform_adds_new_partitions_without_moving_others(
        members in 1..9usize, counts in counts(), more in 0..9i32,
    ) {
        let subscriptions = alike(members, counts.len());
        let before = run("uniform", &subscriptions, &counts, &Assignments::new());
        let mut grown = counts.clone();
        grown[0] += more;
        let after = run("uniform", &subscriptions, &grown, &before);
        check_complete(&subscriptions, &grown, &after);
        for (member, assignment) in &before {
            prop_assert_eq!(kept(assignment, &after[member]), load(assignment));
        }
    }
}

#[test]
fn range_gives_each_reader_a_range_and_the_same_numbers_of_equal_topics() {
    let subscriptions = alike(3, 2);
    let assigned = run("range", &subscriptions, &[7, 7], &Assignments::new());
    let of = |member: &str, number| -> Vec<i32> {
        assigned[member][&topic(number)].iter().copied().collect()
    };
    for number in [0, 1] {
        assert_eq!(of("m00", number), [0, 1, 2]);
        assert_eq!(of("m01", number), [3, 4]);
        assert_eq!(of("m02", number), [5, 6]);
    }
}

#[test]
fn range_places_static_members_by_their_names_before_the_others() {
    let both: BTreeSet<TopicId> = [topic(0)].into();
    let member = |instance| Subscriber {
        instance,
        topics: both.clone(),
        before: None,
    };
    let members = [
        ("a", member(None)),
        ("b", member(Some("z"))),
        ("c", member(Some("y"))),
    ];
    let assigned = assign("range", &members.into(), &topics(&[3]));
    let of = |m: &str| assigned[m][&topic(0)].iter().copied().collect::<Vec<i32>>();
    assert_eq!((of("c"), of("b"), of("a")), (vec![0], vec![1], vec![2]));
}
