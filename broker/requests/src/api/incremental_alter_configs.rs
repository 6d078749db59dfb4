//! IncrementalAlterConfigs (44), versions 0–1: changes settings one by one; each resource succeeds or
//! fails alone.
//!
//! * SET, DELETE, and for lists APPEND and SUBTRACT. `validate_only` says what would happen.
//! * Topics, single brokers, and all brokers (the empty name). Other resources are `INVALID_REQUEST`.
//! * An unknown key or a value that is not allowed is `INVALID_CONFIG` with key, value and what is allowed.

use std::collections::BTreeMap;

use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use kring_controller::request::{AlterConfigs, ConfigOp, ConfigOpKind, ConfigResource};
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse};
use kring_io::{BrokerId, Now};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::resource;
use crate::route::controller::Answered;
use crate::text::{owned, text};

/// A resource of the request as the client named it, and what it means.
struct Asked {
    resource_type: i8,
    name: String,
    meant: Result<ConfigResource, ControllerError>,
}

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: IncrementalAlterConfigsRequest = call.decode()?;
    let caller = call.caller;
    let mut asked = Vec::with_capacity(request.resources.len());
    let mut resources: BTreeMap<ConfigResource, AlterConfigs> = BTreeMap::new();
    for resource in request.resources {
        let name = resource.resource_name.to_string();
        let resource_type = resource.resource_type;
        let mut meant = meaning(resource_type, &name);
        if let Ok(known) = &meant {
            if resources.contains_key(known) {
                meant = Err(invalid(format!(
                    "resource {name:?} stands more than once in the request"
                )));
            } else {
                match operations(resource) {
                    Ok(ops) => {
                        let resource = known.clone();
                        resources.insert(resource.clone(), AlterConfigs { resource, ops });
                    }
                    Err(error) => meant = Err(error),
                }
            }
        }
        asked.push(Asked {
            resource_type,
            name,
            meant,
        });
    }
    broker.ask_controller(
        now,
        ControllerRequest::AlterConfigs {
            resources: resources.into_values().collect(),
            validate_only: request.validate_only,
        },
        Box::new(move |_, _, answered, out| answer(caller, asked, answered, out)),
        out,
    );
    Ok(())
}

fn invalid(reason: String) -> ControllerError {
    ControllerError::InvalidRequest { reason }
}

fn meaning(resource_type: i8, name: &str) -> Result<ConfigResource, ControllerError> {
    match resource_type {
        resource::TOPIC => Ok(ConfigResource::Topic(name.to_owned())),
        resource::BROKER if name.is_empty() => Ok(ConfigResource::Cluster),
        resource::BROKER => match name.parse() {
            Ok(id) => Ok(ConfigResource::Broker(BrokerId(id))),
            Err(_) => Err(invalid(format!("{name:?} is not the number of a broker"))),
        },
        other => Err(invalid(format!(
            "settings of resource type {other} cannot be changed here; topics (2) and brokers (4) can"
        ))),
    }
}

fn operations(resource: AlterConfigsResource) -> Result<Vec<ConfigOp>, ControllerError> {
    resource
        .configs
        .into_iter()
        .map(|config| {
            let code = config.config_operation;
            let kind = ConfigOpKind::from_code(code).ok_or_else(|| {
                invalid(format!(
                    "operation {code} is unknown; 0 sets, 1 deletes, 2 appends, 3 subtracts"
                ))
            })?;
            Ok(ConfigOp {
                name: config.name.to_string(),
                kind,
                value: owned(config.value),
            })
        })
        .collect()
}

fn answer(caller: Caller, asked: Vec<Asked>, answered: Answered, out: &mut Output) {
    let (mut results, overall) = match answered {
        Ok(ControllerResponse::AlterConfigs(each)) => (each.into_iter().collect(), None),
        Ok(_) => (BTreeMap::new(), Some(ControllerError::NoController)),
        Err(error) => (BTreeMap::new(), Some(error)),
    };
    let responses = asked
        .into_iter()
        .map(|asked| {
            let result = asked.meant.and_then(|resource| match &overall {
                Some(error) => Err(error.clone()),
                None => results.remove(&resource).unwrap_or(Ok(())),
            });
            let row = AlterConfigsResourceResponse::default()
                .with_resource_type(asked.resource_type)
                .with_resource_name(text(asked.name));
            match result {
                Ok(()) => row,
                Err(error) => row
                    .with_error_code(error.error_code().code())
                    .with_error_message(Some(text(error.to_string()))),
            }
        })
        .collect();
    let answer = IncrementalAlterConfigsResponse::default().with_responses(responses);
    caller.answer(&answer, out);
}
