//! Watches every stop of a broker's pod and notes what the brokers themselves said just before.
//! The operator is not asked: its own Events could repeat its own mistake.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kring_admin_api::BrokerList;
use serde::Deserialize;

use crate::Namespace;
use crate::admin::Admin;
use crate::kafka::NAME;

/// How often the brokers are asked.
const INTERVAL: Duration = Duration::from_millis(50);
/// After so many questions the pods' addresses are looked up again.
const LOOK_UP_AFTER: u32 = 20;

/// One stop of a pod.
#[derive(Clone, Debug)]
pub struct Stop {
    /// The broker.
    pub broker: i32,
    /// What the brokers said last before the stop was seen; none when they never answered.
    pub before: Option<BrokerList>,
    /// How long before.
    pub age: Duration,
}

impl Stop {
    /// What this stop took away that it should not have, in words; empty when all was well.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let id = self.broker;
        let Some(list) = &self.before else {
            return vec![format!(
                "broker {id}: nobody answered before it was stopped"
            )];
        };
        let mut wrong = Vec::new();
        match list.brokers.iter().find(|status| status.id == id) {
            None => wrong.push(format!("broker {id} was not registered")),
            Some(status) => {
                if status.leaders > 0 || status.coordinators > 0 {
                    wrong.push(format!(
                        "broker {id} was stopped with {} leaders and {} coordinators",
                        status.leaders, status.coordinators
                    ));
                }
            }
        }
        for other in list.brokers.iter().filter(|status| status.id != id) {
            if other.fenced || other.in_sync_replicas < other.replicas {
                wrong.push(format!(
                    "when broker {id} was stopped, broker {} was in {} of its {} ISRs, fenced: {}",
                    other.id, other.in_sync_replicas, other.replicas, other.fenced
                ));
            }
        }
        wrong
    }
}

type Sample = Arc<Mutex<Option<(Instant, BrokerList)>>>;

/// Two threads that watch until [`Stops::end`].
#[derive(Debug)]
pub struct Stops {
    ended: Arc<AtomicBool>,
    kubectl: Child,
    watch: Option<JoinHandle<Vec<Stop>>>,
    ask: Option<JoinHandle<()>>,
}

impl Stops {
    /// Begins to watch.
    ///
    /// # Errors
    /// When the brokers cannot be asked from this machine, or kubectl does not start.
    pub fn watch(namespace: &Namespace) -> Result<Self, String> {
        let admin = Admin::of(namespace)?;
        let first = admin.brokers()?;
        let sample: Sample = Arc::new(Mutex::new(Some((Instant::now(), first))));
        let ended = Arc::new(AtomicBool::new(false));
        let mut kubectl = Command::new("kubectl")
            .args(["--namespace", namespace.name(), "get", "pods", "--watch"])
            .args([
                "--output=json",
                &format!("--selector=kring.io/cluster={NAME}"),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("kubectl: {error}"))?;
        let pods = BufReader::new(kubectl.stdout.take().expect("stdout is piped"));
        let ask = {
            let (sample, ended) = (Arc::clone(&sample), Arc::clone(&ended));
            let namespace = namespace.handle();
            thread::spawn(move || ask(admin, &namespace, &sample, &ended))
        };
        let watch = thread::spawn(move || stops_of(pods, &sample));
        Ok(Self {
            ended,
            kubectl,
            watch: Some(watch),
            ask: Some(ask),
        })
    }

    /// Ends the watch and answers every stop that was seen, in order.
    #[must_use]
    pub fn end(mut self) -> Vec<Stop> {
        self.finish();
        let watch = self.watch.take();
        watch.map_or_else(Vec::new, |watch| watch.join().unwrap_or_default())
    }

    fn finish(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
        if let Some(ask) = self.ask.take() {
            let _ = ask.join();
        }
    }
}

impl Drop for Stops {
    fn drop(&mut self) {
        self.finish();
    }
}

fn ask(mut admin: Admin, namespace: &Namespace, sample: &Sample, ended: &AtomicBool) {
    let mut asked: u32 = 0;
    while !ended.load(Ordering::Relaxed) {
        asked += 1;
        if asked.is_multiple_of(LOOK_UP_AFTER) {
            let _ = admin.find(namespace);
        }
        if let Ok(list) = admin.brokers() {
            *sample.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), list));
        }
        thread::sleep(INTERVAL);
    }
}

/// Each pod's first sight with a deletion timestamp is a stop.
fn stops_of(pods: impl std::io::Read, sample: &Sample) -> Vec<Stop> {
    let mut seen = BTreeSet::new();
    let mut stops = Vec::new();
    let stream = serde_json::Deserializer::from_reader(pods).into_iter::<serde_json::Value>();
    for value in stream.map_while(Result::ok) {
        let Ok(pod) = Pod::deserialize(value) else {
            continue;
        };
        let id = pod.metadata.labels.as_ref();
        let id = id.and_then(|labels| labels.get("kring.io/broker-id")?.parse().ok());
        let (Some(broker), Some(uid)) = (id, pod.metadata.uid) else {
            continue;
        };
        if pod.metadata.deletion_timestamp.is_none() || !seen.insert(uid) {
            continue;
        }
        let last = sample
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        stops.push(Stop {
            broker,
            age: last.as_ref().map_or(Duration::MAX, |(at, _)| at.elapsed()),
            before: last.map(|(_, list)| list),
        });
    }
    stops
}

#[cfg(test)]
mod tests {
    use kring_admin_api::BrokerStatus;

    use super::*;

    fn broker(id: i32, leaders: u64, in_sync_replicas: u64) -> BrokerStatus {
        BrokerStatus {
            id,
            leaders,
            replicas: 6,
            in_sync_replicas,
            ..BrokerStatus::default()
        }
    }

    fn pod(uid: &str, deleted: bool) -> serde_json::Value {
        let mut pod =
            serde_json::json!({"metadata": {"uid": uid, "labels": {"kring.io/broker-id": "1"}}});
        if deleted {
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        pod
    }

    #[test]
    fn a_stop_is_seen_once_and_judged_by_what_the_brokers_said() {
        let list = BrokerList {
            brokers: vec![broker(0, 3, 6), broker(1, 2, 6), broker(2, 3, 5)],
            ..BrokerList::default()
        };
        let sample: Sample = Arc::new(Mutex::new(Some((Instant::now(), list))));
        let text = [("a", false), ("a", true), ("a", true), ("b", false)]
            .map(|(uid, deleted)| pod(uid, deleted).to_string())
            .join("\n");
        let stops = stops_of(text.as_bytes(), &sample);
        assert_eq!(stops.len(), 1);
        assert_eq!(
            stops[0].violations(),
            [
                "broker 1 was stopped with 2 leaders and 0 coordinators",
                "when broker 1 was stopped, broker 2 was in 5 of its 6 ISRs, fenced: false",
            ]
        );
    }
}
