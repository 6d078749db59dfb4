//! Pods as objects: where they are, and the parts of their status that the operator reads.
//! When a status changes is the kubelet's business.

use serde_json::{Value, json};

use crate::api_server::{ApiServer, PODS};

pub(super) fn paths(api: &ApiServer, prefix: &str) -> Vec<String> {
    let all = api.store.objects.keys();
    all.filter(|path| path.starts_with(prefix))
        .cloned()
        .collect()
}

pub(super) fn set_of(pod: &str) -> &str {
    let name = &pod[PODS.len()..];
    name.strip_suffix("-0").unwrap_or(name)
}

pub(super) fn uid_of(api: &ApiServer, path: &str) -> String {
    let pod = api.store.objects.get(path).unwrap_or(&Value::Null);
    text(&pod["metadata"]["uid"])
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn set_ready(api: &mut ApiServer, path: &str, is_ready: bool) {
    let mut pod = api.store.objects[path].clone();
    let status = if is_ready { "True" } else { "False" };
    pod["status"]["conditions"] = json!([{"type": "Ready", "status": status}]);
    api.store.save(path, pod);
}

pub(super) fn set_waiting(api: &mut ApiServer, path: &str, reason: &str) {
    let mut pod = api.store.objects[path].clone();
    pod["status"]["containerStatuses"] = json!([{
        "name": "broker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": reason}},
    }]);
    api.store.save(path, pod);
}

pub(super) fn set_running(api: &mut ApiServer, path: &str) {
    let mut pod = api.store.objects[path].clone();
    pod["status"]["containerStatuses"] = Value::Null;
    pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
    api.store.save(path, pod);
}
