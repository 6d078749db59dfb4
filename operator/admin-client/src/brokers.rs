//! The typed calls of the admin API on the brokers of one cluster.
//! Any broker answers any call, so a call that fails at one is tried at the next.

use std::sync::Arc;

use futures::future::join_all;
use kring_admin_api::{
    AlterTopicRequest, BrokerList, ClusterConfig, ClusterConfigRequest, CreateTopicRequest,
    DecommissionRequest, DecommissionStatus, ErrorBody, Health, Identity, MaintenanceRequest,
    MaintenanceStatus, RestartCheck, RestartCheckRequest, ReturnLeaders, ReturnLeadersRequest,
    TopicDescription, TopicGroups, UnregisterRequest, path,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::transport::{Call, Method, Transport};

/// Where a broker's admin API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `node.id`.
    pub broker: i32,
    /// Host and port.
    pub address: String,
}

/// The brokers of one cluster.
#[derive(Clone)]
pub struct Brokers {
    transport: Arc<dyn Transport>,
    token: String,
    endpoints: Vec<Endpoint>,
}

impl Brokers {
    /// Those that have an address, best first.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, token: String, endpoints: Vec<Endpoint>) -> Self {
        Self {
            transport,
            token,
            endpoints,
        }
    }

    /// Who answers at a broker's address.
    ///
    /// # Errors
    /// When the broker has no address or does not answer.
    pub async fn identity(&self, broker: i32) -> Result<Identity, Error> {
        let endpoint = self
            .endpoints
            .iter()
            .find(|endpoint| endpoint.broker == broker)
            .ok_or(Error::NoBroker)?;
        self.ask_one(endpoint, &call(Method::Get, path::IDENTITY, &()))
            .await
    }

    /// The cluster's health.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn health(&self) -> Result<Health, Error> {
        self.ask(call(Method::Get, path::HEALTH, &())).await
    }

    /// The brokers as the active controller sees them.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn list(&self) -> Result<BrokerList, Error> {
        self.ask(call(Method::Get, path::BROKERS, &())).await
    }

    /// What a restart would harm.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn restart_check(
        &self,
        request: &RestartCheckRequest,
    ) -> Result<RestartCheck, Error> {
        self.ask(call(Method::Post, path::RESTART_CHECK, request))
            .await
    }

    /// Turns maintenance on or off and says how far it is.
    ///
    /// # Errors
    /// When no broker answers, or an order with a larger epoch was given since.
    pub async fn maintenance(
        &self,
        request: &MaintenanceRequest,
    ) -> Result<MaintenanceStatus, Error> {
        self.ask(call(Method::Post, path::MAINTENANCE, request))
            .await
    }

    /// Says how far the hand-over of a broker is, and the epoch in force.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn maintenance_status(&self, broker: i32) -> Result<MaintenanceStatus, Error> {
        let path = format!("{}?broker={broker}", path::MAINTENANCE);
        self.ask(call(Method::Get, &path, &())).await
    }

    /// Gives a broker leaders back.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn return_leaders(
        &self,
        request: &ReturnLeadersRequest,
    ) -> Result<ReturnLeaders, Error> {
        self.ask(call(Method::Post, path::RETURN_LEADERS, request))
            .await
    }

    /// Empties a broker, or stops doing so.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn decommission(
        &self,
        request: &DecommissionRequest,
    ) -> Result<DecommissionStatus, Error> {
        self.ask(call(Method::Post, path::DECOMMISSION, request))
            .await
    }

    /// Forgets a broker.
    ///
    /// # Errors
    /// When no broker answers, or the broker still holds a replica or is alive.
    pub async fn unregister(&self, request: &UnregisterRequest) -> Result<(), Error> {
        self.ask::<serde_json::Value>(call(Method::Post, path::UNREGISTER, request))
            .await
            .map(|_| ())
    }

    /// One topic; none when it does not exist.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn topic(&self, name: &str) -> Result<Option<TopicDescription>, Error> {
        match self.ask(call(Method::Get, &topic_path(name), &())).await {
            Ok(topic) => Ok(Some(topic)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The consumer groups of a topic, from every broker: each knows those that it coordinates. None when no broker
    /// answers; one that does not is no coordinator either.
    pub async fn topic_groups(&self, name: &str) -> Option<TopicGroups> {
        let path = path::TOPIC_GROUPS.replace("{}", name);
        let call = call(Method::Get, &path, &());
        let each = self.endpoints.iter();
        let told = join_all(each.map(|one| self.ask_one::<TopicGroups>(one, &call))).await;
        told.into_iter().flatten().reduce(|mut all, more| {
            all.add(more);
            all
        })
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// When no broker answers, or the topic is refused.
    pub async fn create_topic(
        &self,
        request: &CreateTopicRequest,
    ) -> Result<TopicDescription, Error> {
        self.ask(call(Method::Post, path::TOPICS, request)).await
    }

    /// Changes a topic.
    ///
    /// # Errors
    /// When no broker answers, or the change is refused.
    pub async fn alter_topic(
        &self,
        name: &str,
        request: &AlterTopicRequest,
    ) -> Result<TopicDescription, Error> {
        self.ask(call(Method::Patch, &topic_path(name), request))
            .await
    }

    /// Deletes the topic of this name and id; one that does not exist is deleted already.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn delete_topic(&self, name: &str, topic_id: &str) -> Result<(), Error> {
        let path = format!("{}?id={topic_id}", topic_path(name));
        match self
            .ask::<serde_json::Value>(call(Method::Delete, &path, &()))
            .await
        {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// The cluster-wide dynamic settings.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn cluster_config(&self) -> Result<ClusterConfig, Error> {
        self.ask(call(Method::Get, path::CLUSTER_CONFIG, &())).await
    }

    /// Sets the cluster-wide dynamic settings, whole.
    ///
    /// # Errors
    /// When no broker answers, or a setting is refused.
    pub async fn set_cluster_config(&self, request: &ClusterConfigRequest) -> Result<(), Error> {
        self.ask::<serde_json::Value>(call(Method::Put, path::CLUSTER_CONFIG, request))
            .await
            .map(|_| ())
    }

    /// Tries one broker after the other while the failure is temporary.
    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let mut last = Error::NoBroker;
        for endpoint in &self.endpoints {
            match self.ask_one(endpoint, &call).await {
                Err(error) if error.is_temporary() => last = error,
                other => return other,
            }
        }
        Err(last)
    }

    async fn ask_one<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        call: &Call,
    ) -> Result<T, Error> {
        let reply = self.transport.exchange(endpoint, &self.token, call).await?;
        let broker = endpoint.broker;
        if !(200..300).contains(&reply.status) {
            let body =
                serde_json::from_slice::<ErrorBody>(&reply.body).unwrap_or_else(|_| ErrorBody {
                    error: "unknown".to_owned(),
                    message: String::from_utf8_lossy(&reply.body)
                        .chars()
                        .take(200)
                        .collect(),
                });
            return Err(Error::Refused {
                broker,
                path: call.path.clone(),
                status: reply.status,
                error: body.error,
                message: body.message,
            });
        }
        // An empty success, as some servers answer a deletion, is an empty object.
        let body: &[u8] = if reply.body.is_empty() {
            b"{}"
        } else {
            &reply.body
        };
        serde_json::from_slice(body).map_err(|error| Error::Malformed {
            broker,
            path: call.path.clone(),
            why: error.to_string(),
        })
    }
}

/// Topic names hold only letters, digits, `.`, `_` and `-`, so they need no escaping.
fn topic_path(name: &str) -> String {
    format!("{}{name}", path::TOPIC)
}

fn call(method: Method, path: &str, body: &impl Serialize) -> Call {
    let body = match method {
        Method::Get | Method::Delete => Vec::new(),
        _ => serde_json::to_vec(body).expect("requests are plain data"),
    };
    Call {
        method,
        path: path.to_owned(),
        body,
    }
}

#[cfg(test)]
mod tests;
