//! Other clients' own benchmarks on one broker: Apache Kafka's Java tools, and kcat for librdkafka.
//! They measure themselves where they can; what the broker took is read around them as for our own load.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::batch::{Batch, BatchShape, values};
use crate::broker::Broker;
use crate::load::Around;
use crate::produce::{self, Producing};
use crate::statistics::Done;
use crate::usage;

/// Whose client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// `ProducerPerformance` and `ConsumerPerformance`.
    Java,
    /// librdkafka, as Debian has it.
    Kcat,
}

/// Which end of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Produce,
    Consume,
}

/// A benchmark of another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) client: Client,
    pub(crate) side: Side,
}

const PRODUCER: [&str; 3] = ["acks=all", "batch.size=65536", "linger.ms=5"];
/// What the tools call MB.
const MIB: f64 = 1_048_576.0;

/// Where a benchmark runs.
pub(crate) struct Ground<'a> {
    pub(crate) broker: &'a Broker,
    /// The folder with `java`.
    pub(crate) kafka: &'a Path,
    pub(crate) topic: &'a str,
    pub(crate) shape: BatchShape,
    pub(crate) payload_bytes: u64,
}

/// Runs one benchmark on a topic that is there; for consumers it is filled first.
pub(crate) fn run(
    foreign: Foreign,
    ground: &Ground<'_>,
    batch: &Batch,
    fill: Producing,
    partitions: &[i32],
) -> Result<Around, String> {
    let broker = ground.broker;
    if foreign.side == Side::Consume {
        produce::run(broker.address, ground.topic, partitions, batch, fill)?;
    }
    let before = usage::read(broker.pid, &broker.folder)?;
    let elapsed = match (foreign.client, foreign.side) {
        (Client::Java, Side::Produce) => ground.java_produces()?,
        (Client::Java, Side::Consume) => ground.java_consumes()?,
        (Client::Kcat, Side::Produce) => ground.kcat_produces()?,
        (Client::Kcat, Side::Consume) => ground.kcat_consumes()?,
    };
    let after = usage::read(broker.pid, &broker.folder)?;
    let done = Done {
        payload_bytes: ground.records() * ground.shape.record_bytes as u64,
        elapsed,
        ..Done::default()
    };
    Ok((before, done, after))
}

impl Ground<'_> {
    fn records(&self) -> u64 {
        self.payload_bytes / self.shape.record_bytes as u64
    }

    fn java(&self, class: &str) -> Command {
        let mut command = Command::new(self.kafka.join("java"));
        command
            .arg("-Xmx512m")
            .arg(format!("org.apache.kafka.tools.{class}"))
            .args(["--bootstrap-server", &self.broker.address.to_string()])
            .args(["--topic", self.topic])
            .args(["--num-records", &self.records().to_string()]);
        command
    }

    fn java_produces(&self) -> Result<Duration, String> {
        let mut command = self.java("ProducerPerformance");
        command
            .args(["--record-size", &self.shape.record_bytes.to_string()])
            .args(["--throughput", "-1"]);
        // All of them behind one option: the last one counts.
        command.arg("--command-property").args(PRODUCER);
        let said = output(command)?;
        let mib_per_s = produced_mib_per_s(&said);
        self.lasted(mib_per_s.ok_or_else(|| format!("ProducerPerformance said {said}"))?)
    }

    fn java_consumes(&self) -> Result<Duration, String> {
        let mut command = self.java("ConsumerPerformance");
        command.args(["--timeout", "60000", "--hide-header"]);
        let said = output(command)?;
        let mib_per_s = consumed_mib_per_s(&said);
        self.lasted(mib_per_s.ok_or_else(|| format!("ConsumerPerformance said {said}"))?)
    }

    fn lasted(&self, mib_per_s: f64) -> Result<Duration, String> {
        let seconds = self.payload_bytes as f64 / (mib_per_s * MIB);
        Duration::try_from_secs_f64(seconds).map_err(|e| format!("{mib_per_s} MiB/s: {e}"))
    }

    /// Lines of one length, again and again, from a pipe.
    fn kcat_produces(&self) -> Result<Duration, String> {
        let mut lines = values(self.shape.record_bytes - 1, 1024);
        for line in &mut lines {
            line.push(b'\n');
        }
        let block = lines.concat();
        let mut command = kcat(self.broker.address, "-P", self.topic);
        for property in PRODUCER {
            command.args(["-X", property]);
        }
        let started_at = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|e| format!("kcat: {e}"))?;
        let mut pipe = child.stdin.take().ok_or("kcat has no input")?;
        let mut left = usize::try_from(self.payload_bytes).unwrap_or(usize::MAX);
        while left > 0 {
            let bytes = left.min(block.len());
            pipe.write_all(&block[..bytes])
                .map_err(|e| format!("kcat's input: {e}"))?;
            left -= bytes;
        }
        drop(pipe);
        let status = child.wait().map_err(|e| format!("kcat: {e}"))?;
        if !status.success() {
            return Err(format!("kcat failed ({status})"));
        }
        Ok(started_at.elapsed())
    }

    fn kcat_consumes(&self) -> Result<Duration, String> {
        let mut command = kcat(self.broker.address, "-C", self.topic);
        // To the end of all partitions.
        command.args(["-o", "beginning", "-e"]).stdin(Stdio::null());
        let started_at = Instant::now();
        let status = command.status().map_err(|e| format!("kcat: {e}"))?;
        if !status.success() {
            return Err(format!("kcat failed ({status})"));
        }
        Ok(started_at.elapsed())
    }
}

fn kcat(address: SocketAddr, mode: &str, topic: &str) -> Command {
    let mut command = Command::new("kcat");
    command
        .args([mode, "-q", "-b", &address.to_string(), "-t", topic])
        .stdout(Stdio::null());
    command
}

fn output(mut command: Command) -> Result<String, String> {
    let name = format!("{}", command.get_program().display());
    let output = command.output().map_err(|e| format!("{name}: {e}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{name} failed ({}): {said}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// From `… records sent, 171232.9 records/sec (167.22 MB/sec), 12.34 ms avg latency, …`: the last line is of the whole run.
fn produced_mib_per_s(said: &str) -> Option<f64> {
    let (_, rest) = said.lines().rev().find_map(|line| line.split_once('('))?;
    rest.split_once(" MB/sec")?.0.parse().ok()
}

/// From `start, end, MB, MB/s, records, records/s, ms of rebalance, ms of fetches, MB/s of fetches, records/s of fetches`.
fn consumed_mib_per_s(said: &str) -> Option<f64> {
    let fields = said.lines().rev().map(|line| line.split(", "));
    let fields = fields.map(Iterator::collect::<Vec<_>>);
    let last = fields.into_iter().find(|fields| fields.len() == 10)?;
    last[8].trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_java_tools_say_is_read() {
        let said = "1000 records sent, 9.0 records/sec (1.50 MB/sec), 1.0 ms avg latency, 9.0 ms max latency.\n\
                    2000 records sent, 10.0 records/sec (167.22 MB/sec), 1.0 ms avg latency, 9.0 ms max latency, 1 ms 50th.\n";
        assert_eq!(produced_mib_per_s(said), Some(167.22));
        assert_eq!(produced_mib_per_s("an error"), None);
        let said = "2026-01-01 00:00:00:000, 2026-01-01 00:00:02:000, 512.0, 256.0, 524288, 262144.0, 500, 1500, 341.3, 349525.3\n";
        assert_eq!(consumed_mib_per_s(said), Some(341.3));
        assert_eq!(consumed_mib_per_s(""), None);
    }
}
