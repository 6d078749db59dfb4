//! Every refusal of a KafkaCluster, with its message.
//! Settings have their own tests beside `settings`.

use serde_json::json;

use super::*;
use crate::tests::cluster;

fn refusals(spec: serde_json::Value, facts: &Facts) -> Refusals {
    match validate(&cluster(spec), facts, &Options::default()) {
        Ok(_) => Refusals::default(),
        Err(refusals) => refusals,
    }
}

fn spec(change: impl FnOnce(&mut serde_json::Value)) -> serde_json::Value {
    let mut spec = json!({"version": "0.1.0", "replicas": 3, "storage": {"size": "10Gi"}});
    change(&mut spec);
    spec
}

#[test]
fn zero_brokers_are_refused_without_the_crd_too() {
    let refused = refusals(spec(|s| s["replicas"] = 0.into()), &Facts::default());
    assert_eq!(refused.reason(), "InvalidReplicas");
    assert!(
        refused
            .to_string()
            .contains("replicas 0: a cluster has at least 1 broker")
    );
}

#[test]
fn the_voters_are_fixed_when_the_cluster_is_created() {
    let voters = |replicas: i32| {
        let object = cluster(spec(|s| s["replicas"] = replicas.into()));
        validate(&object, &Facts::default(), &Options::default())
            .unwrap()
            .voters()
            .to_vec()
    };
    assert_eq!(voters(1), [0]);
    assert_eq!(
        voters(2),
        [0],
        "two voters tolerate no more failures than one"
    );
    assert_eq!(voters(3), [0, 1, 2]);
    assert_eq!(voters(7), [0, 1, 2]);
    let facts = Facts {
        voters: Some(vec![0]),
    };
    let grown = validate(&cluster(spec(|_| ())), &facts, &Options::default()).unwrap();
    assert_eq!(grown.voters(), [0], "scaling up adds observers");
}

#[test]
fn scaling_below_the_voters_is_refused() {
    let facts = Facts {
        voters: Some(vec![0, 1, 2]),
    };
    let refused = refusals(spec(|s| s["replicas"] = 2.into()), &facts);
    assert_eq!(refused.reason(), "ScaleDownBelowVoters");
    assert!(refused.to_string().contains("set replicas to 3 or more"));
}

#[test]
fn labels_of_the_operator_are_refused() {
    let refused = refusals(
        spec(|s| {
            s["template"] = json!({"pod": {"metadata": {"labels": {"kring.io/cluster": "x"}}}})
        }),
        &Facts::default(),
    );
    assert_eq!(refused.reason(), "ReservedLabel");
    assert!(
        refused
            .to_string()
            .contains("kring.io/cluster is set by the operator")
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let refused = refusals(
        spec(|s| {
            s["config"] = json!({"node.id": 7, "num.partition": 6});
            s["io"] = json!({"seccomp": "Localhost"});
        }),
        &Facts::default(),
    );
    let reasons: Vec<_> = refused.0.iter().map(|refusal| refusal.reason).collect();
    assert_eq!(
        reasons,
        ["InvalidIo", "ReservedConfigKey", "UnknownConfigKey"]
    );
}
