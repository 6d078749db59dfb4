//! A namespace of one test, gone with it.
//! With `KRING_E2E_KEEP` set it stays, to look at what a failed test left.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::Cluster;
use crate::command::CommandError;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A namespace that admits only pods of the `restricted` Pod Security Standard.
#[derive(Debug)]
pub struct Namespace {
    cluster: Cluster,
    name: String,
    keep: bool,
}

impl Namespace {
    /// Creates one; `purpose` is in its name.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn create(cluster: &Cluster, purpose: &str) -> Result<Self, CommandError> {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("e2e-{purpose}-{}-{count}", std::process::id());
        let namespace = Self {
            cluster: cluster.clone(),
            name,
            keep: std::env::var_os("KRING_E2E_KEEP").is_some(),
        };
        namespace.apply()?;
        Ok(namespace)
    }

    /// One that stays, whether it is there already or not.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn keep(cluster: &Cluster, name: &str) -> Result<Self, CommandError> {
        let namespace = Self {
            cluster: cluster.clone(),
            name: name.to_owned(),
            keep: true,
        };
        namespace.apply()?;
        Ok(namespace)
    }

    fn apply(&self) -> Result<(), CommandError> {
        let manifest = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": self.name,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        });
        self.cluster.apply("default", &manifest.to_string())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same namespace for another thread, which does not remove it.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self {
            cluster: self.cluster.clone(),
            name: self.name.clone(),
            keep: true,
        }
    }

    /// The cluster it is in.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Runs `kubectl` in it.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, CommandError> {
        let mut all = vec!["--namespace", self.name()];
        all.extend(arguments);
        self.cluster.kubectl(&all)
    }

    /// What a person would look at first when a test failed: objects, events, logs.
    #[must_use]
    pub fn describe(&self) -> String {
        let looks: [&[&str]; 5] = [
            &["get", "kafkaclusters,topics,pods,pvc", "--output", "wide"],
            &[
                "get",
                "kafkaclusters",
                "--output",
                "jsonpath={.items[*].status}",
            ],
            &["get", "events", "--sort-by=.lastTimestamp"],
            &[
                "logs",
                "--selector=app.kubernetes.io/name=kring-broker",
                "--tail=30",
                "--prefix",
            ],
            &[
                "logs",
                "--namespace=kring-system",
                "--selector=app.kubernetes.io/name=kring",
                "--tail=40",
            ],
        ];
        looks
            .iter()
            .map(|look| match self.kubectl(look) {
                Ok(text) => format!("── kubectl {}\n{text}\n", look.join(" ")),
                Err(error) => format!("── {error}\n"),
            })
            .collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.describe());
        }
        if !self.keep {
            // The next test does not wait for it.
            let _ = self
                .cluster
                .kubectl(&["delete", "namespace", self.name(), "--wait=false"]);
        }
    }
}
