//! A broker without load: how soon it takes a record, what it takes of memory and processor while nobody asks anything,
//! and how soon it is there again after SIGKILL. It puts no load on it.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::batch::Batch;
use crate::broker::{self, Broker, Kind, Places};
use crate::compare::Figures;
use crate::consume::{self, Consuming};
use crate::metric::Metric;
use crate::produce::{self, Producing};
use crate::{call, usage};

/// What stands there while nobody asks anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) partitions: i32,
    pub(crate) connections: usize,
    /// Bytes of records that are there when the broker is killed; 0: it is not.
    pub(crate) killed_with_bytes: u64,
}

/// Memory and processor time count once a broker has finished what it does after its start (Kring zeroes its journal in
/// the background): when in one such time it took less than a thousandth of it, or at the end of the patience.
const CALM: Duration = Duration::from_secs(2);
const CALM_PATIENCE: Duration = Duration::from_secs(20);
/// Apache Kafka makes at most 10,000 records of metadata of one request.
const TOPIC_PARTITIONS_MAX: i32 = 5000;
const FIRST: Producing = Producing {
    connections: 1,
    depth: 1,
    acks: -1,
    rate: None,
    begins_at: None,
    payload_bytes_max: 1,
    time_max: Duration::from_secs(60),
};

/// Starts a broker on an empty folder, looks at it, and stops it.
pub(crate) fn turn(
    kind: Kind,
    places: &Places,
    standing: Standing,
    batch: &Batch,
    idle_for: Duration,
) -> Result<Figures, String> {
    let mut figures = Figures::new();
    raise_descriptors()?;
    let started_at = Instant::now();
    let broker = broker::start(kind, places)?;
    let mut admin = call::connect(broker.address, Duration::from_secs(10))?;
    call::create_topic(&mut admin, "first", 1, &[])?;
    produce::run(broker.address, "first", &[0], batch, FIRST)?;
    figures.insert(Metric::StartMs, millis(started_at));
    if standing.partitions > 1 {
        let asked_at = Instant::now();
        let mut left = standing.partitions;
        while left > 0 {
            let partitions = left.min(TOPIC_PARTITIONS_MAX);
            left -= partitions;
            call::create_topic(&mut admin, &format!("many-{left}"), partitions, &[])?;
        }
        figures.insert(Metric::CreateMs, millis(asked_at));
    }
    let connect = |_| call::connect(broker.address, Duration::from_secs(10));
    let connections: Result<Vec<_>, String> = (0..standing.connections).map(connect).collect();
    let connections = connections?;
    await_calm(broker.pid)?;
    let before_s = usage::threads_cpu_s(broker.pid)?;
    std::thread::sleep(idle_for);
    let after_s = usage::threads_cpu_s(broker.pid)?;
    let memory_bytes = usage::read(broker.pid, &broker.folder)?.memory_bytes;
    figures.insert(Metric::MemoryMb, memory_bytes as f64 / 1e6);
    figures.insert(
        Metric::IdleCpuPercent,
        (after_s - before_s) / idle_for.as_secs_f64() * 100.0,
    );
    drop(connections);
    if standing.killed_with_bytes > 0 {
        figures.insert(Metric::RestartMs, kill(broker, places, standing, batch)?);
    }
    Ok(figures)
}

fn await_calm(pid: u32) -> Result<(), String> {
    let until = Instant::now() + CALM_PATIENCE;
    loop {
        let before_s = usage::threads_cpu_s(pid)?;
        std::thread::sleep(CALM);
        let took_s = usage::threads_cpu_s(pid)? - before_s;
        if took_s < CALM.as_secs_f64() / 1e3 || Instant::now() > until {
            return Ok(());
        }
    }
}

/// Milliseconds from the start after SIGKILL to the first record taken and the first read.
fn kill(broker: Broker, places: &Places, standing: Standing, batch: &Batch) -> Result<f64, String> {
    let fill = Producing {
        connections: 2,
        depth: 5,
        payload_bytes_max: standing.killed_with_bytes,
        time_max: Duration::from_secs(600),
        ..FIRST
    };
    produce::run(broker.address, "first", &[0], batch, fill)?;
    let (broker, started_at) = broker::kill_and_start(broker, places)?;
    let mut admin = call::connect(broker.address, Duration::from_secs(60))?;
    call::await_leaders(&mut admin, "first", &[0])?;
    produce::run(broker.address, "first", &[0], batch, FIRST)?;
    let read = Consuming {
        partitions: 1,
        consumers: 1,
        fetch_bytes_max: 1 << 20,
        payload_bytes_max: 1,
        time_max: Duration::from_secs(60),
    };
    consume::run(broker.address, "first", batch, read)?;
    Ok(millis(started_at))
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// As many descriptors as the system allows, for this process and the brokers that it starts.
fn raise_descriptors() -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, all).map_err(|e| format!("open files: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_raised_to_what_is_allowed() {
        raise_descriptors().unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
