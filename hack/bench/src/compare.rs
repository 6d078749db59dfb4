//! Runs a scenario: both brokers started, warmed up, then in turns; figures, ratios, floors.
//! The lines it writes are for plots; the table is for people.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::batch::{self, Batch};
use crate::broker::{self, Broker, Kind, Places};
use crate::group::{self, Grouping};
use crate::scenario::{Metric, Scenario, Work};
use crate::stand::{self, Standing};
use crate::statistics::Done;
use crate::usage::{self, Usage};
use crate::{load, replicate, statistics};

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) rounds: usize,
    pub(crate) warm_up: Duration,
    pub(crate) turn_time_max: Duration,
    pub(crate) turn_payload_bytes: u64,
    /// Requests in a second of a load at a rate.
    pub(crate) rate: f64,
}

pub(crate) type Figures = BTreeMap<Metric, f64>;

/// The turns of both brokers.
pub(crate) struct Both {
    pub(crate) ours: Vec<Figures>,
    pub(crate) theirs: Vec<Figures>,
}

/// Runs a scenario and prints it.
pub(crate) fn run(
    scenario: &Scenario,
    places: &Places,
    extent: Extent,
    results: &mut impl Write,
) -> Result<Both, String> {
    let both = measure(scenario, places, extent, results)?;
    print(scenario, &both);
    Ok(both)
}

/// Runs a scenario.
pub(crate) fn measure(
    scenario: &Scenario,
    places: &Places,
    extent: Extent,
    results: &mut impl Write,
) -> Result<Both, String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now_ms = now.map_or(0, |since| since.as_millis());
    let batch = batch::build(scenario.shape, i64::try_from(now_ms).unwrap_or(0));
    if let Work::Stand(standing) = scenario.work {
        return stand(scenario, standing, places, extent, &batch, results);
    }
    let count = if scenario.work == Work::Replicate {
        3
    } else {
        1
    };
    let (rival, own) = (scenario.rival, scenario.ours);
    let theirs = match places.alone {
        None => broker::start_all(rival, places, count)?,
        Some(_) => Vec::new(),
    };
    let ours = broker::start_all(own, places, count)?;
    // Apache Kafka compiles while it warms up; Kring takes a turn for its journal.
    let long = match rival {
        Kind::Kafka => Extent {
            turn_time_max: extent.warm_up,
            turn_payload_bytes: u64::MAX,
            ..extent
        },
        Kind::Kring | Kind::Posix => extent,
    };
    let at_most = match scenario.work {
        Work::EndToEnd => Work::Produce,
        work => work,
    };
    let warm_up = Scenario {
        work: at_most,
        ..*scenario
    };
    let half = match places.alone {
        None => {
            let most = turn(&warm_up, rival, &theirs, &batch, long, "warm-up")?;
            most[&Metric::MbPerSecond] * 1e6 / batch.payload_bytes as f64 / 2.0
        }
        Some(rate) => rate,
    };
    turn(&warm_up, own, &ours, &batch, extent, "warm-up")?;
    let extent = Extent {
        rate: half,
        ..extent
    };
    let mut both = Both {
        ours: Vec::new(),
        theirs: Vec::new(),
    };
    for round in 0..extent.rounds {
        let topic = format!("round-{round}");
        for (kind, brokers, turns) in [
            (rival, &theirs, &mut both.theirs),
            (own, &ours, &mut both.ours),
        ] {
            if brokers.is_empty() {
                continue;
            }
            let figures = turn(scenario, kind, brokers, &batch, extent, &topic)?;
            write(results, scenario, places, round, kind, &figures)?;
            turns.push(figures);
        }
    }
    Ok(both)
}

/// Each broker alone: what else runs would be in its figures.
fn stand(
    scenario: &Scenario,
    standing: Standing,
    places: &Places,
    extent: Extent,
    batch: &Batch,
    results: &mut impl Write,
) -> Result<Both, String> {
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for round in 0..extent.rounds {
        // What a round of Apache Kafka takes is far from what any floor asks of Kring: one is enough.
        if round == 0 && standing.killed_with_bytes == 0 && places.alone.is_none() {
            let figures = stand::turn(Kind::Kafka, places, standing, batch, extent.turn_time_max)?;
            write(results, scenario, places, round, Kind::Kafka, &figures)?;
            theirs.push(figures);
        }
        let figures = stand::turn(Kind::Kring, places, standing, batch, extent.turn_time_max)?;
        write(results, scenario, places, round, Kind::Kring, &figures)?;
        ours.push(figures);
    }
    Ok(Both { ours, theirs })
}

fn write(
    results: &mut impl Write,
    scenario: &Scenario,
    places: &Places,
    round: usize,
    kind: Kind,
    figures: &Figures,
) -> Result<(), String> {
    let named = figures.iter().map(|(metric, n)| (metric.name(), *n));
    let line = json!({
        "scenario": scenario.name, "round": round, "broker": kind.name(),
        "pinned": places.pinned, "figures": named.collect::<BTreeMap<&str, f64>>(),
    });
    writeln!(results, "{line}").map_err(|e| format!("the results: {e}"))
}

