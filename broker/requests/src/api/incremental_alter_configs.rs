//! IncrementalAlterConfigs (44), versions 0–1: changes settings one by one; each resource succeeds or
//! fails alone.
//!
//! * SET, DELETE, and for lists APPEND and SUBTRACT. `validate_only` says what would happen.
//! * Topics, single brokers, and all brokers (the empty name). Other resources are `INVALID_REQUEST`.
//! * An unknown key or a value that is not allowed is `INVALID_CONFIG` with key, value and what is allowed.

use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};
use kring_controller::request::{AlterConfigs, ConfigOp, ConfigOpKind};
use kring_controller::{ControllerError, ControllerRequest};
use kring_io::Now;

use super::config_resources::{Asked, asked, invalid, outcomes};
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::route::controller::Answered;
use crate::text::{owned, text};

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: IncrementalAlterConfigsRequest = call.decode()?;
    let caller = call.caller;
    let (asked, resources) = asked(
        request.resources,
        |resource| (resource.resource_type, resource.resource_name.to_string()),
        |resource, given| {
            let ops = operations(given)?;
            Ok(AlterConfigs { resource, ops })
        },
    );
    broker.ask_controller(
        now,
        ControllerRequest::AlterConfigs {
            resources,
            validate_only: request.validate_only,
        },
        Box::new(move |_, _, answered, out| answer(caller, asked, answered, out)),
        out,
    );
    Ok(())
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
    let responses = outcomes(asked, answered)
        .map(|(resource_type, name, result)| {
            let row = AlterConfigsResourceResponse::default()
                .with_resource_type(resource_type)
                .with_resource_name(text(name));
            match result {
                Ok(()) => row.with_error_message(None),
                Err(error) => row
                    .with_error_code(error.error_code().code())
                    .with_error_message(Some(text(error.to_string()))),
            }
        })
        .collect();
    let answer = IncrementalAlterConfigsResponse::default().with_responses(responses);
    caller.answer(&answer, out);
}
