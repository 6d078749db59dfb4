//! A toy API server for tests and simulations: objects in a map, server-side apply as a deep merge,
//! status as a subresource. It has no watches, no defaults and no admission.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};

/// The objects by path.
#[derive(Clone, Default)]
pub struct Store {
    /// Each object as the API server would give it.
    pub objects: BTreeMap<String, Value>,
    /// `reason: note` of each Event.
    pub events: Vec<String>,
    /// Refused applies: a part of the path, the code, and what the API server says.
    pub refusing: Vec<(&'static str, u16, &'static str)>,
    clock: u64,
}

/// An API server that any number of clients share.
#[derive(Clone, Default)]
pub struct FakeKubernetes(Arc<Mutex<Store>>);

impl FakeKubernetes {
    /// The objects, to look at or to change.
    ///
    /// # Panics
    /// When somebody panicked while holding them.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.0
            .lock()
            .expect("nobody panics while it holds the objects")
    }

    /// A client that is answered at once. The caller is in a tokio runtime, as kube's client wants.
    pub fn client(&self) -> kube::Client {
        let fake = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body
                    .collect()
                    .await
                    .expect("a request's body is in memory")
                    .to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let path = parts.uri.path().trim_end_matches('/').to_owned();
                let query = parts.uri.query().unwrap_or_default().to_owned();
                let applies = parts
                    .headers
                    .get("content-type")
                    .is_some_and(|kind| kind.as_bytes().starts_with(b"application/apply-patch"));
                let (status, answer) =
                    fake.store()
                        .answer(&parts.method, &path, &query, body, applies);
                let answer =
                    Bytes::from(serde_json::to_vec(&answer).expect("JSON is written as JSON"));
                Ok::<_, std::convert::Infallible>(
                    Response::builder()
                        .status(status)
                        .body(http_body_util::Full::new(answer))
                        .expect("a status and a body make a response"),
                )
            }
        });
        kube::Client::new(service, "shop")
    }
}

/// HTTP status and body.
pub type Answer = (u16, Value);

impl Store {
    /// Puts an object there as a user does; a changed spec is a new generation.
    pub fn put(&mut self, path: &str, object: Value) {
        let mut merged = self.objects.get(path).cloned().unwrap_or_else(|| json!({}));
        merge(&mut merged, &object);
        if object.get("spec").is_some() {
            // A user's spec is replaced whole, so that fields can be taken out.
            merged["spec"] = object["spec"].clone();
        }
        self.save(path, merged);
    }

