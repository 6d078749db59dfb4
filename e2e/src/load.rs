//! A client under load in a pod of its own, and its report.
//! The clients are `kring-load` (librdkafka) and its Java counterpart, in the same image.

use std::time::Duration;

use kring_load::Report;
use serde_json::json;

use crate::command::CommandError;
use crate::kafka::{Kafka, TOPIC};
use crate::{Namespace, waiting};

/// Which client library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// C, used by most languages but Java and Go.
    Librdkafka,
    /// The reference client.
    Java,
}

/// What the client does.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The library.
    pub client: Client,
    /// Records to send, at least.
    pub records: u64,
    /// Records per second; 0 is as fast as it goes.
    pub rate: u64,
    /// Go on until [`Load::finish`].
    pub until_finished: bool,
}

/// A running client.
#[derive(Debug)]
pub struct Load<'n> {
    namespace: &'n Namespace,
    client: Client,
    pod: String,
}

const JAVA: [&str; 5] = [
    "/usr/lib/jvm/bin/java",
    "-Xmx256m",
    "-cp",
    "/usr/share/kring-load/*",
    "io.kring.load.Main",
];

impl Client {
    fn command(self) -> Vec<&'static str> {
        match self {
            Self::Librdkafka => vec!["/usr/bin/kring-load"],
            Self::Java => JAVA.to_vec(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Librdkafka => "librdkafka",
            Self::Java => "java",
        }
    }
}

impl<'n> Load<'n> {
    /// Starts the client in the cluster's namespace.
    ///
    /// # Errors
    /// When the API server refuses the pod.
    pub fn start(kafka: &Kafka<'n>, shape: Shape) -> Result<Self, CommandError> {
        Self::start_on(kafka, TOPIC, shape)
    }

    /// The same with another topic than the quick start's.
    ///
    /// # Errors
    /// When the API server refuses the pod.
    pub fn start_on(kafka: &Kafka<'n>, topic: &str, shape: Shape) -> Result<Self, CommandError> {
        let namespace = kafka.namespace();
        let pod = format!("load-{}-{topic}", shape.client.name());
        let mut command: Vec<String> = shape
            .client
            .command()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let options = [
            ("--bootstrap", kafka.bootstrap()),
            ("--topic", topic.to_owned()),
            ("--records", shape.records.to_string()),
            ("--rate", shape.rate.to_string()),
        ];
        command.push("roundtrip".to_owned());
        for (name, value) in options {
            command.extend([name.to_owned(), value]);
        }
        if shape.until_finished {
            command.push("--until-stopped".to_owned());
        }
        let cluster = namespace.cluster();
        let image = format!(
            "{}/kring-load:{}",
            cluster.image_prefix(),
            env!("CARGO_PKG_VERSION")
        );
        // A pod of an earlier run holds that run's report.
        namespace.kubectl(&["delete", "pod", &pod, "--ignore-not-found"])?;
        cluster.apply(namespace.name(), &pod_manifest(&pod, &image, &command))?;
        Ok(Self {
            namespace,
            client: shape.client,
            pod,
        })
    }

    /// What the client wrote last about its progress.
    ///
    /// # Errors
    /// When the pod does not run yet.
    pub fn last_line(&self) -> Result<String, CommandError> {
        let log = self.log()?;
        Ok(log.lines().last().unwrap_or_default().to_owned())
    }

    /// Waits until at least `records` are acknowledged.
    ///
    /// # Errors
    /// The log's last line.
    pub fn wait_acknowledged(&self, records: u64, limit: Duration) -> Result<(), String> {
        waiting::until("acknowledgements", limit, || {
            let last = self.last_line().map_err(|error| error.to_string())?;
            match acknowledged(&last) {
                Some(count) if count >= records => Ok(()),
                _ => Err(last),
            }
        })
    }

    /// Tells a client started with `until_finished` to end, waits for it, and answers its report.
    ///
    /// # Errors
    /// When the client does not end in time or leaves no report.
    pub fn finish(self, limit: Duration) -> Result<Report, String> {
        let mut arguments = vec!["exec", &self.pod, "--"];
        arguments.extend(self.client.command());
        arguments.push("stop");
        self.namespace
            .kubectl(&arguments)
            .map_err(|error| error.to_string())?;
        self.report(limit)
    }

    /// Waits for a client that ends by itself, and answers its report.
    ///
    /// # Errors
    /// When the client does not end in time or leaves no report.
    pub fn report(self, limit: Duration) -> Result<Report, String> {
        waiting::until("the client to end", limit, || {
            let phase = self
                .namespace
                .kubectl(&["get", "pod", &self.pod, "--output=jsonpath={.status.phase}"])
                .map_err(|error| error.to_string())?;
            match phase.as_str() {
                "Succeeded" | "Failed" => Ok(()),
                _ => Err(phase),
            }
        })?;
        let log = self.log().map_err(|error| error.to_string())?;
        let report = Report::find(&log)?;
        let _ = self
            .namespace
            .kubectl(&["delete", "pod", &self.pod, "--wait=false"]);
        Ok(report)
    }

    fn log(&self) -> Result<String, CommandError> {
        self.namespace.kubectl(&["logs", &self.pod, "--tail=50"])
    }
}

/// The count in a progress line, `12 s: 2400 sent, 2380 acknowledged, …`.
#[must_use]
pub fn acknowledged(line: &str) -> Option<u64> {
    let before = line.split(" acknowledged").next()?;
    if before.len() == line.len() {
        return None;
    }
    before.rsplit(' ').next()?.parse().ok()
}

fn pod_manifest(name: &str, image: &str, command: &[String]) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "kring-load"}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "load",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": command,
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
            }],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_acknowledged_count_is_read_from_a_progress_line() {
        assert_eq!(
            acknowledged("2 s: 10018 sent, 9984 acknowledged, 0 received, 0 errors"),
            Some(9984)
        );
        assert_eq!(acknowledged("reading the topic again"), None);
    }
}
