//! The CustomResourceDefinitions as YAML, one file each.
//! It writes no file: the test `generated_yaml_is_fresh` and `cargo xtask codegen` do.

use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::{KafkaCluster, Topic};

/// Largest allowed CRD as compact JSON. Client-side `kubectl apply` keeps a copy of the object in an
/// annotation, and annotations end at 256 KiB.
pub const CRD_BYTES_MAX: usize = 180 * 1024;

/// Every CRD as JSON, in the order of its file names.
#[must_use]
pub fn crds() -> Vec<Value> {
    [KafkaCluster::crd(), Topic::crd()]
        .into_iter()
        .map(|crd| {
            let mut crd = serde_json::to_value(crd).expect("a CRD is plain data");
            default_status(&mut crd);
            plain(&mut crd);
            crd
        })
        .collect()
}

/// File name and content of every CRD.
#[must_use]
pub fn files() -> Vec<(String, String)> {
    crds()
        .into_iter()
        .map(|crd| {
            let name = crd["metadata"]["name"].as_str().expect("a CRD has a name");
            let yaml = serde_saphyr::to_string(&crd).expect("JSON fits in YAML");
            let head = "# Generated from crds/src by `cargo xtask codegen`. Do not edit.\n";
            (format!("{name}.yaml"), format!("{head}{yaml}"))
        })
        .collect()
}

/// An object that no operator has looked at is `Ready=Unknown`. Without this default, tools that
/// follow kstatus take an object without conditions for a finished one.
fn default_status(crd: &mut Value) {
    for version in crd["spec"]["versions"]
        .as_array_mut()
        .expect("a CRD has versions")
    {
        version["schema"]["openAPIV3Schema"]["properties"]["status"]["default"] = json!({
            "observedGeneration": -1,
            "conditions": [{
                "type": crate::conditions::READY,
                "status": "Unknown",
                "reason": "Pending",
                "message": "Waiting for the operator",
                "observedGeneration": -1,
                "lastTransitionTime": "1970-01-01T00:00:00Z",
            }],
        });
    }
}

/// Drops `nullable`, because an absent field is written by leaving it out and CEL's `has` must mean
/// "is set", and writes whole limits without a fraction.
fn plain(node: &mut Value) {
    match node {
        Value::Object(fields) => {
            if fields.get("nullable").is_some_and(Value::is_boolean) {
                fields.remove("nullable");
            }
            for limit in ["minimum", "maximum"] {
                if let Some(number) = fields.get_mut(limit)
                    && let Some(float) = number.as_f64()
                {
                    // The limits of our fields are small whole numbers, which a float holds exactly.
                    *number = json!(float as i64);
                }
            }
            fields.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}
