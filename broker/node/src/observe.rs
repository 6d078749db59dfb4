//! What may be seen from outside without a token: `/metrics`, `/healthz`, `/readyz`.
//! It changes nothing; whether a broker is ready is the engine's own answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kring_requests::{AdminRequest, AdminResponse};
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::admin::ask;
use crate::config::NodeConfig;
use crate::engine_thread::DriverName;
use crate::inbox::{Inbox, Item};
use crate::metrics;

/// The engine loop is alive if it answers within this time.
const PING_MAX: Duration = Duration::from_secs(5);
/// Pause between two looks whether the broker is ready; it doubles up to [`LOOK_MAX`], so that a
/// broker that waits for its quorum is quiet.
const LOOK_MIN: Duration = Duration::from_millis(2);
const LOOK_MAX: Duration = Duration::from_secs(1);

/// What the metrics say about the process itself.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) broker: i32,
    pub(crate) driver: DriverName,
}

impl About {
    /// Of this node.
    pub(crate) fn new(node: &NodeConfig, driver: &DriverName) -> About {
        About {
            broker: node.id,
            driver: driver.clone(),
        }
    }
}

/// However many scrape, the engine is asked no more often than this.
const SCRAPE_AGE_MAX: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Observed {
    inbox: Arc<Inbox>,
    about: Arc<About>,
    /// The last text and when it was made. Who scrapes meanwhile waits for it.
    scraped: Arc<Mutex<Option<(Instant, Bytes)>>>,
}

/// The three paths.
pub(crate) fn router(inbox: Arc<Inbox>, about: About) -> Router {
    let about = Arc::new(about);
    Router::new()
        .route("/metrics", get(show_metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(Observed {
            inbox,
            about,
            scraped: Arc::default(),
        })
}

async fn show_metrics(State(observed): State<Observed>) -> Response {
    let mut scraped = observed.scraped.lock().await;
    let fresh = |(at, _): &&(Instant, Bytes)| at.elapsed() < SCRAPE_AGE_MAX;
    let text = match scraped.as_ref().filter(fresh) {
        Some((_, text)) => text.clone(),
        None => {
            let (sender, answer) = oneshot::channel();
            observed.inbox.push(Item::Metrics(sender));
            let Ok(Ok(snapshot)) = timeout(PING_MAX, answer).await else {
                return stuck();
            };
            let text = Bytes::from(metrics::render(&snapshot, &observed.about));
            *scraped = Some((Instant::now(), text.clone()));
            text
        }
    };
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

async fn healthz(State(observed): State<Observed>) -> Response {
    let (sender, answer) = oneshot::channel();
    observed.inbox.push(Item::Ping(sender));
    match timeout(PING_MAX, answer).await {
        Ok(Ok(())) => "the engine loop turns\n".into_response(),
        Ok(Err(_)) | Err(_) => stuck(),
    }
}

async fn readyz(State(observed): State<Observed>) -> Response {
    match not_ready(&observed.inbox).await {
        None => "serving and registered\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n").into_response(),
    }
}

fn stuck() -> Response {
    let why = format!(
        "the engine gave no answer within {} s\n",
        PING_MAX.as_secs()
    );
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

/// Why the broker is not ready; none when it is.
async fn not_ready(inbox: &Inbox) -> Option<String> {
    match ask(inbox, AdminRequest::Health).await {
        Ok(AdminResponse::Health(health)) if health.ready => None,
        Ok(AdminResponse::Health(health)) => Some(health.reason),
        Ok(_) => Some("the engine answered another question".to_owned()),
        Err(error) => Some(error.message),
    }
}

/// Waits until the broker has recovered, is registered and unfenced.
pub(crate) async fn wait_until_ready(inbox: &Inbox) {
    let mut pause = LOOK_MIN;
    while not_ready(inbox).await.is_some() {
        sleep(pause).await;
        pause = (pause * 2).min(LOOK_MAX);
    }
}

/// Waits until the broker knows its cluster; gives the cluster's id.
pub(crate) async fn wait_for_cluster_id(inbox: &Inbox) -> String {
    let mut pause = LOOK_MIN;
    loop {
        match ask(inbox, AdminRequest::Identity).await {
            Ok(AdminResponse::Identity(identity)) if !identity.cluster_id.is_empty() => {
                return identity.cluster_id;
            }
            _ => sleep(pause).await,
        }
        pause = (pause * 2).min(LOOK_MAX);
    }
}
