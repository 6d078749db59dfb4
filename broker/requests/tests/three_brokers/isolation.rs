//! A leader that the others no longer hear.

use std::time::Duration;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{ListOffsetsRequest, TopicName};
use kring_io::BrokerId;

use crate::harness::{Cluster, ids, text};

const NOT_LEADER: i16 = 6;
const TIMED_OUT: i16 = 7;

#[test]
fn an_isolated_leader_commits_nothing_and_says_that_it_does_not_lead() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let old = cluster.leader(BrokerId(0), "t");
    assert_eq!(cluster.produce(old, "t", -1), (0, 0));

    cluster.isolate(old);
    let at_once = cluster.produce(old, "t", -1).0;
    assert_eq!(
        at_once, TIMED_OUT,
        "it cannot know yet, and does not acknowledge"
    );
    cluster.run_for(Duration::from_secs(4));
    assert_eq!(cluster.produce(old, "t", -1).0, NOT_LEADER);
    assert_eq!(cluster.produce(old, "t", 1).0, NOT_LEADER);
    assert_eq!(
        list_latest(&mut cluster, old).0,
        NOT_LEADER,
        "the end that it knows may have been passed"
    );

    let other = ids().into_iter().find(|id| *id != old).unwrap();
    let new = cluster.leader(other, "t");
    assert_ne!(new, old);
    assert_eq!(
        cluster.produce(new, "t", -1),
        (0, 1),
        "what was not committed is gone"
    );

    assert_eq!(list_latest(&mut cluster, new), (0, 2));
    cluster.heal();
    cluster.wait_for_isr(new, "t", 3);
    assert_eq!(cluster.produce(new, "t", -1), (0, 2));
}

/// Error and offset of ListOffsets for the end.
fn list_latest(cluster: &mut Cluster, at: BrokerId) -> (i16, i64) {
    let partition = ListOffsetsPartition::default()
        .with_current_leader_epoch(-1)
        .with_timestamp(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    let answer = cluster.ask(at, 7, &request);
    let partition = &answer.topics[0].partitions[0];
    (partition.error_code, partition.offset)
}
