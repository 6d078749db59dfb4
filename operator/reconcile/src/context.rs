//! What every reconcile is given: clients, options, the name of the process.
//! It holds no state of any cluster; that is in the API server.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kring_admin_client::Transport;
use kring_crds::Topic;
use kring_resources::Options;
use kube::Client;
use kube::runtime::reflector::Store;

use crate::gauges::Gauges;

/// Name under which the operator writes objects and Events.
pub(crate) const MANAGER: &str = "kring-operator";

/// What every reconcile is given.
#[derive(Clone)]
pub struct Context {
    pub(crate) client: Client,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) options: Options,
    pub(crate) instance: String,
    pub(crate) gauges: Arc<Gauges>,
    /// What the watch of Topics has seen; without it the API server is asked.
    pub(crate) topics: Option<Store<Topic>>,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Context {
    /// Puts together what a process was started with. `instance` is the operator's pod.
    #[must_use]
    pub fn new(
        client: Client,
        transport: Arc<dyn Transport>,
        options: Options,
        instance: String,
    ) -> Self {
        Self {
            client,
            instance,
            transport,
            options,
            gauges: Arc::new(Gauges::default()),
            topics: None,
            clock: Arc::new(Timestamp::now),
        }
    }

    /// The same with what a watch of Topics keeps, so that looking for rivals of one Topic does not
    /// read all others from the API server.
    #[must_use]
    pub fn with_topics(&self, topics: Store<Topic>) -> Self {
        Self {
            topics: Some(topics),
            ..self.clone()
        }
    }

    /// The same, with another clock: a simulation has a time of its own.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        self.clock = clock;
        self
    }

    /// The time, which every status and Event is written with.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// What the reconciles last found, for metrics.
    #[must_use]
    pub fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.gauges)
    }
}