/// One load on a topic of its own, which is deleted afterwards.
fn turn(
    scenario: &Scenario,
    kind: Kind,
    brokers: &[Broker],
    batch: &Batch,
    extent: Extent,
    topic: &str,
) -> Result<Figures, String> {
    let named = |error| format!("{} on {}: {error}", scenario.name, kind.name());
    let broker = brokers.first().ok_or("there is no broker")?;
    if let Work::Group(grouping) = scenario.work {
        return rebalance(broker, grouping, extent, topic).map_err(named);
    }
    let mut configs = scenario.topic.to_vec();
    if kind == Kind::Kafka {
        configs.extend_from_slice(scenario.kafka_topic);
        // Deleted data leaves the disk before the next turn but one.
        configs.push(("file.delete.delay.ms", "1000"));
    }
    let (before, done, after) = match scenario.work {
        Work::Replicate => replicate::turn(scenario, brokers, &configs, batch, extent, topic),
        _ => load::turn(scenario, broker, &configs, batch, extent, topic),
    }
    .map_err(named)?;
    // What one broker leaves in the page cache must not be written during the other's turn.
    settle(broker)?;
    Ok(figures(before, &done, after, batch))
}

fn figures(before: Usage, done: &Done, after: Usage, batch: &Batch) -> Figures {
    let payload = (done.payload_bytes as f64).max(1.0);
    let cpu_s = after.cpu_s - before.cpu_s;
    let quantile = |q| done.latency.value_at_quantile(q) as f64;
    BTreeMap::from([
        (
            Metric::MbPerSecond,
            payload / 1e6 / done.elapsed.as_secs_f64(),
        ),
        (Metric::CpuPerGb, cpu_s / (payload / 1e9)),
        (
            Metric::CpuPerMillionRequests,
            cpu_per_million_requests(cpu_s, done),
        ),
        (
            Metric::MillionRecordsPerCpuS,
            payload / batch.payload_bytes as f64 * batch.records as f64 / cpu_s.max(1e-9) / 1e6,
        ),
        (Metric::P50, quantile(0.5)),
        (Metric::P99, quantile(0.99)),
        (Metric::P999, quantile(0.999)),
        (Metric::MemoryMb, after.memory_bytes as f64 / 1e6),
        (
            Metric::DiskPerPayload,
            (after.disk_bytes - before.disk_bytes) as f64 / payload,
        ),
        (
            Metric::Flushes,
            after.flushes.saturating_sub(before.flushes) as f64,
        ),
    ])
}

fn cpu_per_million_requests(cpu_s: f64, done: &Done) -> f64 {
    cpu_s / (done.requests.max(1) as f64 / 1e6)
}

/// Groups of their own that rebalance.
fn rebalance(
    broker: &Broker,
    grouping: Grouping,
    extent: Extent,
    name: &str,
) -> Result<Figures, String> {
    let before = usage::read(broker.pid, &broker.folder)?;
    let done = group::run(broker.address, name, grouping, extent.turn_time_max)?;
    let after = usage::read(broker.pid, &broker.folder)?;
    let median_us = done.latency.value_at_quantile(0.5) as f64;
    let cpu_s = after.cpu_s - before.cpu_s;
    Ok(BTreeMap::from([
        (Metric::RebalanceMs, median_us / 1e3),
        (
            Metric::CpuPerMillionRequests,
            cpu_per_million_requests(cpu_s, &done),
        ),
        (Metric::MemoryMb, after.memory_bytes as f64 / 1e6),
    ]))
}

fn settle(broker: &Broker) -> Result<(), String> {
    let folder = std::fs::File::open(&broker.folder)
        .map_err(|e| format!("{}: {e}", broker.folder.display()))?;
    rustix::fs::syncfs(&folder).map_err(|e| format!("{}: {e}", broker.folder.display()))
}

/// The table of a scenario.
pub(crate) fn print(scenario: &Scenario, both: &Both) {
    let Both { ours, theirs } = both;
    println!(
        "{:<28} {:>12} {:>12} {:>9}  spread of the ratio",
        scenario.name,
        scenario.ours.name(),
        scenario.rival.name(),
        "ratio"
    );
    let metrics = ours
        .first()
        .map(|figures| figures.keys().copied().collect::<Vec<_>>());
    for metric in metrics.unwrap_or_default() {
        let (ours, theirs) = (series(ours, metric), series(theirs, metric));
        let median = |figures: &[f64]| statistics::summarise(figures).map_or(0.0, |s| s.median);
        let ratio = statistics::ratios(&ours, &theirs);
        let (ratio, spread) = ratio.map_or(("-".to_owned(), String::new()), |s| {
            (
                format!("{:.2}", s.median),
                format!("{:.2} to {:.2}", s.min, s.max),
            )
        });
        println!(
            "  {:<26} {:>12.2} {:>12.2} {ratio:>9}  {spread}",
            metric.name(),
            median(&ours),
            median(&theirs)
        );
    }
}

/// The floors that were missed, each in words.
pub(crate) fn missed(scenario: &Scenario, both: &Both) -> Vec<String> {
    let missed = scenario.floors.iter().filter_map(|floor| {
        let (ours, theirs) = (
            series(&both.ours, floor.metric()),
            series(&both.theirs, floor.metric()),
        );
        let ratio = statistics::ratios(&ours, &theirs);
        floor
            .missed(statistics::summarise(&ours), ratio)
            .map(|said| format!("{}: {said}", scenario.name))
    });
    missed.collect()
}

/// A figure of each turn that has it.
pub(crate) fn series(turns: &[Figures], metric: Metric) -> Vec<f64> {
    turns
        .iter()
        .filter_map(|figures| figures.get(&metric).copied())
        .collect()
}
