//! AlterConfigs (33), versions 0–2: replaces all dynamic settings of a resource; each resource succeeds or
//! fails alone.
//!
//! * What the request does not name returns to its default. `validate_only` says what would happen.
//! * Topics, single brokers, and all brokers (the empty name). Other resources are `INVALID_REQUEST`.
//! * A null value or a key given twice is `INVALID_REQUEST`, an unknown key or a value that is not
//!   allowed `INVALID_CONFIG`.
//! * IncrementalAlterConfigs (KIP-339) has replaced it, because two clients that read, change and write
//!   undo each other's changes; kafkajs and older tools know nothing else.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};
use kring_controller::request::ReplaceConfigs;
use kring_controller::{ControllerError, ControllerRequest};
use kring_io::Now;

use super::config_resources::{Asked, asked, invalid, outcomes};
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::route::controller::Answered;
use crate::text::text;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: AlterConfigsRequest = call.decode()?;
    let caller = call.caller;
    let (asked, resources) = asked(
        request.resources,
        |resource| (resource.resource_type, resource.resource_name.to_string()),
        |resource, given| {
            let config = settings(given)?;
            Ok(ReplaceConfigs { resource, config })
        },
    );
    broker.ask_controller(
        now,
        ControllerRequest::ReplaceConfigs {
            resources,
            validate_only: request.validate_only,
        },
        Box::new(move |_, _, answered, out| answer(caller, asked, answered, out)),
        out,
    );
    Ok(())
}

fn settings(resource: AlterConfigsResource) -> Result<BTreeMap<String, String>, ControllerError> {
    let mut settings = BTreeMap::new();
    for config in resource.configs {
        let name = config.name.to_string();
        let Some(value) = config.value else {
            return Err(invalid(format!(
                "{name}: no value is given; leave the key out, so that it returns to its default"
            )));
        };
        if settings.insert(name, value.to_string()).is_some() {
            let name = config.name;
            return Err(invalid(format!(
                "{name} stands more than once in the request"
            )));
        }
    }
    Ok(settings)
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
    caller.answer(
        &AlterConfigsResponse::default().with_responses(responses),
        out,
    );
}
