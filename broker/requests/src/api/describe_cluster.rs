//! DescribeCluster (60), versions 0–2: brokers, controller, cluster id.
//!
//! * v1 adds the type of endpoint: 1 are brokers; controllers (2) have no client listener here, so
//!   that asking for them is `UNSUPPORTED_ENDPOINT_TYPE`.
//! * v2 can include fenced brokers.

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};
use kring_io::Now;
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::cluster;
use crate::event::Output;
use crate::operations::CLUSTER_OPERATIONS;
use crate::text::text;

const ENDPOINT_BROKERS: i8 = 1;
const ENDPOINT_CONTROLLERS: i8 = 2;

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: DescribeClusterRequest = call.decode()?;
    if call.caller.version >= 1 && request.endpoint_type != ENDPOINT_BROKERS {
        let error = match request.endpoint_type {
            ENDPOINT_CONTROLLERS => ErrorCode::MismatchedEndpointType,
            _ => ErrorCode::UnsupportedEndpointType,
        };
        let answer = DescribeClusterResponse::default()
            .with_error_code(error.code())
            .with_error_message(Some(text(
                "this listener describes brokers (endpoint type 1) only",
            )))
            .with_endpoint_type(ENDPOINT_BROKERS);
        call.caller.answer(&answer, out);
        return Ok(());
    }
    let brokers = broker
        .image()
        .brokers
        .iter()
        .filter(|(_, member)| !member.fenced || request.include_fenced_brokers)
        .filter_map(|(id, member)| {
            let endpoint = cluster::client_endpoint(member)?;
            Some(
                DescribeClusterBroker::default()
                    .with_broker_id(id.0.into())
                    .with_host(text(&endpoint.host))
                    .with_port(i32::from(endpoint.port))
                    .with_rack(member.rack.as_ref().map(text))
                    .with_is_fenced(member.fenced),
            )
        })
        .collect();
    let mut answer = DescribeClusterResponse::default()
        .with_cluster_id(text(
            broker
                .cluster_id()
                .map(|id| id.to_string())
                .unwrap_or_default(),
        ))
        .with_controller_id(broker.controller_id().0.into())
        .with_brokers(brokers);
    if request.include_cluster_authorized_operations {
        answer.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    call.caller.answer(&answer, out);
    Ok(())
}
