//! Somebody else's client beside our own: `kring-load`, that is librdkafka, with an idempotent producer and a consumer group.
//! It keeps its own books; its report is judged as it is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kring_load::Report;

use crate::client::admin;
use crate::cluster::Cluster;

/// Partitions of its topic.
const PARTITIONS: i32 = 6;
/// Time within which its topic must be there.
const TOPIC_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take over what is left after the last fault.
const DRAIN_SECONDS: u64 = 60;
/// How long it may take to end: the drain, and reading its topic again.
const END_WITHIN: Duration = Duration::from_secs(150);

/// The client at work.
#[derive(Debug)]
pub(crate) struct Foreign {
    child: Child,
    /// Its appearance tells the client to finish.
    stop: PathBuf,
    output: PathBuf,
}

/// What it says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    pub(crate) acknowledged: u64,
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) violations: Vec<String>,
}

impl Books {
    /// Adds those of another episode.
    pub(crate) fn add(&mut self, other: Books) {
        self.acknowledged += other.acknowledged;
        self.received += other.received;
        self.lost += other.lost;
        self.violations.extend(other.violations);
    }
}

impl Foreign {
    /// Creates its topic and lets it begin, `rate` records per second.
    ///
    /// # Errors
    /// When the topic cannot be created or the program not be started.
    pub(crate) fn begin(
        program: &Path,
        folder: &Path,
        name: &str,
        rate: u64,
    ) -> Result<Foreign, String> {
        let brokers = Cluster::addresses();
        let topic = format!("foreign-{name}");
        admin::create_topic(&brokers, &topic, PARTITIONS, &[], TOPIC_WITHIN)?;
        let bootstrap: Vec<String> = brokers.iter().map(ToString::to_string).collect();
        let stop = folder.join(format!("{topic}-stop"));
        let output = folder.join(format!("{topic}-output"));
        let open = |path: &Path| File::create(path).map_err(|e| format!("{}: {e}", path.display()));
        let child = Command::new(program)
            .args(["roundtrip", "--until-stopped", "--records", "1000"])
            .args(["--topic", &topic, "--producer", &topic])
            .args(["--bootstrap", &bootstrap.join(",")])
            .args(["--rate", &rate.to_string(), "--value-bytes", "64"])
            .args(["--drain-seconds", &DRAIN_SECONDS.to_string()])
            // Faults last longer than the time after which the library gives a record up.
            .args(["--set", "message.timeout.ms=600000"])
            // A consumer that heard nothing for a session joins again under another name, and the
            // group waits a session for the old one.
            .args(["--set", "session.timeout.ms=10000"])
            // What its consumer waits for stands in its log, for the case that it never gets on.
            .args(["--set", "debug=cgrp"])
            .arg("--stop-file")
            .arg(&stop)
            .stdin(Stdio::null())
            .stdout(open(&output)?)
            .stderr(open(&output.with_extension("log"))?)
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        Ok(Foreign {
            child,
            stop,
            output,
        })
    }

    /// Tells it to finish; gives its books.
    pub(crate) fn end(mut self) -> Books {
        let mut books = Books::default();
        if let Err(error) = fs::write(&self.stop, "") {
            let fact = format!("{}: {error}", self.stop.display());
            books.violations.push(fact);
        }
        let deadline = Instant::now() + END_WITHIN;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            sleep(Duration::from_millis(50));
        }
        // If it has ended this does nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let output = fs::read_to_string(&self.output).unwrap_or_default();
        match Report::find(&output) {
            Ok(report) => {
                let violations = report.violations();
                let named = violations.iter().map(|fact| format!("librdkafka: {fact}"));
                books.violations.extend(named);
                books.acknowledged = report.acknowledged;
                books.received = report.received;
                books.lost = report.lost;
            }
            Err(reason) => {
                let at = self.output.display();
                let fact = format!("librdkafka gave no report ({at}): {reason}");
                books.violations.push(fact);
            }
        }
        books
    }
}
