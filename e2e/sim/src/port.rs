//! The way out of an operator: its requests to Kubernetes and to brokers wait here until the
//! simulation answers them. It answers nothing by itself and loses nothing.

use std::sync::{Arc, Mutex, MutexGuard};

use futures::channel::oneshot;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use kring_admin_client::{Call, Endpoint, Error, Reply, Transport};
use kring_reconcile::fake_kubernetes::Answer;
use kube::client::Body;
use serde_json::Value;

/// A request to the API server.
#[derive(Clone, Debug)]
pub(crate) struct ApiCall {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
    /// It is a server-side apply.
    pub(crate) applies: bool,
}

/// A request that waits.
pub(crate) enum Asked {
    /// To the API server.
    Api(ApiCall, oneshot::Sender<Answer>),
    /// To a broker.
    Admin(Endpoint, Call, oneshot::Sender<Result<Reply, Error>>),
}

/// Where requests wait.
#[derive(Clone, Default)]
pub(crate) struct Port(Arc<Mutex<Vec<Asked>>>);

impl Port {
    /// The requests since the last call, in order.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.lock())
    }

    /// A Kubernetes client whose requests wait here.
    pub(crate) fn client(&self) -> kube::Client {
        let port = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let port = port.clone();
            async move { Ok::<_, std::convert::Infallible>(port.call(request).await) }
        });
        kube::Client::new(service, "shop")
    }

    async fn call(&self, request: Request<Body>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .expect("a request's body is in memory")
            .to_bytes();
        let call = ApiCall {
            method: parts.method,
            path: parts.uri.path().trim_end_matches('/').to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            applies: parts
                .headers
                .get("content-type")
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/apply-patch")),
        };
        let (sender, answer) = oneshot::channel();
        self.lock().push(Asked::Api(call, sender));
        // Without an answer the call hangs, as on a connection that is gone: never an error of ours.
        let (status, answer) = match answer.await {
            Ok(answer) => answer,
            Err(_) => std::future::pending().await,
        };
        let bytes = Bytes::from(serde_json::to_vec(&answer).expect("JSON is written as JSON"));
        Response::builder()
            .status(status)
            .body(Full::new(bytes))
            .expect("a status and a body make a response")
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.0
            .lock()
            .expect("nobody panics while it holds the requests")
    }
}

impl Transport for Port {
    fn exchange<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        _token: &'a str,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Reply, Error>> {
        Box::pin(async move {
            let (sender, answer) = oneshot::channel();
            let asked = Asked::Admin(endpoint.clone(), call.clone(), sender);
            self.lock().push(asked);
            match answer.await {
                Ok(answer) => answer,
                Err(_) => std::future::pending().await,
            }
        })
    }
}
