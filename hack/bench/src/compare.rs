//! Runs a scenario: both brokers started, warmed up, then in turns; figures, ratios, floors.
//! The lines it writes are for plots; the table is for people.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::batch::{self, Batch};
use crate::broker::{self, Broker, Kind, Places};
use crate::group::{self, Grouping};
use crate::metric::Metric;
use crate::scenario::{Scenario, Work};
use crate::stand;
use crate::statistics::Done;
use crate::transact::{self, Transacting};
use crate::usage::{self, Usage};
use crate::{call, confined, load, replicate, statistics};

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
    match scenario.work {
        Work::Stand(standing) => {
            let look = |kind| stand::turn(kind, places, standing, &batch, extent.turn_time_max);
            // What a round of Apache Kafka takes is far from what any floor asks of Kring: one is enough.
            let beside = standing.killed_with_bytes == 0 && places.alone.is_none();
            return alone(scenario, places, extent.rounds, beside, results, look);
        }
        Work::Confined { memory_bytes_max } => {
            let places = Places {
                memory_bytes_max: Some(memory_bytes_max),
                ..places.clone()
            };
            let look = |_| confined::turn(scenario, &places, extent, &batch);
            return alone(scenario, &places, extent.rounds, false, results, look);
        }
        _ => {}
    }
    in_turns(scenario, places, extent, &batch, results)
}

/// A turn of each that does not count. Gives half of what the rival took in it, in requests a second.
fn warm_up(
    scenario: &Scenario,
    places: &Places,
    extent: Extent,
    batch: &Batch,
    [theirs, ours]: [&[Broker]; 2],
) -> Result<f64, String> {
    let work = match scenario.work {
        Work::EndToEnd | Work::Foreign(_) => Work::Produce,
        work => work,
    };
    let own = Scenario { work, ..*scenario };
    let rate = match places.alone {
        None => {
            let rival = own.of_rival();
            // Apache Kafka compiles while it warms up; Kring takes a turn for its journal. Turn after turn: all that a warm
            // broker takes in the whole time is more than a disk has.
            let until = match scenario.rival {
                Kind::Kafka => Instant::now() + extent.warm_up,
                Kind::Kring | Kind::Posix => Instant::now(),
            };
            let mut most: f64 = 0.0;
            for nth in 0.. {
                let topic = format!("warm-up-{nth}");
                let kind = scenario.rival;
                let figures = turn(&rival, kind, theirs, places, batch, extent, &topic)?;
                most = most.max(figures.get(&Metric::MbPerSecond).copied().unwrap_or(0.0));
                if Instant::now() >= until {
                    break;
                }
            }
            most * 1e6 / batch.payload_bytes as f64 / 2.0
        }
        Some(rate) => rate,
    };
    turn(&own, scenario.ours, ours, places, batch, extent, "warm-up")?;
    Ok(rate)
}

/// Both side by side, a turn of one while the other rests.
fn in_turns(
    scenario: &Scenario,
    places: &Places,
    extent: Extent,
    batch: &Batch,
    results: &mut impl Write,
) -> Result<Both, String> {
    let count = if scenario.work == Work::Replicate {
        3
    } else {
        1
    };
    let (rival, own) = (scenario.rival, scenario.ours);
    let theirs = match places.alone {
        None => broker::start_all(rival, &places.beside()?, count)?,
        Some(_) => Vec::new(),
    };
    let ours = broker::start_all(own, places, count)?;
    let rate = warm_up(scenario, places, extent, batch, [&theirs, &ours])?;
    let extent = Extent { rate, ..extent };
    let mut both = Both {
        ours: Vec::new(),
        theirs: Vec::new(),
    };
    for round in 0..extent.rounds {
        let topic = format!("round-{round}");
        for (scenario, kind, brokers, turns) in [
            (&scenario.of_rival(), rival, &theirs, &mut both.theirs),
            (scenario, own, &ours, &mut both.ours),
        ] {
            if brokers.is_empty() {
                continue;
            }
            let figures = turn(scenario, kind, brokers, places, batch, extent, &topic)?;
            write(results, scenario, places, round, kind, &figures)?;
            turns.push(figures);
        }
    }
    Ok(both)
}

