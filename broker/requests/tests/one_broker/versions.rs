//! ApiVersions, and what happens to APIs and versions that are not served.

use kafka_protocol::messages::{ApiVersionsRequest, DescribeClusterRequest};

use crate::harness::{OneBroker, decode_answer, raw_frame, text};

#[test]
fn every_served_api_is_listed_in_every_version_of_the_question() {
    let mut one = OneBroker::new();
    for version in 0..=4 {
        let mut request = ApiVersionsRequest::default();
        if version >= 3 {
            request = request
                .with_client_software_name(text("test-client"))
                .with_client_software_version(text("1.0"));
        }
        let answer = one.ask(version, &request);
        assert_eq!((answer.error_code, answer.api_keys.len()), (0, 44));
        let produce = &answer.api_keys[0];
        assert_eq!((produce.min_version, produce.max_version), (0, 13));
    }
    let connections = one.metrics().connections;
    assert_eq!(
        connections,
        [("test-client".to_owned(), "1.0".to_owned(), 1)]
    );
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    let mut one = OneBroker::new();
    let id = one.send_frame(raw_frame(18, 99, true, b""));
    let frame = one.frame(id);
    let answer = decode_answer::<ApiVersionsRequest>(0, frame);
    assert_eq!(answer.error_code, 35);
    assert_eq!(answer.api_keys.len(), 1);
    assert_eq!(
        (answer.api_keys[0].api_key, answer.api_keys[0].max_version),
        (18, 5)
    );
}

#[test]
fn version_5_checks_which_cluster_and_node_the_client_means() {
    let mut one = OneBroker::new();
    let ask = |one: &mut OneBroker, node: i32| {
        let mut body = b"\x05test\x021\x00".to_vec();
        body.extend(node.to_be_bytes());
        body.push(0);
        let id = one.send_frame(raw_frame(18, 5, true, &body));
        let frame = one.frame(id);
        decode_answer::<ApiVersionsRequest>(4, frame).error_code
    };
    assert_eq!(ask(&mut one, 1), 0);
    assert_eq!(ask(&mut one, 3), 129, "REBOOTSTRAP_REQUIRED");
}

#[test]
fn the_cluster_is_described() {
    let mut one = OneBroker::new();
    let request =
        DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    let answer = one.ask(1, &request.with_endpoint_type(1));
    assert_eq!((answer.error_code, answer.brokers.len()), (0, 1));
    assert_eq!(answer.cluster_id.len(), 22);
    assert_ne!(answer.cluster_authorized_operations, i32::MIN);
}
