//! A cluster in memory that answers the admin API, for tests of the operator.
//! It keeps the contract's promises (a drained broker leads nothing) and nothing else.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use futures::future::BoxFuture;
use kring_admin_api::{
    AlterTopicRequest, BrokerList, BrokerStatus, ClusterConfig, ClusterConfigRequest,
    CreateTopicRequest, DecommissionRequest, DecommissionStatus, ErrorBody, Health, Identity,
    MaintenanceRequest, MaintenanceStatus, RestartCheck, RestartCheckRequest, ReturnLeaders,
    ReturnLeadersRequest, Risk, TopicDescription, TopicGroups, UnregisterRequest, error, path,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::brokers::Endpoint;
use crate::error::Error;
use crate::transport::{Call, Method, Reply, Transport};

/// One broker.
#[derive(Clone, Debug)]
pub struct MemoryBroker {
    /// Its process runs and answers.
    pub alive: bool,
    /// Its data directory.
    pub disk_id: String,
    /// Its process.
    pub boot: u32,
    /// Maintenance is on.
    pub maintenance: bool,
    /// It is being emptied.
    pub decommissioning: bool,
    /// Partitions it leads.
    pub leaders: u64,
    /// Partitions that prefer it.
    pub preferred_leaders: u64,
    /// Partitions it holds.
    pub replicas: u64,
    /// Of those, in sync.
    pub in_sync_replicas: u64,
}

/// What the cluster knows.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Brokers by id.
    pub brokers: BTreeMap<i32, MemoryBroker>,
    /// Topics by name.
    pub topics: BTreeMap<String, TopicDescription>,
    /// What each broker tells of the groups of a topic.
    pub groups: BTreeMap<(i32, String), TopicGroups>,
    /// The largest epoch of any maintenance request.
    pub maintenance_epoch: i64,
    /// The cluster-wide dynamic settings.
    pub config: BTreeMap<String, String>,
    /// The active controller; none makes every cluster-wide call fail with 503.
    pub controller: Option<i32>,
    /// Each call that changed something, in order.
    pub log: Vec<String>,
}

/// A cluster in memory.
#[derive(Debug, Default)]
pub struct Memory(Mutex<State>);

impl Memory {
    /// A cluster of `brokers` brokers that lead two partitions each.
    #[must_use]
    pub fn new(brokers: i32) -> Self {
        let broker = |id: i32| MemoryBroker {
            alive: true,
            disk_id: format!("disk-{id}"),
            boot: 1,
            maintenance: false,
            decommissioning: false,
            leaders: 2,
            preferred_leaders: 2,
            replicas: 6,
            in_sync_replicas: 6,
        };
        Self(Mutex::new(State {
            brokers: (0..brokers).map(|id| (id, broker(id))).collect(),
            controller: Some(0),
            ..State::default()
        }))
    }

    /// The state, to look at or to change.
    ///
    /// # Panics
    /// When another test thread panicked while it held the state.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .expect("no test panics while it holds the state")
    }
}

impl Transport for Memory {
    fn exchange<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        _token: &'a str,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            let mut state = self.state();
            if !state
                .brokers
                .get(&endpoint.broker)
                .is_some_and(|broker| broker.alive)
            {
                return Err(Error::Unreachable {
                    broker: endpoint.broker,
                    address: endpoint.address.clone(),
                    why: "it is down".to_owned(),
                });
            }
            if call.method != Method::Get && call.path != path::RESTART_CHECK {
                let body = String::from_utf8_lossy(&call.body);
                state
                    .log
                    .push(format!("{} {} {body}", call.method.as_str(), call.path));
            }
            Ok(state
                .answer(endpoint.broker, call)
                .unwrap_or_else(|refusal| refusal))
        })
    }
}

type Answer = Result<Reply, Reply>;

