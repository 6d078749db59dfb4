//! What is still there after a crash and after an orderly stop.
//! The crash states of the log itself are tested in `kring-log`.

use kafka_protocol::messages::InitProducerIdRequest;

use crate::fetch::fetch;
use crate::harness::{OneBroker, batch, idempotent_batch, values};
use crate::produce::produce;
use crate::topics::create;

#[test]
fn acknowledged_records_and_topics_survive_a_crash() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    assert_eq!(produce(&mut one, "t", 1, batch(&["a"])).error_code, 0);
    assert_eq!(produce(&mut one, "t", -1, batch(&["b"])).error_code, 0);
    for _ in 0..3 {
        one.crash();
        let data = fetch(&mut one, "t", 0);
        assert_eq!(values(&data.records.unwrap()), ["a", "b"]);
    }
}

#[test]
fn an_orderly_stop_is_known_at_the_next_start() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a"]));
    one.stop_and_start();
    let data = fetch(&mut one, "t", 0);
    assert_eq!(values(&data.records.unwrap()), ["a"]);
    let kring_requests::AdminResponse::Identity(identity) =
        one.admin(kring_requests::AdminRequest::Identity).unwrap()
    else {
        panic!("an identity");
    };
    assert!(identity.clean_start);
}

#[test]
fn duplicates_are_known_and_producer_ids_not_given_twice_after_a_crash() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let init = InitProducerIdRequest::default().with_transactional_id(None);
    let producer = one.ask(4, &init).producer_id.0;
    let first = produce(&mut one, "t", -1, idempotent_batch(producer, 0, &["a"]));
    one.crash();
    let again = produce(&mut one, "t", -1, idempotent_batch(producer, 0, &["a"]));
    assert_eq!(
        (again.error_code, again.base_offset),
        (0, first.base_offset)
    );
    assert!(one.ask(4, &init).producer_id.0 > producer);
}
