//! Sweeps: a scenario again and again with one thing varied, and the curves of both brokers.
//! It judges nothing; floors belong to scenarios.

use std::fs::File;
use std::path::Path;

use kring_wire::Compression;

use crate::batch::BatchShape;
use crate::broker::Places;
use crate::compare::{self, Extent};
use crate::group::Grouping;
use crate::metric::Metric;
use crate::plot::{self, Curve};
use crate::scenario::{PLAIN, Scenario, Work};
use crate::stand::Standing;
use crate::statistics;
use crate::transact::Transacting;

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sweep {
    /// Partitions that are written to in turn.
    Partitions,
    /// Connections with one request under way on each.
    Connections,
    /// Length of a record; a batch has 64 KiB or one record.
    RecordBytes,
    /// Members of one consumer group.
    Members,
    /// Consumer groups of five members.
    Groups,
    /// Transactional producers, each with one transaction after the other.
    Transactions,
    /// GiB of records that a broker has when it is killed. Kring alone: Apache Kafka reads all of its last segments again.
    RetainedGib,
}

impl Sweep {
    fn points(self) -> &'static [usize] {
        match self {
            Sweep::Partitions => &[1, 10, 100, 1_000, 10_000],
            Sweep::Connections => &[1, 10, 100, 1_000],
            Sweep::RecordBytes => &[100, 1 << 10, 10 << 10, 100 << 10, 1 << 20],
            Sweep::Members => &[1, 10, 100, 500],
            Sweep::Groups => &[1, 10, 100],
            Sweep::Transactions => &[1, 10, 100],
            Sweep::RetainedGib => &[1, 5, 20],
        }
    }

    fn label(self) -> &'static str {
        match self {
            Sweep::Partitions => "partitions",
            Sweep::Connections => "connections",
            Sweep::RecordBytes => "bytes of a record",
            Sweep::Members => "members of a group",
            Sweep::Groups => "groups of five members",
            Sweep::Transactions => "transactional producers",
            Sweep::RetainedGib => "GiB retained",
        }
    }

    fn scenario(self, point: usize) -> Scenario {
        let shape = |record_bytes, batch_bytes| BatchShape {
            record_bytes,
            batch_bytes,
            compression: Compression::None,
        };
        match self {
            Sweep::Partitions => Scenario {
                name: "sweep-partitions",
                shape: shape(1 << 10, 4 << 10),
                partitions: i32::try_from(point).unwrap_or(i32::MAX),
                connections: 4,
                depth: 8,
                ..PLAIN
            },
            Sweep::Connections => Scenario {
                name: "sweep-connections",
                shape: shape(1 << 10, 4 << 10),
                partitions: 100,
                connections: point,
                depth: 1,
                ..PLAIN
            },
            Sweep::RecordBytes => Scenario {
                name: "sweep-record-bytes",
                shape: shape(point, 64 << 10),
                topic: &[("max.message.bytes", "2097152")],
                ..PLAIN
            },
            Sweep::Members => Scenario {
                name: "sweep-members",
                work: Work::Group(Grouping {
                    groups: 1,
                    members: point,
                }),
                ..PLAIN
            },
            Sweep::Groups => Scenario {
                name: "sweep-groups",
                work: Work::Group(Grouping {
                    groups: point,
                    members: 5,
                }),
                ..PLAIN
            },
            Sweep::Transactions => Scenario {
                name: "sweep-transactions",
                work: Work::Transact(Transacting {
                    producers: point,
                    partitions: 10,
                    record_bytes: 100,
                }),
                ..PLAIN
            },
            Sweep::RetainedGib => Scenario {
                name: "sweep-retained-gib",
                work: Work::Stand(Standing {
                    partitions: 1,
                    connections: 0,
                    killed_with_bytes: (point as u64) << 30,
                }),
                ..PLAIN
            },
        }
    }
}

/// What is drawn of a sweep, where it was measured, and how its axis is called.
const DRAWN: &[(Metric, &str)] = &[
    (Metric::RebalanceMs, "ms of a rebalance"),
    (
        Metric::CpuPerMillionRequests,
        "broker CPU s per million requests",
    ),
    (
        Metric::TransactionsPerSecond,
        "transactions per second of one record each",
    ),
    (
        Metric::RestartMs,
        "ms from the start after SIGKILL until it takes and gives records",
    ),
    (Metric::MbPerSecond, "MB/s of values, acks=all"),
    (Metric::P99, "p99 in µs, acks=all"),
    (Metric::CpuPerGb, "broker CPU s per GB"),
];

/// Runs a sweep and draws its curves into a folder.
pub(crate) fn run(
    sweep: Sweep,
    places: &Places,
    extent: Extent,
    results: &mut File,
    folder: &Path,
) -> Result<(), String> {
    let mut measured = Vec::new();
    for point in sweep.points() {
        println!("{} = {point}", sweep.label());
        let scenario = sweep.scenario(*point);
        let both = compare::measure(&scenario, places, extent, results)?;
        compare::print(&scenario, &both);
        measured.push((*point as f64, both));
    }
    let is_measured = |metric: &Metric| {
        let mut first = measured.iter().flat_map(|(_, both)| both.ours.first());
        first.any(|figures| figures.contains_key(metric))
    };
    for (metric, label) in DRAWN.iter().filter(|(metric, _)| is_measured(metric)) {
        let curve = |name, pick: fn(&compare::Both) -> &[compare::Figures]| {
            let points = measured.iter().filter_map(|(x, both)| {
                let figures = compare::series(pick(both), *metric);
                statistics::summarise(&figures).map(|summary| (*x, summary))
            });
            Curve {
                name,
                points: points.collect(),
            }
        };
        let curves = [
            curve("Kring, every acknowledged record on disk", |both| {
                &both.ours
            }),
            curve("Apache Kafka, page cache", |both| &both.theirs),
        ];
        let scenario = sweep.scenario(1).name;
        let path = folder.join(format!("{scenario}-{}.svg", metric.name()));
        plot::draw(&path, sweep.label(), label, &curves)?;
        println!("{}", path.display());
    }
    Ok(())
}