    /// Deletes as a user does: an object with finalizers only gets a deletion timestamp.
    pub fn delete(&mut self, path: &str) -> Answer {
        let Some(object) = self.objects.get_mut(path) else {
            return not_found();
        };
        let held = object["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
        let is_pod = path.contains("/pods/");
        if held || is_pod {
            if object["metadata"]["deletionTimestamp"].is_null() {
                object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
                self.clock += 1;
                object["metadata"]["resourceVersion"] = json!(self.clock.to_string());
            }
        } else {
            self.remove(path);
        }
        (
            200,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}),
        )
    }

    /// Answers a request. `applies` says that a PATCH is a server-side apply.
    ///
    /// # Panics
    /// When a reconcile makes no such request.
    pub fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: &str,
        body: Value,
        applies: bool,
    ) -> Answer {
        if path.contains("/events") {
            let note = body["note"].as_str().unwrap_or_default();
            self.events.push(format!(
                "{}: {note}",
                body["reason"].as_str().unwrap_or_default()
            ));
            return (201, body);
        }
        // /api/v1/namespaces/NS/KIND[/NAME[/status]] or /apis/GROUP/VERSION/namespaces/...
        let depth = path.matches('/').count() - usize::from(path.starts_with("/apis/"));
        let is_status = path.ends_with("/status");
        match (method, depth) {
            (&Method::GET, 5) => self.list(path, query),
            (&Method::GET, _) => self
                .objects
                .get(path)
                .map_or_else(not_found, |o| (200, o.clone())),
            (&Method::POST, _) if self.refuses(path).is_none() => {
                let name = body["metadata"]["name"].as_str().unwrap_or_default();
                let path = format!("{path}/{name}");
                if self.objects.contains_key(&path) {
                    return conflict();
                }
                self.save(&path, body)
            }
            (&Method::PUT, _) if is_status => {
                self.replace_status(path.trim_end_matches("/status"), &body)
            }
            (&Method::PATCH | &Method::POST, _) if self.refuses(path).is_some() => {
                self.refuses(path).expect("looked at in the guard")
            }
            (&Method::PATCH, _) if applies => self.apply(path, query, body),
            (&Method::PATCH, _) => self.merge_patch(path, &body),
            (&Method::DELETE, _) => {
                let conditions = &body["preconditions"];
                match self.objects.get(path) {
                    Some(object) if !is_named(object, conditions) => conflict(),
                    _ => self.delete(path),
                }
            }
            _ => panic!("{method} {path} is not what a reconcile does"),
        }
    }

    /// As kube-apiserver does: a uid without an object, or another version than the object has, is a
    /// conflict; a version alone does not keep an object from being created.
    fn apply(&mut self, path: &str, query: &str, mut body: Value) -> Answer {
        let named = body["metadata"].clone();
        let mut object = match self.objects.get(path) {
            Some(object) if !is_named(object, &named) => return conflict(),
            Some(object) => object.clone(),
            None if !named["uid"].is_null() => return conflict(),
            None => json!({}),
        };
        if query.contains("dryRun=All") {
            return (200, body);
        }
        if let Some(metadata) = body["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        merge(&mut object, &body);
        self.save(path, object)
    }

    fn refuses(&self, path: &str) -> Option<Answer> {
        let (_, code, message) = self
            .refusing
            .iter()
            .find(|(part, _, _)| path.contains(part))?;
        let mut answer = status(*code, "Refused");
        answer["message"] = json!(message);
        Some((*code, answer))
    }

    fn list(&self, path: &str, query: &str) -> Answer {
        let selector = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("labelSelector="))
            .map(|text| {
                text.replace("%3D", "=")
                    .replace("%2C", ",")
                    .replace("%2F", "/")
            })
            .unwrap_or_default();
        let matches = |object: &&Value| {
            selector
                .split(',')
                .filter(|pair| !pair.is_empty())
                .all(|pair| {
                    let (key, value) = pair.split_once('=').expect("a selector compares with =");
                    object["metadata"]["labels"][key] == value
                })
        };
        let prefix = format!("{path}/");
        let items: Vec<Value> = self
            .objects
            .iter()
            .filter(|(path, _)| path.starts_with(&prefix))
            .map(|(_, object)| object)
            .filter(matches)
            .cloned()
            .collect();
        (
            200,
            json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}),
        )
    }

    fn replace_status(&mut self, path: &str, body: &Value) -> Answer {
        let Some(object) = self.objects.get(path) else {
            return not_found();
        };
        let sent = &body["metadata"]["resourceVersion"];
        assert!(
            !sent.is_null(),
            "an update without a resourceVersion is refused"
        );
        if *sent != object["metadata"]["resourceVersion"] {
            return conflict();
        }
        let mut object = object.clone();
        object["status"] = body["status"].clone();
        self.save(path, object)
    }

    fn merge_patch(&mut self, path: &str, body: &Value) -> Answer {
        let Some(object) = self.objects.get(path) else {
            return not_found();
        };
        let sent = &body["metadata"]["resourceVersion"];
        if !sent.is_null() && *sent != object["metadata"]["resourceVersion"] {
            return conflict();
        }
        let mut object = object.clone();
        merge(&mut object, body);
        remove_nulls(&mut object, body);
        let deleted = !object["metadata"]["deletionTimestamp"].is_null();
        let held = object["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
        if deleted && !held {
            self.remove(path);
            return (200, object);
        }
        self.save(path, object)
    }

    /// Grows with each change of any object but Events.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.clock
    }

    /// Takes an object out at once, finalizers or not.
    pub fn remove(&mut self, path: &str) {
        if self.objects.remove(path).is_some() {
            self.clock += 1;
        }
    }

    /// Stores an object, with the metadata that the API server keeps, if anything changed.
    pub fn save(&mut self, path: &str, mut object: Value) -> Answer {
        let old = self.objects.get(path);
        if old == Some(&object) {
            return (200, object);
        }
        self.clock += 1;
        let generation = match old {
            Some(old) if old["spec"] == object["spec"] => {
                old["metadata"]["generation"].as_i64().unwrap_or(1)
            }
            Some(old) => old["metadata"]["generation"].as_i64().unwrap_or(1) + 1,
            None => 1,
        };
        let metadata = &mut object["metadata"];
        metadata["generation"] = json!(generation);
        metadata["resourceVersion"] = json!(self.clock.to_string());
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(format!("uid-{}", self.clock));
            let created = format!(
                "2026-01-01T00:{:02}:{:02}Z",
                self.clock / 60 % 60,
                self.clock % 60
            );
            metadata["creationTimestamp"] = json!(created);
        }
        self.objects.insert(path.to_owned(), object.clone());
        (200, object)
    }
}

fn not_found() -> Answer {
    (404, status(404, "NotFound"))
}

fn conflict() -> Answer {
    (409, status(409, "Conflict"))
}

fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason, "code": code})
}

/// Whether an object has the uid and the version that are asked for, where any are.
fn is_named(object: &Value, asked: &Value) -> bool {
    ["uid", "resourceVersion"]
        .iter()
        .all(|name| asked[name].is_null() || asked[name] == object["metadata"][name])
}

/// What a merge patch says is null is taken away.
fn remove_nulls(from: &mut Value, patch: &Value) {
    let (Some(from), Some(patch)) = (from.as_object_mut(), patch.as_object()) else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            from.remove(name);
        } else if let Some(inner) = from.get_mut(name) {
            remove_nulls(inner, value);
        }
    }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