/// Each broker alone: what else runs would be in its figures.
fn alone(
    scenario: &Scenario,
    places: &Places,
    rounds: usize,
    beside_kafka: bool,
    results: &mut impl Write,
    look: impl Fn(Kind) -> Result<Figures, String>,
) -> Result<Both, String> {
    let mut both = Both {
        ours: Vec::new(),
        theirs: Vec::new(),
    };
    for round in 0..rounds {
        if round == 0 && beside_kafka {
            let figures = look(Kind::Kafka)?;
            write(results, scenario, places, round, Kind::Kafka, &figures)?;
            both.theirs.push(figures);
        }
        let figures = look(Kind::Kring)?;
        write(results, scenario, places, round, Kind::Kring, &figures)?;
        both.ours.push(figures);
    }
    Ok(both)
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
        "partitions": scenario.partitions,
        "pinned": places.pinned, "figures": named.collect::<BTreeMap<&str, f64>>(),
    });
    writeln!(results, "{line}").map_err(|e| format!("the results: {e}"))
}

/// One load on a topic of its own, which is deleted afterwards.
fn turn(
    scenario: &Scenario,
    kind: Kind,
    brokers: &[Broker],
    places: &Places,
    batch: &Batch,
    extent: Extent,
    topic: &str,
) -> Result<Figures, String> {
    let named = |error| format!("{} on {}: {error}", scenario.name, kind.name());
    let broker = brokers.first().ok_or("there is no broker")?;
    if let Work::Group(grouping) = scenario.work {
        return rebalance(broker, grouping, extent, topic).map_err(named);
    }
    if let Work::Transact(transacting) = scenario.work {
        return transact(broker, transacting, extent, topic).map_err(named);
    }
    let mut configs = scenario.topic.to_vec();
    if kind == Kind::Kafka {
        configs.extend_from_slice(scenario.kafka_topic);
        // Deleted data leaves the disk before the next turn but one.
        configs.push(("file.delete.delay.ms", "1000"));
    }
    let (before, done, after) = match scenario.work {
        Work::Replicate => replicate::turn(scenario, brokers, &configs, batch, extent, topic),
        _ => load::turn(scenario, broker, places, &configs, batch, extent, topic),
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
    let mut figures = BTreeMap::from([
        (
            Metric::MbPerSecond,
            payload / 1e6 / done.elapsed.as_secs_f64(),
        ),
        (Metric::CpuPerGb, cpu_s / (payload / 1e9)),
        (
            Metric::MillionRecordsPerCpuS,
            payload / batch.payload_bytes as f64 * batch.records as f64 / cpu_s.max(1e-9) / 1e6,
        ),
        (Metric::MemoryMb, after.memory_bytes as f64 / 1e6),
        (
            Metric::DiskPerPayload,
            (after.disk_bytes - before.disk_bytes) as f64 / payload,
        ),
        (
            Metric::Flushes,
            after.flushes.saturating_sub(before.flushes) as f64,
        ),
    ]);
    // Other clients do not say how many requests they sent.
    if done.requests > 0 {
        figures.extend([
            (
                Metric::CpuPerMillionRequests,
                cpu_per_million_requests(cpu_s, done),
            ),
            (Metric::P50, quantile(0.5)),
            (Metric::P99, quantile(0.99)),
            (Metric::P999, quantile(0.999)),
        ]);
    }
    figures
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

/// Transactional producers on a topic of their own.
fn transact(
    broker: &Broker,
    transacting: Transacting,
    extent: Extent,
    topic: &str,
) -> Result<Figures, String> {
    let mut admin = call::connect(broker.address, Duration::from_secs(10))?;
    call::create_topic(&mut admin, topic, transacting.partitions, &[])?;
    let before = usage::read(broker.pid, &broker.folder)?;
    let done = transact::run(broker.address, topic, transacting, extent.turn_time_max)?;
    let after = usage::read(broker.pid, &broker.folder)?;
    call::delete_topic(&mut admin, topic)?;
    let cpu_s = after.cpu_s - before.cpu_s;
    Ok(BTreeMap::from([
        (
            Metric::TransactionsPerSecond,
            done.requests as f64 / done.elapsed.as_secs_f64(),
        ),
        (
            Metric::CpuPerMillionRequests,
            cpu_per_million_requests(cpu_s, &done),
        ),
        (Metric::P50, done.latency.value_at_quantile(0.5) as f64),
        (Metric::P99, done.latency.value_at_quantile(0.99) as f64),
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
