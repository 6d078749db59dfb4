//! What the process knows about itself, for the probes.
//! It is written by `run` and read by `probes`.

use std::sync::{Mutex, PoisonError};

/// What the operator is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has not asked Kubernetes yet.
    Starting,
    /// These kinds are not installed.
    MissingDefinitions(Vec<String>),
    /// Another process holds the lease.
    StandingBy,
    /// It reconciles.
    Working,
}

/// The stage, shared.
#[derive(Debug)]
pub(crate) struct State(Mutex<Stage>);

impl State {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Stage::Starting))
    }

    pub(crate) fn set(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    pub(crate) fn get(&self) -> Stage {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
