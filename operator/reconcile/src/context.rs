//! What every reconcile is given: clients, options, the shared recorder of Events.
//! It holds no state of any cluster; that is in the API server.

use std::sync::Arc;

use kring_admin_client::Transport;
use kring_resources::Options;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};

use crate::gauges::Gauges;

/// Name under which the operator writes objects and Events.
pub(crate) const MANAGER: &str = "kring-operator";

/// What every reconcile is given.
#[derive(Clone)]
pub struct Context {
    pub(crate) client: Client,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) options: Options,
    pub(crate) recorder: Recorder,
    pub(crate) gauges: Arc<Gauges>,
}

impl Context {
    /// Puts together what a process was started with. `instance` is the operator's pod.
    #[must_use]
    pub fn new(
        client: Client,
        transport: Arc<dyn Transport>,
        options: Options,
        instance: Option<String>,
    ) -> Self {
        let reporter = Reporter {
            controller: MANAGER.to_owned(),
            instance,
        };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            transport,
            options,
            gauges: Arc::new(Gauges::default()),
        }
    }

    /// What the reconciles last found, for metrics.
    #[must_use]
    pub fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.gauges)
    }
}
