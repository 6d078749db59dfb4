//! What the machine is told about the world in one round.
//! It is plain data: who observed it and how is not the machine's business.

use kring_admin_api::{
    BrokerList, BrokerStatus, Identity, MaintenanceStatus, RestartCheck, ReturnLeaders,
};
use kring_crds::kafka_cluster::SingleReplica;

/// Everything the machine looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The brokers that should exist, in the order of their ids.
    pub brokers: Vec<Broker>,
    /// The brokers as the active controller sees them; none when no controller answered.
    pub cluster: Option<BrokerList>,
    /// Answers to this round's questions.
    pub answers: Answers,
    /// What the user asks for.
    pub policy: Policy,
    /// Why no broker may be taken now, when something else is at work.
    pub hold: Option<Waiting>,
    /// Why nobody knows what the brokers should be: the spec is refused, or the user paused it. Each
    /// broker's `target` is then what it was given last: the granted broker is brought to its end, and
    /// no other is taken or counted.
    pub frozen: Option<Waiting>,
}

use crate::waiting::Waiting;

/// One broker as Kubernetes and the broker itself show it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Broker {
    /// `node.id`.
    pub id: i32,
    /// Hash of the pod template it should have.
    pub target: String,
    /// Hash of the template its StatefulSet has; none when there is no StatefulSet.
    pub given: Option<String>,
    /// The StatefulSet controller has seen the StatefulSet as it is.
    pub given_is_observed: bool,
    /// Why given and target differ.
    pub reasons: Vec<String>,
    /// Its pod.
    pub pod: Option<Pod>,
    /// Who answers at its address.
    pub identity: Option<Identity>,
    /// The disk it had when it was last seen.
    pub known_disk: Option<String>,
    /// A disk that the user said may take the place of the known one.
    pub accepted_disk: Option<String>,
}

impl Broker {
    /// Its pod has, or will get when it starts, another template than it should.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        let differs =
            |hash: &Option<String>| hash.as_ref().is_some_and(|hash| *hash != self.target);
        differs(&self.given) || self.pod.as_ref().is_some_and(|pod| differs(&pod.template))
    }

    /// Its pod is ready and stays.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.pod
            .as_ref()
            .is_some_and(|pod| pod.ready && !pod.terminating)
    }
}

/// One pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    /// Its uid.
    pub uid: String,
    /// Hash of the template it was made from.
    pub template: Option<String>,
    /// Its readiness probe passes.
    pub ready: bool,
    /// It is being deleted.
    pub terminating: bool,
    /// Why it cannot start without someone's help.
    pub stuck: Option<String>,
}

/// What the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// After this many milliseconds a drain is called late.
    pub drain_timeout_ms: i64,
    /// How many milliseconds a broker must serve well before the next.
    pub soak_ms: i64,
    /// What to do about partitions with one replica.
    pub single_replica: SingleReplica,
}

/// Answers to the questions of [`crate::asks`]; what failed or was not asked is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// What a restart of the granted broker would harm.
    pub restart_check: Option<RestartCheck>,
    /// How far its drain is.
    pub maintenance: Option<MaintenanceStatus>,
    /// Maintenance is off.
    pub resumed: bool,
    /// The largest epoch the controller has seen, where it refused this round's order.
    pub epoch_in_force: Option<i64>,
    /// How far the return of its leaders is.
    pub return_leaders: Option<ReturnLeaders>,
}

impl Snapshot {
    /// One broker as Kubernetes shows it.
    #[must_use]
    pub fn broker(&self, id: i32) -> Option<&Broker> {
        self.brokers.iter().find(|broker| broker.id == id)
    }

    /// One broker as the controller sees it.
    #[must_use]
    pub fn status(&self, id: i32) -> Option<&BrokerStatus> {
        self.cluster
            .as_ref()?
            .brokers
            .iter()
            .find(|status| status.id == id)
    }

    /// Whether a broker is the active controller.
    #[must_use]
    pub fn is_controller(&self, id: i32) -> bool {
        self.cluster
            .as_ref()
            .is_some_and(|cluster| cluster.controller_id == id)
    }

    /// The broker serves no client: its pod is not ready, and the controller has fenced it or there
    /// is no controller.
    #[must_use]
    pub fn serves_nothing(&self, broker: &Broker) -> bool {
        let fenced = match &self.cluster {
            None => true,
            Some(_) => self.status(broker.id).is_none_or(|status| status.fenced),
        };
        !broker.is_ready() && fenced
    }
}