impl State {
    fn answer(&mut self, asked: i32, call: &Call) -> Answer {
        if call.path == path::IDENTITY {
            return ok(&self.identity(asked));
        }
        let Some(controller_id) = self.controller else {
            return refuse(503, error::UNAVAILABLE, "no controller is known");
        };
        match (call.method, call.path.as_str()) {
            (Method::Get, path::HEALTH) => ok(&self.health(controller_id)),
            (Method::Get, path::BROKERS) => ok(&self.list(controller_id)),
            (Method::Post, path::RESTART_CHECK) => {
                let _: RestartCheckRequest = body(call)?;
                ok(&RestartCheck::default())
            }
            (Method::Post, path::MAINTENANCE) => self.maintenance(&body(call)?),
            (Method::Post, path::RETURN_LEADERS) => self.return_leaders(&body(call)?),
            (Method::Post, path::DECOMMISSION) => self.decommission(&body(call)?),
            (Method::Post, path::UNREGISTER) => self.unregister(&body(call)?),
            (Method::Get, path::CLUSTER_CONFIG) => ok(&ClusterConfig {
                config: self.config.clone(),
            }),
            (Method::Put, path::CLUSTER_CONFIG) => self.replace_config(body(call)?),
            (Method::Post, path::TOPICS) => self.create(body(call)?),
            (Method::Get, asked) if asked.starts_with(path::MAINTENANCE) => {
                let id = asked.rsplit('=').next().and_then(|id| id.parse().ok());
                self.maintained(id.unwrap_or(-1))
            }
            (Method::Get, path) if path.ends_with("/groups") => {
                let topic = path.split('/').nth(3).unwrap_or_default();
                let told = self.groups.get(&(asked, topic.to_owned()));
                ok(&told.cloned().unwrap_or_default())
            }
            (method, topic) if topic.starts_with(path::TOPIC) => {
                self.topic(method, &topic[path::TOPIC.len()..], call)
            }
            _ => refuse(404, error::NOT_FOUND, "no such path"),
        }
    }

    fn identity(&self, id: i32) -> Identity {
        let broker = &self.brokers[&id];
        Identity {
            cluster_id: "memory-cluster-id-0000".to_owned(),
            broker_id: id,
            disk_id: broker.disk_id.clone(),
            boot_id: format!("{id}-{}", broker.boot),
            version: "0.1.0".to_owned(),
            io_driver: "posix".to_owned(),
            io_driver_reason: "in memory".to_owned(),
            clean_start: true,
        }
    }

    fn health(&self, controller: i32) -> Health {
        let missing = |broker: &MemoryBroker| broker.replicas - broker.in_sync_replicas;
        Health {
            ready: true,
            controller_id: Some(controller),
            under_replicated_partitions: self.brokers.values().map(missing).sum(),
            ..Health::default()
        }
    }

    fn list(&self, controller_id: i32) -> BrokerList {
        let status = |(id, broker): (&i32, &MemoryBroker)| BrokerStatus {
            id: *id,
            fenced: !broker.alive,
            maintenance: broker.maintenance,
            decommissioning: broker.decommissioning,
            leaders: broker.leaders,
            preferred_leaders: broker.preferred_leaders,
            replicas: broker.replicas,
            in_sync_replicas: broker.in_sync_replicas,
            disk_id: broker.disk_id.clone(),
            ..BrokerStatus::default()
        };
        BrokerList {
            controller_id,
            voters: self.brokers.keys().copied().take(3).collect(),
            brokers: self.brokers.iter().map(status).collect(),
            ..BrokerList::default()
        }
    }

    /// One leader is handed over per request, so that a drain takes several rounds.
    fn maintenance(&mut self, request: &MaintenanceRequest) -> Answer {
        let current = self.maintenance_epoch;
        if request.epoch < current {
            let message = format!(
                "maintenance epoch {} is older than {current}",
                request.epoch
            );
            return refuse(409, error::CONFLICT, &message);
        }
        let broker = self.broker(request.broker)?;
        broker.maintenance = request.on;
        if request.on {
            broker.leaders = broker.leaders.saturating_sub(1);
        }
        self.maintenance_epoch = request.epoch;
        self.maintained(request.broker)
    }

    fn maintained(&mut self, id: i32) -> Answer {
        let epoch = self.maintenance_epoch;
        let broker = self.broker(id)?;
        ok(&MaintenanceStatus {
            broker: id,
            on: broker.maintenance,
            epoch,
            leaders: broker.leaders,
            ..MaintenanceStatus::default()
        })
    }

    fn return_leaders(&mut self, request: &ReturnLeadersRequest) -> Answer {
        let broker = self.broker(request.broker)?;
        let moved = (broker.preferred_leaders - broker.leaders).min(u64::from(request.batch));
        broker.leaders += moved;
        ok(&ReturnLeaders {
            moved,
            remaining: broker.preferred_leaders - broker.leaders,
        })
    }

