//! Answers to the admin API: from this broker, or from the active controller wherever it is.
//! Topics are in `topics`.

use kring_admin_api::{Health, Identity, error};
use kring_controller::request::ReplaceClusterConfig;
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse, config_schema};
use kring_io::{BrokerId, Now};
use kring_wire::TopicId;

use super::{AdminError, AdminRequest, AdminResponse, topics};
use crate::broker::Broker;
use crate::event::Output;
use crate::route::controller::Answered;

/// Answers a request, now or later.
pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    id: u64,
    request: AdminRequest,
    out: &mut Output,
) {
    let question = match request {
        AdminRequest::Identity => {
            let identity = AdminResponse::Identity(identity(broker));
            return out.admin.push((id, Ok(identity)));
        }
        AdminRequest::Health => {
            let health = AdminResponse::Health(health(broker));
            return out.admin.push((id, Ok(health)));
        }
        AdminRequest::ConfigSchema => {
            let schema = AdminResponse::ConfigSchema(config_schema::config_keys());
            return out.admin.push((id, Ok(schema)));
        }
        AdminRequest::Topics
        | AdminRequest::CreateTopic(_)
        | AdminRequest::Topic { .. }
        | AdminRequest::TopicGroups { .. }
        | AdminRequest::AlterTopic { .. }
        | AdminRequest::DeleteTopic { .. } => return topics::handle(broker, now, id, request, out),
        AdminRequest::Brokers => ControllerRequest::BrokerList,
        AdminRequest::RestartCheck(check) => ControllerRequest::RestartCheck {
            brokers: check.brokers.into_iter().map(BrokerId).collect(),
        },
        AdminRequest::Maintenance(request) => ControllerRequest::Maintenance {
            broker: BrokerId(request.broker),
            on: request.on,
            epoch: request.epoch,
            ttl_s: request.ttl_s,
        },
        AdminRequest::MaintenanceStatus { broker } => ControllerRequest::MaintenanceStatus {
            broker: BrokerId(broker),
        },
        AdminRequest::ReturnLeaders(request) => ControllerRequest::ReturnLeaders {
            broker: BrokerId(request.broker),
            batch: request.batch,
        },
        AdminRequest::Decommission(request) => ControllerRequest::Decommission {
            broker: BrokerId(request.broker),
            on: request.on,
        },
        AdminRequest::DecommissionStatus { broker } => ControllerRequest::DecommissionStatus {
            broker: BrokerId(broker),
        },
        AdminRequest::Unregister(request) => ControllerRequest::Unregister {
            broker: BrokerId(request.broker),
        },
        AdminRequest::ClusterConfig => ControllerRequest::ClusterConfig,
        AdminRequest::SetClusterConfig(request) => {
            let config = request.config;
            match request.replaces {
                Some(replaces) => ControllerRequest::ReplaceClusterConfig(ReplaceClusterConfig {
                    config,
                    replaces,
                }),
                None => ControllerRequest::SetClusterConfig { config },
            }
        }
    };
    broker.ask_controller(
        now,
        question,
        Box::new(move |_, _, answered, out| out.admin.push((id, response(answered)))),
        out,
    );
}

fn response(answered: Answered) -> Result<AdminResponse, AdminError> {
    match answered.map_err(|error| refusal(&error))? {
        ControllerResponse::BrokerList(list) => Ok(AdminResponse::Brokers(list)),
        ControllerResponse::RestartCheck(check) => Ok(AdminResponse::RestartCheck(check)),
        ControllerResponse::Maintenance(status) => Ok(AdminResponse::Maintenance(status)),
        ControllerResponse::ReturnLeaders(moved) => Ok(AdminResponse::ReturnLeaders(moved)),
        ControllerResponse::Decommission(status) => Ok(AdminResponse::Decommission(status)),
        ControllerResponse::ClusterConfig(config) => Ok(AdminResponse::ClusterConfig(config)),
        ControllerResponse::Unregister | ControllerResponse::SetClusterConfig => {
            Ok(AdminResponse::Done)
        }
        other => Err(unexpected(&other)),
    }
}

/// The controller answered another question, which only a bug can do.
pub(super) fn unexpected(response: &ControllerResponse) -> AdminError {
    tracing::error!(?response, "the controller answered another question");
    AdminError {
        error: error::UNAVAILABLE,
        message: "the controller gave an answer to another question; look at the broker's log"
            .to_owned(),
    }
}

/// The word that the HTTP status is made from, and the controller's text.
pub(super) fn refusal(refused: &ControllerError) -> AdminError {
    let word = match refused {
        ControllerError::NoController
        | ControllerError::LeadershipLost
        | ControllerError::TimedOut { .. }
        | ControllerError::Busy { .. } => error::UNAVAILABLE,
        ControllerError::UnknownTopic { .. }
        | ControllerError::UnknownTopicId { .. }
        | ControllerError::UnknownPartition { .. }
        | ControllerError::UnknownBroker { .. } => error::NOT_FOUND,
        ControllerError::TopicExists { .. }
        | ControllerError::Conflict { .. }
        | ControllerError::StaleMaintenanceEpoch { .. }
        | ControllerError::ElectionNotNeeded { .. }
        | ControllerError::NoReassignmentInProgress { .. } => error::CONFLICT,
        _ => error::INVALID,
    };
    AdminError {
        error: word,
        message: refused.to_string(),
    }
}

fn identity(broker: &Broker) -> Identity {
    let own = &broker.identity;
    Identity {
        cluster_id: broker
            .cluster_id()
            .map(|id| id.to_string())
            .unwrap_or_default(),
        broker_id: own.broker.0,
        // Both are sixteen bytes, and 22 characters are how Kafka prints such.
        disk_id: TopicId(own.disk_id).to_string(),
        boot_id: TopicId(own.incarnation).to_string(),
        version: own.version.clone(),
        io_driver: own.io_driver.clone(),
        io_driver_reason: own.io_driver_reason.clone(),
        clean_start: broker.log.recovered() && broker.log.clean_start(),
    }
}

fn health(broker: &Broker) -> Health {
    let reason = broker.not_ready_reason();
    let image = broker.image();
    let counts = image.health(&broker.cluster_defaults);
    let controller = broker.controller.as_ref().and_then(|c| c.active());
    Health {
        ready: reason.is_none(),
        reason: reason.unwrap_or_default(),
        controller_id: controller.map(|id| id.0),
        controller_epoch: broker.controller.as_ref().map_or(0, |c| c.active_epoch()),
        offline_partitions: counts.offline,
        under_replicated_partitions: counts.under_replicated,
        under_min_isr_partitions: counts.under_min_isr,
        replica_lag_records: broker.replica_lag_records(),
    }
}
