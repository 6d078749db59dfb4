//! What is measured, a row each, and the floors that a row must keep.
//! It runs nothing.

use kring_wire::Compression;

use crate::batch::BatchShape;
use crate::broker::Kind;
use crate::compare::Extent;
use crate::foreign::{Client, Foreign, Side};
use crate::group::Grouping;
use crate::metric::Metric;
use crate::produce::Producing;
use crate::stand::Standing;
use crate::statistics::Summary;
use crate::transact::Transacting;

/// What the ratio of the two brokers must keep to, or Kring's own figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Floor {
    AtLeast(Metric, f64),
    AtMost(Metric, f64),
    Within(Metric, f64),
    /// Kring's own figure, too.
    Reaches(Metric, f64),
}

impl Floor {
    pub(crate) fn metric(self) -> Metric {
        match self {
            Floor::AtLeast(metric, _)
            | Floor::AtMost(metric, _)
            | Floor::Within(metric, _)
            | Floor::Reaches(metric, _) => metric,
        }
    }

    /// Says the figure and the floor when it is missed.
    pub(crate) fn missed(self, own: Option<Summary>, ratio: Option<Summary>) -> Option<String> {
        let name = self.metric().name();
        if let Floor::Within(_, asked) | Floor::Reaches(_, asked) = self {
            let Some(own) = own.map(|summary| summary.median) else {
                return Some(format!("{name}: it was not measured"));
            };
            return match self {
                Floor::Within(..) if own > asked => {
                    Some(format!("{name}: {own:.1}, at most {asked} is asked"))
                }
                Floor::Reaches(..) if own < asked => {
                    Some(format!("{name}: {own:.1}, at least {asked} is asked"))
                }
                _ => None,
            };
        }
        let Some(ratio) = ratio.map(|summary| summary.median) else {
            return Some(format!("{name}: no ratio was measured"));
        };
        match self {
            Floor::AtLeast(_, floor) if ratio < floor => Some(format!(
                "{name}: {ratio:.2}x of the other's, at least {floor}x is asked"
            )),
            Floor::AtMost(_, floor) if ratio > floor => Some(format!(
                "{name}: {ratio:.2}x of the other's, at most {floor}x is asked"
            )),
            _ => None,
        }
    }
}

/// Whose work is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Producers'. Kring acknowledges what is on disk.
    Produce,
    /// That of so many consumers of each partition, of which each has so many bytes: what was written just now.
    Consume {
        consumers: usize,
        partition_bytes: u64,
    },
    /// From a producer to a consumer of one partition, at half of what Apache Kafka takes at most.
    EndToEnd,
    /// Producers' on three brokers that replicate: all in sync, two at least.
    Replicate,
    /// That of consumer groups that rebalance again and again.
    Group(Grouping),
    /// That of transactional producers.
    Transact(Transacting),
    /// None: a broker that stands there.
    Stand(Standing),
    /// Producers' and then consumers' on a broker that may take so much memory. Kring alone: a JVM does not start in it.
    Confined { memory_bytes_max: u64 },
    /// That of another client's own benchmark, to see whether this one's figures are of the brokers.
    Foreign(Foreign),
}

/// A load on both brokers in turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Whose ratio to `rival` is looked at.
    pub(crate) ours: Kind,
    pub(crate) rival: Kind,
    pub(crate) work: Work,
    pub(crate) shape: BatchShape,
    pub(crate) partitions: i32,
    /// None: as many.
    pub(crate) rival_partitions: Option<i32>,
    pub(crate) connections: usize,
    pub(crate) depth: usize,
    /// Requests in a second; none: as many as are answered.
    pub(crate) rate: Option<f64>,
    pub(crate) acks: i16,
    /// Settings of the topic on Apache Kafka.
    pub(crate) kafka_topic: &'static [(&'static str, &'static str)],
    /// Settings of the topic on both.
    pub(crate) topic: &'static [(&'static str, &'static str)],
    pub(crate) floors: &'static [Floor],
}

impl Scenario {
    /// Whether it takes so long that it is no part of a quick run: other clients start for seconds.
    pub(crate) fn is_long(&self) -> bool {
        match self.work {
            Work::Foreign(_) => true,
            Work::Consume {
                partition_bytes, ..
            } => partition_bytes > 100 << 20,
            _ => false,
        }
    }

    /// Its producers' part of one turn.
    pub(crate) fn producing(&self, extent: Extent) -> Producing {
        Producing {
            connections: self.connections,
            depth: self.depth,
            acks: self.acks,
            rate: self.rate,
            begins_at: None,
            payload_bytes_max: extent.turn_payload_bytes,
            time_max: extent.turn_time_max,
        }
    }

    /// What the rival does of it.
    pub(crate) fn of_rival(&self) -> Scenario {
        Scenario {
            partitions: self.rival_partitions.unwrap_or(self.partitions),
            ..*self
        }
    }
}

