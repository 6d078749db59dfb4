//! The guard against steps back: what Kring takes, as ratios that hold on any machine, against a baseline in a file.
//! It knows no Apache Kafka; how Kring stands beside it is `compare.rs`'s.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::batch::{self, Batch};
use crate::broker::{self, Kind, Places};
use crate::metric::Metric;
use crate::produce::{self, Producing};
use crate::scenario::PLAIN;
use crate::stand::{self, Standing};
use crate::statistics::summarise;
use crate::{call, usage, yardstick};

/// What counts as a clear step back: the machines that this runs on are noisy, and their disks differ.
const STEP: f64 = 2.0;
const ROUNDS: usize = 3;
const TURN_PAYLOAD_BYTES: u64 = 512 << 20;
const KILLED_WITH_BYTES: u64 = 512 << 20;
const IDLE: Duration = Duration::from_millis(200);
const LOAD: Producing = Producing {
    connections: 2,
    depth: 5,
    acks: 1,
    rate: None,
    begins_at: None,
    payload_bytes_max: TURN_PAYLOAD_BYTES,
    time_max: Duration::from_secs(60),
};

/// The names of the figures, in the baseline and on the closing line.
const CPU: &str = "cpu_per_yardstick";
const FLUSHES: &str = "flushes_per_request";
const MEMORY: &str = "memory_mb";
const RESTART: &str = "restart_per_start";

type Ratios = [(&'static str, f64); 4];

/// Measures, compares with the baseline in `path`, or writes it there. Gives what stepped back, in words.
pub(crate) fn run(places: &Places, path: &Path, record: bool) -> Result<Vec<String>, String> {
    let batch = batch::build(PLAIN.shape, 1_700_000_000_000);
    let ratios = measure(places, &batch)?;
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    if record {
        let kept: Map<String, Value> = ratios
            .iter()
            .map(|(name, ratio)| ((*name).to_owned(), json!((ratio * 1e3).round() / 1e3)))
            .collect();
        let text = format!("{:#}\n", Value::Object(kept));
        fs::write(path, text).map_err(|e| named(&e))?;
    }
    let text = fs::read_to_string(path).map_err(|e| named(&e))?;
    let baseline: Value = serde_json::from_str(&text).map_err(|e| named(&e))?;
    let back = steps_back(&ratios, &baseline)?;
    let figures = ratios.map(|(name, ratio)| format!("{name}={ratio:.3}"));
    println!(
        "suite=bench-guard {} stepped_back={}",
        figures.join(" "),
        back.len()
    );
    Ok(back)
}

fn steps_back(ratios: &Ratios, baseline: &Value) -> Result<Vec<String>, String> {
    let mut back = Vec::new();
    for (name, ratio) in ratios {
        let before = baseline.get(name).and_then(Value::as_f64);
        let before = before.ok_or_else(|| format!("the baseline has no {name}"))?;
        // What could not be measured is no success.
        if ratio.is_nan() || *ratio > STEP * before {
            back.push(format!(
                "{name} is {ratio:.3}, more than {STEP} times the {before:.3} of the baseline; what changed since? \
                 `--record-guard` makes it the new baseline"
            ));
        }
    }
    Ok(back)
}

fn measure(places: &Places, batch: &Batch) -> Result<Ratios, String> {
    let mut cpu = Vec::new();
    let mut flushes = Vec::new();
    let mut memory = Vec::new();
    let broker = broker::start(Kind::Kring, places)?;
    let mut admin = call::connect(broker.address, Duration::from_secs(10))?;
    let partitions: Vec<i32> = (0..PLAIN.partitions).collect();
    // The first round is the warm-up: the journal's files are made.
    for round in 0..=ROUNDS {
        let topic = format!("guard-{round}");
        call::create_topic(&mut admin, &topic, PLAIN.partitions, &[])?;
        let before = usage::read(broker.pid, &broker.folder)?;
        let produced = produce::run(broker.address, &topic, &partitions, batch, LOAD)?;
        let after = usage::read(broker.pid, &broker.folder)?;
        call::delete_topic(&mut admin, &topic)?;
        let least = yardstick::measure(&places.folder, batch, LOAD)?;
        if round == 0 {
            continue;
        }
        let cpu_s_per_gb = (after.cpu_s - before.cpu_s) / (produced.payload_bytes as f64 / 1e9);
        cpu.push(cpu_s_per_gb / least);
        let flushed = after.flushes.saturating_sub(before.flushes);
        flushes.push(flushed as f64 / produced.requests as f64);
        memory.push(after.memory_bytes as f64 / 1e6);
    }
    drop(broker);
    let mut restart = Vec::new();
    for _ in 0..ROUNDS {
        let standing = Standing {
            partitions: 1,
            connections: 0,
            killed_with_bytes: KILLED_WITH_BYTES,
        };
        let figures = stand::turn(Kind::Kring, places, standing, batch, IDLE)?;
        let of = |metric| figures.get(&metric).copied().unwrap_or(f64::NAN);
        restart.push(of(Metric::RestartMs) / of(Metric::StartMs));
    }
    let median = |figures: &[f64]| summarise(figures).map_or(f64::NAN, |summary| summary.median);
    Ok([
        (CPU, median(&cpu)),
        (FLUSHES, median(&flushes)),
        (MEMORY, median(&memory)),
        (RESTART, median(&restart)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_clearly_more_than_before_is_named_and_noise_is_not() {
        let baseline = json!({ CPU: 2.0, FLUSHES: 0.5, MEMORY: 40.0, RESTART: 4.0 });
        let now = [(CPU, 3.9), (FLUSHES, 0.1), (MEMORY, 81.0), (RESTART, 4.0)];
        let back = steps_back(&now, &baseline).unwrap();
        assert_eq!(back.len(), 1, "{back:?}");
        assert!(back[0].starts_with("memory_mb is 81.000, more than 2 times the 40.000"));
        let error = steps_back(&now, &json!({ CPU: 2.0 })).unwrap_err();
        assert!(error.contains("flushes_per_request"), "{error}");
    }
}
