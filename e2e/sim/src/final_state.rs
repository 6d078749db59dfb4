//! What a scenario leaves behind, without anything that may differ between two ways to it: no uid,
//! no version number, no time. Two runs of a scenario, however disturbed, must leave the same.

use std::fmt::Write as _;

use kring_sim::world::World;
use serde_json::Value;

use crate::api_server::{CONFIG_MAPS, PODS, SETS};
use crate::cloud::Cloud;
use crate::truth;

/// The final state, a line for each fact.
pub(crate) fn describe(cloud: &mut Cloud) -> String {
    let mut text = String::new();
    objects(cloud, &mut text);
    status(&cloud.api.cluster()["status"], &mut text);
    for (broker, (version, config)) in &cloud.kubelet.running {
        // Length and a checksum tell two files apart, and a line stays a line.
        let sum: u64 = config.bytes().fold(7, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let is_up = cloud.world.machine(*broker).is_some_and(|m| m.is_up());
        line(
            &mut text,
            &format!("process {broker}: up={is_up} {version} {sum:x}"),
        );
    }
    brokers(&mut cloud.world, &mut text);
    text
}

fn objects(cloud: &Cloud, text: &mut String) {
    for (path, object) in &cloud.api.store.objects {
        let hash = |holder: &Value| {
            holder["metadata"]["annotations"]["kring.io/template-hash"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        if path.starts_with(SETS) {
            line(
                text,
                &format!("{path} {}", hash(&object["spec"]["template"])),
            );
        } else if path.starts_with(PODS) {
            let ready = &object["status"]["conditions"][0]["status"];
            line(text, &format!("{path} {} ready={ready}", hash(object)));
        } else if path.starts_with(CONFIG_MAPS) {
            line(text, &format!("{path} {}", object["data"]));
        } else {
            line(text, path);
        }
    }
}

fn status(status: &Value, text: &mut String) {
    for condition in status["conditions"].as_array().into_iter().flatten() {
        let (kind, state, reason) = (
            &condition["type"],
            &condition["status"],
            &condition["reason"],
        );
        line(text, &format!("condition {kind}={state} {reason}"));
    }
    for field in [
        "observedGeneration",
        "version",
        "replicas",
        "readyReplicas",
        "voters",
        "partitions",
        "dynamicConfigHash",
    ] {
        line(text, &format!("status {field}={}", status[field]));
    }
    for broker in status["brokers"].as_array().into_iter().flatten() {
        let fields = [
            "id",
            "state",
            "phase",
            "version",
            "templateHash",
            "restartReasons",
        ];
        let facts: Vec<String> = fields
            .iter()
            .map(|field| format!("{field}={}", broker[field]))
            .collect();
        line(text, &format!("status broker {}", facts.join(" ")));
    }
    let rollout = &status["rollout"];
    for field in ["id", "reasons", "done", "total", "grant"] {
        line(text, &format!("rollout {field}={}", rollout[field]));
    }
    line(
        text,
        &format!("rollout finished={}", !rollout["finishedAt"].is_null()),
    );
}

fn brokers(world: &mut World, text: &mut String) {
    let Some(image) = truth::image(world) else {
        return line(text, "no controller");
    };
    for (id, broker) in &image.brokers {
        let replicas = truth::partitions(&image)
            .filter(|(_, partition)| partition.replicas.contains(id))
            .count();
        line(
            text,
            &format!(
                "broker {id}: {} fenced={} maintenance={} decommissioning={} replicas={replicas}",
                broker.version,
                broker.fenced,
                broker.maintenance.is_some(),
                broker.decommissioning
            ),
        );
    }
    for (name, partition) in truth::partitions(&image) {
        line(
            text,
            &format!(
                "{name}: {} of {} in sync, led={}",
                partition.isr.len(),
                partition.replicas.len(),
                partition.leader.is_some()
            ),
        );
    }
    line(text, &format!("settings {:?}", image.cluster_config));
}

fn line(text: &mut String, fact: &str) {
    writeln!(text, "{fact}").expect("a String takes everything");
}

/// The facts in which two final states differ.
pub(crate) fn differences(expected: &str, found: &str) -> Vec<String> {
    let gone = expected
        .lines()
        .filter(|line| !found.lines().any(|other| other == *line))
        .map(|line| format!("missing: {line}"));
    let new = found
        .lines()
        .filter(|line| !expected.lines().any(|other| other == *line))
        .map(|line| format!("instead: {line}"));
    gone.chain(new).collect()
}
