//! The demonstration on a running Kubernetes: install, produce, consume, roll, count.
//! Images and the Kubernetes itself are `hack/demo`'s part.

#![forbid(unsafe_code)]

mod progress;
mod table;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use kring_e2e::load::{Client, Shape, acknowledged};
use kring_e2e::{Cluster, Kafka, Load, Namespace, install, kafka};
use serde_json::json;

use crate::progress::Progress;

/// Namespace the demonstration uses and leaves.
const NAMESPACE: &str = "kring-demo";
/// Records to send, at least.
const RECORDS: u64 = 200_000;
/// Records per second: the load that the roll happens under.
const RATE: u64 = 4_000;
/// Records before the roll begins.
const BEFORE_THE_ROLL: u64 = 20_000;
/// No step may take longer.
const LIMIT: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether every promise was kept.
fn run() -> Result<bool, String> {
    let text = |error: kring_e2e::command::CommandError| error.to_string();
    let cluster = Cluster::connect()?;
    step("installing the operator with Helm");
    install::by_helm(&cluster).map_err(text)?;

    step(
        "applying e2e/manifests/quickstart.yaml and waiting: kubectl wait --for=condition=Ready kafkacluster/demo topic/orders",
    );
    let namespace = Namespace::keep(&cluster, NAMESPACE).map_err(text)?;
    let began = Instant::now();
    let (from, to) = versions(&cluster, &namespace);
    let kafka = Kafka::of_version(&namespace, &from).map_err(text)?;
    println!("   Ready after {:.1} s", began.elapsed().as_secs_f64());

    step("producing and consuming with librdkafka: acks=all, idempotent, keyed");
    let shape = Shape {
        client: Client::Librdkafka,
        records: RECORDS,
        rate: RATE,
        until_finished: true,
    };
    let load = Load::start(&kafka, shape).map_err(text)?;
    load.wait_acknowledged(BEFORE_THE_ROLL, LIMIT)?;

    step(&format!(
        "changing spec.version from {from} to {to}: the operator rolls every broker under that load"
    ));
    let rolled = Instant::now();
    kafka.patch_spec(&json!({"version": to})).map_err(text)?;
    let seconds = watch(&kafka, &load, &to, rolled)?;

    step("ending the load and reading the topic again from its beginning");
    let report = load.finish(LIMIT)?;
    let status = kafka.get().map_err(text)?.status.unwrap_or_default();
    print!("\n{}", table::of_load(&report));
    print!(
        "\n{}",
        table::of_roll(&from, &to, seconds, &status.rollout.unwrap_or_default())
    );
    let violations = report.violations();
    for violation in &violations {
        println!("BROKEN: {violation}");
    }
    print!("\n{}", table::what_next(NAMESPACE));
    Ok(violations.is_empty())
}

/// Follows load and roll until the roll is through and enough is acknowledged; answers the roll's seconds.
fn watch(kafka: &Kafka<'_>, load: &Load<'_>, version: &str, began: Instant) -> Result<f64, String> {
    let mut progress = Progress::default();
    let mut rolled = None;
    while began.elapsed() < LIMIT {
        let line = load.last_line().map_err(|error| error.to_string())?;
        let status = kafka
            .get()
            .map_err(|error| error.to_string())?
            .status
            .unwrap_or_default();
        let rollout = status.rollout.unwrap_or_default();
        progress.show(&line, &rollout);
        if rolled.is_none()
            && rollout.finished_at.is_some()
            && status.version.as_deref() == Some(version)
        {
            rolled = Some(began.elapsed().as_secs_f64());
        }
        if let Some(seconds) = rolled
            && acknowledged(&line).is_some_and(|count| count >= RECORDS)
        {
            progress.end();
            kafka.wait_ready(LIMIT).map_err(|error| error.to_string())?;
            return Ok(seconds);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    progress.end();
    Err(format!(
        "the roll is not through after {} s",
        LIMIT.as_secs()
    ))
}

/// What runs, and what to roll to: a second demonstration rolls back.
fn versions(cluster: &Cluster, namespace: &Namespace) -> (String, String) {
    let object = format!("kafkacluster/{}", kafka::NAME);
    let running = namespace
        .kubectl(&["get", &object, "--output=jsonpath={.spec.version}"])
        .unwrap_or_default();
    let (one, other) = (
        cluster.version().to_owned(),
        cluster.next_version().to_owned(),
    );
    if running == other {
        (other, one)
    } else {
        (one, other)
    }
}

fn step(what: &str) {
    println!("── {what}");
}
