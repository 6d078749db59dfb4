//! The admin API's paths and status codes around the engine, as `kring-node` serves them.
//! It carries no bytes anywhere; the cloud does.

use kring_admin_api::{ErrorBody, error, path};
use kring_admin_client::{Call, Method, Reply};
use kring_requests::{AdminError, AdminRequest, AdminResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a call asks the engine.
///
/// # Errors
/// The answer to a call that is not in the contract.
pub(crate) fn request(call: &Call) -> Result<AdminRequest, Reply> {
    Ok(match (call.method, call.path.as_str()) {
        (Method::Get, path::IDENTITY) => AdminRequest::Identity,
        (Method::Get, path::HEALTH) => AdminRequest::Health,
        (Method::Get, path::BROKERS) => AdminRequest::Brokers,
        (Method::Post, path::RESTART_CHECK) => AdminRequest::RestartCheck(body(call)?),
        (Method::Post, path::MAINTENANCE) => AdminRequest::Maintenance(body(call)?),
        (Method::Post, path::RETURN_LEADERS) => AdminRequest::ReturnLeaders(body(call)?),
        (Method::Post, path::DECOMMISSION) => AdminRequest::Decommission(body(call)?),
        (Method::Post, path::UNREGISTER) => AdminRequest::Unregister(body(call)?),
        (Method::Get, path::CLUSTER_CONFIG) => AdminRequest::ClusterConfig,
        (Method::Put, path::CLUSTER_CONFIG) => AdminRequest::SetClusterConfig(body(call)?),
        (Method::Get, path) => match maintained(path) {
            Some(broker) => AdminRequest::MaintenanceStatus { broker },
            None => return Err(failure(error::NOT_FOUND, "no such path")),
        },
        _ => return Err(failure(error::NOT_FOUND, "no such path")),
    })
}

/// The broker whose maintenance is asked about.
fn maintained(path: &str) -> Option<i32> {
    let query = path.strip_prefix(path::MAINTENANCE)?;
    query.strip_prefix("?broker=")?.parse().ok()
}

/// Whether a call changes something when it is made for the first time.
pub(crate) fn changes(call: &Call) -> bool {
    call.method != Method::Get && call.path != path::RESTART_CHECK
}

/// The engine's answer as bytes.
pub(crate) fn reply(answer: Result<AdminResponse, AdminError>) -> Reply {
    match answer {
        Ok(AdminResponse::Identity(body)) => success(&body),
        Ok(AdminResponse::Health(body)) => success(&body),
        Ok(AdminResponse::Brokers(body)) => success(&body),
        Ok(AdminResponse::RestartCheck(body)) => success(&body),
        Ok(AdminResponse::Maintenance(body)) => success(&body),
        Ok(AdminResponse::ReturnLeaders(body)) => success(&body),
        Ok(AdminResponse::Decommission(body)) => success(&body),
        Ok(AdminResponse::Topics(body)) => success(&body),
        Ok(AdminResponse::Topic(body)) => success(&body),
        Ok(AdminResponse::TopicGroups(body)) => success(&body),
        Ok(AdminResponse::ConfigSchema(body)) => success(&body),
        Ok(AdminResponse::ClusterConfig(body)) => success(&body),
        Ok(AdminResponse::Done) => success(&serde_json::json!({})),
        Err(refused) => failure(refused.error, &refused.message),
    }
}

fn success(body: &impl Serialize) -> Reply {
    Reply {
        status: 200,
        body: serde_json::to_vec(body).expect("answers are plain data"),
    }
}

fn failure(word: &str, message: &str) -> Reply {
    let status = match word {
        error::BAD_REQUEST => 400,
        error::UNAUTHORIZED => 401,
        error::NOT_FOUND => 404,
        error::CONFLICT => 409,
        error::INVALID => 422,
        _ => 503,
    };
    let body = ErrorBody {
        error: word.to_owned(),
        message: message.to_owned(),
    };
    Reply {
        status,
        body: serde_json::to_vec(&body).expect("answers are plain data"),
    }
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Reply> {
    serde_json::from_slice(&call.body)
        .map_err(|wrong| failure(error::BAD_REQUEST, &wrong.to_string()))
}
