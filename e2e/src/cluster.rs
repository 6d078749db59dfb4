//! The Kubernetes that `KUBECONFIG` names, through `kubectl` and `helm`.
//! It starts none: `e2e/run` does.

use serde::de::DeserializeOwned;

use crate::command::{CommandError, run};

/// A Kubernetes.
#[derive(Clone, Debug)]
pub struct Cluster {
    image_prefix: String,
    version: String,
    next_version: String,
}

impl Cluster {
    /// Asks the API server whether it is there.
    ///
    /// # Errors
    /// When `KUBECONFIG` is not set or the API server does not answer.
    pub fn connect() -> Result<Self, String> {
        if std::env::var_os("KUBECONFIG").is_none() {
            return Err("KUBECONFIG is not set; run the tests with e2e/run".to_owned());
        }
        let setting = |name: &str, default: &str| std::env::var(name).unwrap_or(default.to_owned());
        let cluster = Self {
            image_prefix: setting("KRING_IMAGE_PREFIX", "kring.local"),
            version: setting("KRING_E2E_VERSION", env!("CARGO_PKG_VERSION")),
            next_version: setting(
                "KRING_E2E_NEXT_VERSION",
                concat!(env!("CARGO_PKG_VERSION"), "-next"),
            ),
        };
        cluster
            .kubectl(&["get", "--raw", "/readyz"])
            .map_err(|error| error.to_string())?;
        Ok(cluster)
    }

    /// Registry and path in the names of our images.
    #[must_use]
    pub fn image_prefix(&self) -> &str {
        &self.image_prefix
    }

    /// Version of the images under test.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Another version of the broker image, to roll to.
    #[must_use]
    pub fn next_version(&self) -> &str {
        &self.next_version
    }

    /// Runs `kubectl`.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, CommandError> {
        run("kubectl", arguments, "")
    }

    /// Runs `helm`.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn helm(&self, arguments: &[&str]) -> Result<String, CommandError> {
        run("helm", arguments, "")
    }

    /// Applies a manifest in a namespace.
    ///
    /// # Errors
    /// What the API server refuses, in its words.
    pub fn apply(&self, namespace: &str, manifest: &str) -> Result<(), CommandError> {
        run(
            "kubectl",
            &["--namespace", namespace, "apply", "--filename", "-"],
            manifest,
        )?;
        Ok(())
    }

    /// Reads `kubectl get ARGUMENTS --output json`.
    ///
    /// # Errors
    /// When it is not there or has another form.
    pub fn get<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T, CommandError> {
        let mut all = vec!["get", "--output", "json"];
        all.extend(arguments);
        let json = self.kubectl(&all)?;
        serde_json::from_str(&json).map_err(|source| CommandError::Output {
            line: format!("kubectl {}", all.join(" ")),
            source,
        })
    }
}