    /// Two replicas leave per request.
    fn decommission(&mut self, request: &DecommissionRequest) -> Answer {
        let others = self
            .brokers
            .iter()
            .filter(|(id, broker)| **id != request.broker && !broker.decommissioning)
            .count();
        let broker = self.broker(request.broker)?;
        let possible = others >= 3;
        // What is impossible is not begun.
        broker.decommissioning = request.on && (possible || broker.decommissioning);
        if request.on && possible {
            broker.replicas = broker.replicas.saturating_sub(2);
            broker.in_sync_replicas = broker.replicas;
        }
        let impossible = if possible || !request.on {
            0
        } else {
            broker.replicas
        };
        ok(&DecommissionStatus {
            broker: request.broker,
            on: broker.decommissioning,
            replicas: broker.replicas,
            impossible: Risk {
                partitions: impossible,
                sample: Vec::new(),
            },
            moving: 0,
        })
    }

    fn unregister(&mut self, request: &UnregisterRequest) -> Answer {
        let broker = self.broker(request.broker)?;
        if broker.alive || broker.replicas > 0 {
            return refuse(
                409,
                error::CONFLICT,
                "the broker is alive or holds replicas",
            );
        }
        self.brokers.remove(&request.broker);
        ok(&serde_json::json!({}))
    }

    fn create(&mut self, request: CreateTopicRequest) -> Answer {
        if self.topics.contains_key(&request.name) {
            return refuse(409, error::CONFLICT, "the topic exists");
        }
        let topic = TopicDescription {
            name: request.name.clone(),
            topic_id: format!("id-{}", self.log.len()),
            partitions: request.partitions.unwrap_or(1),
            replication_factor: request.replication_factor.unwrap_or(3),
            config: request.config,
            ..TopicDescription::default()
        };
        self.topics.insert(request.name, topic.clone());
        ok(&topic)
    }

    fn replace_config(&mut self, request: ClusterConfigRequest) -> Answer {
        if request.replaces.is_some_and(|old| old != self.config) {
            return refuse(409, error::CONFLICT, "other settings are in force");
        }
        self.config = request.config;
        ok(&serde_json::json!({}))
    }

    fn topic(&mut self, method: Method, name: &str, call: &Call) -> Answer {
        let (name, id) = match name.split_once("?id=") {
            Some((name, id)) => (name, Some(id)),
            None => (name, None),
        };
        let Some(topic) = self.topics.get_mut(name) else {
            return refuse(404, error::NOT_FOUND, "no such topic");
        };
        if id.is_some_and(|id| id != topic.topic_id) {
            return refuse(404, error::NOT_FOUND, "another topic has the name");
        }
        match method {
            Method::Patch => {
                let request: AlterTopicRequest = body(call)?;
                topic.partitions = request.partitions.unwrap_or(topic.partitions);
                topic.replication_factor = request
                    .replication_factor
                    .unwrap_or(topic.replication_factor);
                topic.config.extend(request.set_config);
                topic
                    .config
                    .retain(|key, _| !request.unset_config.contains(key));
                ok(topic)
            }
            Method::Delete => {
                self.topics.remove(name);
                ok(&serde_json::json!({}))
            }
            _ => ok(topic),
        }
    }

    fn broker(&mut self, id: i32) -> Result<&mut MemoryBroker, Reply> {
        match self.brokers.get_mut(&id) {
            Some(broker) => Ok(broker),
            None => Err(refusal(404, error::NOT_FOUND, "no such broker")),
        }
    }
}

fn ok(body: &impl Serialize) -> Answer {
    Ok(Reply {
        status: 200,
        body: serde_json::to_vec(body).expect("answers are plain data"),
    })
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Reply> {
    serde_json::from_slice(&call.body)
        .map_err(|error| refusal(400, error::BAD_REQUEST, &error.to_string()))
}

fn refuse(status: u16, word: &str, message: &str) -> Answer {
    Err(refusal(status, word, message))
}

fn refusal(status: u16, word: &str, message: &str) -> Reply {
    let body = ErrorBody {
        error: word.to_owned(),
        message: message.to_owned(),
    };
    Reply {
        status,
        body: serde_json::to_vec(&body).expect("answers are plain data"),
    }
}
