//! A disk without room: producers are refused, everybody else is served, and space is all it takes.

use std::time::Duration;

use kafka_protocol::messages::ProduceRequest;
use kring_io::BrokerId;

use crate::harness::{Cluster, ids};

const STORAGE_ERROR: i16 = 56;

#[test]
fn a_full_disk_refuses_produce_serves_fetch_and_resumes_alone() {
    let mut cluster = Cluster::configured(|config| {
        config.log.segment_flush_bytes = 4 << 10;
        config.log.segment_flush_interval_ms = 100;
        config.log.tail_cache_bytes = 64 << 10;
        config.log.journal_file_bytes = 2 << 20;
        config.log.commit_group_bytes_max = 128 << 10;
        config.log.state_value_bytes_max = 512 << 10;
    });
    cluster.create("t", 1);
    let leader = cluster.leader(BrokerId(0), "t");
    assert_eq!(cluster.produce(leader, "t", -1), (0, 0));
    cluster.run_for(Duration::from_secs(3));
    let paths = cluster.disk(leader).paths();
    let content = |path: &String| cluster.disk(leader).content(path).map_or(0, <[u8]>::len);
    let used: usize = paths.iter().map(content).sum();
    cluster.disk(leader).set_capacity(used as u64 + 50_000);

    let value = vec![b'x'; 1_500];
    let mut acknowledged = 1;
    let mut refused = 0;
    for _ in 0..400 {
        let sent = cluster.send_value(leader, "t", -1, &value);
        let answer = cluster.receive::<ProduceRequest>(9, sent);
        let row = &answer.responses[0].partition_responses[0];
        match row.error_code {
            0 => acknowledged = row.base_offset + 1,
            STORAGE_ERROR => {
                refused += 1;
                if refused == 5 {
                    break;
                }
            }
            other => panic!("{other}"),
        }
        cluster.run_for(Duration::from_millis(30));
    }
    assert_eq!(refused, 5);
    assert!(cluster.broker(leader).metrics().log.disk_full);
    let found = cluster.fetch_all(leader, "t").unwrap();
    assert_eq!(found.len() as i64, acknowledged);

    // It stays so, and nobody is fenced for it.
    cluster.run_for(Duration::from_secs(20));
    assert!(cluster.is_ready(leader));
    assert_eq!(cluster.leader(leader, "t"), leader);
    assert_eq!(cluster.partitions(leader, "t")[0].isr_nodes.len(), 3);
    let found = cluster.fetch_all(leader, "t").unwrap();
    assert_eq!(found.len() as i64, acknowledged);

    cluster.disk(leader).set_capacity(u64::MAX);
    cluster.run_for(Duration::from_secs(3));
    assert_eq!(cluster.produce(leader, "t", -1), (0, acknowledged));
    assert!(!cluster.broker(leader).metrics().log.disk_full);
    for id in ids() {
        assert!(cluster.is_ready(id));
    }
}
