//! Requests of the admin API as the engine sees them, and their answers.
//! The HTTP side (paths, JSON, token, status codes) belongs to `kring-node`.

mod answer;
mod topics;

use kring_admin_api as api;
use thiserror::Error;

pub(crate) use answer::handle;

/// One request of the admin API.
#[derive(Clone, Debug)]
pub enum AdminRequest {
    /// `GET` identity.
    Identity,
    /// `GET` health.
    Health,
    /// `GET` brokers.
    Brokers,
    /// `POST` restart-check.
    RestartCheck(api::RestartCheckRequest),
    /// `POST` maintenance.
    Maintenance(api::MaintenanceRequest),
    /// `GET` maintenance of one broker.
    MaintenanceStatus {
        /// Its id.
        broker: i32,
    },
    /// `POST` return-leaders.
    ReturnLeaders(api::ReturnLeadersRequest),
    /// `POST` decommission.
    Decommission(api::DecommissionRequest),
    /// `GET` decommission of one broker.
    DecommissionStatus {
        /// Its id.
        broker: i32,
    },
    /// `POST` unregister.
    Unregister(api::UnregisterRequest),
    /// `GET` every topic.
    Topics,
    /// `POST` a topic.
    CreateTopic(api::CreateTopicRequest),
    /// `GET` one topic.
    Topic {
        /// Its name.
        name: String,
    },
    /// `GET` the consumer groups of one topic.
    TopicGroups {
        /// Its name.
        name: String,
    },
    /// `PATCH` one topic.
    AlterTopic {
        /// Its name.
        name: String,
        /// What changes.
        change: api::AlterTopicRequest,
    },
    /// `DELETE` one topic.
    DeleteTopic {
        /// Its name.
        name: String,
        /// Only the topic that has this id.
        topic_id: Option<String>,
    },
    /// `GET` config-schema.
    ConfigSchema,
    /// `GET` cluster-config.
    ClusterConfig,
    /// `PUT` cluster-config.
    SetClusterConfig(api::ClusterConfigRequest),
}

/// The body of a successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminResponse {
    /// Answers [`AdminRequest::Identity`].
    Identity(api::Identity),
    /// Answers [`AdminRequest::Health`].
    Health(api::Health),
    /// Answers [`AdminRequest::Brokers`].
    Brokers(api::BrokerList),
    /// Answers [`AdminRequest::RestartCheck`].
    RestartCheck(api::RestartCheck),
    /// Answers [`AdminRequest::Maintenance`] and [`AdminRequest::MaintenanceStatus`].
    Maintenance(api::MaintenanceStatus),
    /// Answers [`AdminRequest::ReturnLeaders`].
    ReturnLeaders(api::ReturnLeaders),
    /// Answers [`AdminRequest::Decommission`] and [`AdminRequest::DecommissionStatus`].
    Decommission(api::DecommissionStatus),
    /// Answers [`AdminRequest::Topics`].
    Topics(Vec<api::TopicDescription>),
    /// Answers [`AdminRequest::CreateTopic`], [`AdminRequest::Topic`] and [`AdminRequest::AlterTopic`].
    Topic(api::TopicDescription),
    /// Answers [`AdminRequest::TopicGroups`].
    TopicGroups(api::TopicGroups),
    /// Answers [`AdminRequest::ClusterConfig`].
    ClusterConfig(api::ClusterConfig),
    /// Answers [`AdminRequest::ConfigSchema`].
    ConfigSchema(Vec<api::ConfigKey>),
    /// Answers what has nothing to say but success.
    Done,
}

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{error}: {message}")]
pub struct AdminError {
    /// A word of [`kring_admin_api::error`]; it decides the HTTP status.
    pub error: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}
