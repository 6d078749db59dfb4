//! What ends a reconcile early, and when to try again.
//! Waiting for brokers is no error; it is a state.

use std::time::Duration;

use kube::runtime::controller::Action;

/// Why a reconcile ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or did not answer.
    #[error("Kubernetes API: {}", sentence(.0))]
    Kubernetes(#[from] kube::Error),
    /// No random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(String),
    /// It took too long.
    #[error("the reconcile took longer than {0:?}")]
    Timeout(Duration),
    /// A broker refused what it should not refuse.
    #[error("{0}")]
    Broker(#[from] kring_admin_client::Error),
}

impl Error {
    /// Someone changed the object in between: read it again.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Kubernetes(kube::Error::Api(status)) if status.code == 409)
    }

    /// When to try again.
    #[must_use]
    pub fn retry(&self) -> Action {
        Action::requeue(self.retry_after())
    }

    /// When to try again, as a number.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        if self.is_conflict() {
            Duration::from_millis(100)
        } else {
            Duration::from_secs(5)
        }
    }
}

/// What the API server says, without the whole answer around it.
fn sentence(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => other.to_string(),
    }
}
