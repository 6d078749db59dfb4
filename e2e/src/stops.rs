//! Watches every stop of a broker's pod and notes what the brokers themselves said just before, and
//! the stopped one when it was asked to end.
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
use crate::last_words::{LastWord, Listener};

/// How often the brokers are asked.
const INTERVAL: Duration = Duration::from_millis(50);
/// After so many questions the pods' addresses are looked up again.
const LOOK_UP_AFTER: u32 = 20;

/// One stop of a pod.
#[derive(Clone, Debug)]
pub struct Stop {
    /// The broker.
    pub broker: i32,
    /// Its pod.
    pub pod: String,
    /// What the brokers said last before the stop was seen; none when they never answered.
    pub before: Option<BrokerList>,
    /// How long before.
    pub age: Duration,
    /// What it said of itself when it was asked to end; none when it was not heard.
    pub last_word: Option<LastWord>,
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
                let before = LastWord {
                    leaders: status.leaders,
                    coordinators: status.coordinators,
                };
                // A drain may be over within the age of what was asked before, and a broker may hear
                // of its own last hand-over late. Each is only believed when the other says the same.
                let held = before.leaders + before.coordinators > 0
                    && self
                        .last_word
                        .is_none_or(|word| word.leaders + word.coordinators > 0);
                if held {
                    wrong.push(format!(
                        "broker {id} was stopped with {} leaders and {} coordinators; its last word: {:?}",
                        before.leaders, before.coordinators, self.last_word
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

/// Threads that watch until [`Stops::end`].
#[derive(Debug)]
pub struct Stops {
    listeners: Vec<Listener>,
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
        let listeners = admin.pods().iter();
        let listeners = listeners.map(|pod| Listener::follow(namespace.name(), pod));
        let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
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
            listeners,
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
        let mut stops = watch.map_or_else(Vec::new, |watch| watch.join().unwrap_or_default());
        for mut listener in std::mem::take(&mut self.listeners) {
            let pod = listener.pod().to_owned();
            let word = listener.end();
            // The first stop of this name is that of the pod that was followed.
            if let Some(stop) = stops.iter_mut().find(|stop| stop.pod == pod) {
                stop.last_word = word;
            }
        }
        stops
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
        let (Some(broker), Some(uid), Some(pod_name)) = (id, pod.metadata.uid, pod.metadata.name)
        else {
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
            pod: pod_name,
            last_word: None,
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
        let mut pod = serde_json::json!({"metadata": {"name": "demo-1-0", "uid": uid, "labels": {"kring.io/broker-id": "1"}}});
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
        let mut stops = stops_of(text.as_bytes(), &sample);
        assert_eq!(stops.len(), 1);
        assert_eq!(
            stops[0].violations(),
            [
                "broker 1 was stopped with 2 leaders and 0 coordinators; its last word: None",
                "when broker 1 was stopped, broker 2 was in 5 of its 6 ISRs, fenced: false",
            ]
        );
        let word = |leaders| LastWord {
            leaders,
            coordinators: 0,
        };
        stops[0].last_word = Some(word(1));
        assert_eq!(stops[0].violations().len(), 2);
        stops[0].last_word = Some(word(0));
        assert_eq!(stops[0].violations().len(), 1, "the drain was over by then");
    }
}