const fn shape(record_bytes: usize, batch_bytes: usize, compression: Compression) -> BatchShape {
    BatchShape {
        record_bytes,
        batch_bytes,
        compression,
    }
}

const fn standing(partitions: i32, connections: usize) -> Work {
    Work::Stand(Standing {
        partitions,
        connections,
        killed_with_bytes: 0,
    })
}

/// What most rows begin with.
pub(crate) const PLAIN: Scenario = Scenario {
    name: "",
    ours: Kind::Kring,
    rival: Kind::Kafka,
    work: Work::Produce,
    shape: shape(1024, 64 << 10, Compression::None),
    partitions: 10,
    rival_partitions: None,
    connections: 2,
    depth: 5,
    rate: None,
    acks: -1,
    kafka_topic: &[],
    topic: &[],
    floors: &[],
};

const fn foreign(name: &'static str, client: Client, side: Side) -> Scenario {
    Scenario {
        name,
        work: Work::Foreign(Foreign { client, side }),
        // A client takes most of two processors, so that the MB/s are its own: no broker must hold it back.
        floors: &[
            Floor::AtLeast(Metric::MbPerSecond, 0.8),
            Floor::AtMost(Metric::CpuPerGb, 1.0),
        ],
        ..PLAIN
    }
}

/// Every scenario.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "durable-against-cached",
        shape: shape(1024, 16 << 10, Compression::None),
        partitions: 100,
        connections: 4,
        floors: &[
            Floor::AtLeast(Metric::MbPerSecond, 1.5),
            Floor::AtMost(Metric::P99, 1.0),
        ],
        ..PLAIN
    },
    Scenario {
        name: "durable-against-durable",
        shape: shape(1024, 1024, Compression::None),
        partitions: 1000,
        connections: 8,
        depth: 32,
        kafka_topic: &[("flush.messages", "1")],
        floors: &[Floor::AtLeast(Metric::MbPerSecond, 20.0)],
        ..PLAIN
    },
    Scenario {
        name: "10k-partitions-against-1",
        rival: Kind::Kring,
        shape: shape(1024, 4 << 10, Compression::None),
        partitions: 10_000,
        rival_partitions: Some(1),
        connections: 4,
        depth: 64,
        rate: Some(2000.0),
        floors: &[Floor::AtMost(Metric::P99, 1.5)],
        ..PLAIN
    },
    Scenario {
        name: "cpu-64k",
        acks: 1,
        floors: &[Floor::AtMost(Metric::CpuPerGb, 0.30)],
        ..PLAIN
    },
    Scenario {
        name: "cpu-64k-lz4",
        shape: shape(1024, 64 << 10, Compression::Lz4),
        acks: 1,
        floors: &[Floor::AtMost(Metric::CpuPerGb, 0.15)],
        ..PLAIN
    },
    Scenario {
        name: "cpu-64k-zstd",
        shape: shape(1024, 64 << 10, Compression::Zstd),
        acks: 1,
        floors: &[Floor::AtMost(Metric::CpuPerGb, 0.15)],
        ..PLAIN
    },
    Scenario {
        name: "events-100b",
        shape: shape(100, 64 << 10, Compression::None),
        acks: 1,
        floors: &[Floor::Reaches(Metric::MillionRecordsPerCpuS, 5.0)],
        ..PLAIN
    },
    Scenario {
        name: "posix-against-io-uring",
        ours: Kind::Posix,
        rival: Kind::Kring,
        shape: shape(1024, 16 << 10, Compression::None),
        partitions: 100,
        connections: 4,
        floors: &[Floor::AtLeast(Metric::MbPerSecond, 0.8)],
        ..PLAIN
    },
    Scenario {
        name: "records-1m",
        shape: shape(1 << 20, 1 << 20, Compression::None),
        topic: &[("max.message.bytes", "2097152")],
        floors: &[Floor::AtLeast(Metric::MbPerSecond, 1.2)],
        ..PLAIN
    },
    Scenario {
        name: "consume-tail",
        work: Work::Consume {
            consumers: 1,
            partition_bytes: 4 << 20,
        },
        floors: &[Floor::AtMost(Metric::CpuPerGb, 1.0)],
        ..PLAIN
    },
    Scenario {
        name: "consume-hot-partition",
        work: Work::Consume {
            consumers: 10,
            partition_bytes: 32 << 20,
        },
        partitions: 1,
        floors: &[Floor::AtLeast(Metric::MbPerSecond, 1.5)],
        ..PLAIN
    },
    Scenario {
        // Far behind the end: from Kring's disk, and from what of Apache Kafka's is still in the page cache.
        name: "consume-behind",
        work: Work::Consume {
            consumers: 1,
            partition_bytes: 200 << 20,
        },
        floors: &[Floor::AtLeast(Metric::MbPerSecond, 0.5)],
        ..PLAIN
    },
    Scenario {
        name: "consume-records-1m",
        shape: shape(1 << 20, 1 << 20, Compression::None),
        work: Work::Consume {
            consumers: 1,
            partition_bytes: 4 << 20,
        },
        topic: &[("max.message.bytes", "2097152")],
        floors: &[Floor::AtLeast(Metric::MbPerSecond, 1.2)],
        ..PLAIN
    },
    Scenario {
        name: "end-to-end",
        work: Work::EndToEnd,
        shape: shape(1024, 4 << 10, Compression::None),
        partitions: 1,
        connections: 1,
        floors: &[
            Floor::AtMost(Metric::P99, 0.25),
            Floor::AtMost(Metric::P999, 0.1),
        ],
        ..PLAIN
    },
    Scenario {
        name: "three-replicas",
        work: Work::Replicate,
        partitions: 30,
        topic: &[("min.insync.replicas", "2")],
        floors: &[Floor::AtMost(Metric::CpuPerGb, 0.35)],
        ..PLAIN
    },
    Scenario {
        name: "start",
        work: standing(1, 0),
        floors: &[
            Floor::Within(Metric::StartMs, 100.0),
            Floor::Within(Metric::MemoryMb, 20.0),
        ],
        ..PLAIN
    },
    Scenario {
        name: "idle-1k-partitions",
        work: standing(1000, 0),
        floors: &[Floor::Within(Metric::IdleCpuPercent, 0.2)],
        ..PLAIN
    },
    Scenario {
        name: "idle-10k-partitions",
        work: standing(10_000, 0),
        floors: &[
            Floor::Within(Metric::CreateMs, 1000.0),
            Floor::Within(Metric::MemoryMb, 60.0),
        ],
        ..PLAIN
    },
    Scenario {
        name: "idle-9k-connections",
        work: standing(1, 9_000),
        floors: &[Floor::Within(Metric::MemoryMb, 100.0)],
        ..PLAIN
    },
    Scenario {
        name: "killed-with-4g",
        work: Work::Stand(Standing {
            partitions: 1,
            connections: 0,
            killed_with_bytes: 4 << 30,
        }),
        floors: &[Floor::Within(Metric::RestartMs, 1000.0)],
        ..PLAIN
    },
    Scenario {
        name: "confined-128m",
        work: Work::Confined {
            memory_bytes_max: 128 << 20,
        },
        partitions: 50,
        floors: &[Floor::Within(Metric::PeakMemoryMb, 128.0 * 1.048_576)],
        ..PLAIN
    },
    foreign("java-produces", Client::Java, Side::Produce),
    foreign("java-consumes", Client::Java, Side::Consume),
    foreign("kcat-produces", Client::Kcat, Side::Produce),
    foreign("kcat-consumes", Client::Kcat, Side::Consume),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(median: f64) -> Option<Summary> {
        Some(Summary {
            median,
            min: 0.0,
            max: 99.0,
        })
    }

    #[test]
    fn a_missed_floor_is_named_with_figure_and_floor() {
        let floor = Floor::AtLeast(Metric::MbPerSecond, 1.5);
        assert_eq!(floor.missed(None, ratio(1.5)), None);
        assert_eq!(
            floor.missed(None, ratio(1.25)).unwrap(),
            "mb_per_second: 1.25x of the other's, at least 1.5x is asked"
        );
        let floor = Floor::AtMost(Metric::CpuPerGb, 0.3);
        assert_eq!(floor.missed(None, ratio(0.3)), None);
        assert!(floor.missed(None, ratio(0.31)).is_some());
        assert!(
            floor.missed(None, None).is_some(),
            "nothing measured is no success"
        );
        let floor = Floor::Within(Metric::StartMs, 100.0);
        assert_eq!(floor.missed(ratio(100.0), None), None);
        assert_eq!(
            floor.missed(ratio(100.5), ratio(0.1)).unwrap(),
            "start_to_first_record_ms: 100.5, at most 100 is asked"
        );
        assert!(floor.missed(None, ratio(0.1)).is_some());
        let floor = Floor::Reaches(Metric::MillionRecordsPerCpuS, 5.0);
        assert_eq!(floor.missed(ratio(5.0), None), None);
        assert_eq!(
            floor.missed(ratio(4.9), ratio(9.0)).unwrap(),
            "million_records_per_cpu_s: 4.9, at least 5 is asked"
        );
    }

    #[test]
    fn scenarios_have_names_of_their_own_and_a_floor() {
        for (at, scenario) in SCENARIOS.iter().enumerate() {
            assert!(!scenario.floors.is_empty(), "{}", scenario.name);
            assert!(SCENARIOS[at + 1..].iter().all(|o| o.name != scenario.name));
        }
    }
}
