//! `/healthz`, `/readyz` and `/metrics`.
//! Ready means able to work or to stand by; no cluster's health is in it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::routing::get;
use kring_reconcile::Gauges;
use tokio::net::TcpListener;

use crate::error::Error;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::state::{Stage, State};

/// What the pages show.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) state: Arc<State>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) gauges: Arc<Gauges>,
}

/// Serves the pages in the background until the process is told to stop.
pub(crate) async fn serve(
    address: SocketAddr,
    pages: Pages,
    shutdown: Shutdown,
) -> Result<(), Error> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|why| Error::Http { address, why })?;
    let router = Router::new()
        .route("/healthz", get(|| async { "alive" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(pages);
    tokio::spawn(async move {
        let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.requested());
        if let Err(error) = server.await {
            tracing::error!(%error, "the probes are not served any more");
        }
    });
    Ok(())
}

async fn ready(Shared(pages): Shared<Pages>) -> (StatusCode, String) {
    answer(&pages.state.get())
}

fn answer(stage: &Stage) -> (StatusCode, String) {
    match stage {
        Stage::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned()),
        Stage::MissingDefinitions(kinds) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!(
                "these kinds are not installed: {}; install the chart kring-crds\n",
                kinds.join(", ")
            ),
        ),
        Stage::StandingBy => (
            StatusCode::OK,
            "standing by; another operator works\n".to_owned(),
        ),
        Stage::Working => (StatusCode::OK, "working\n".to_owned()),
    }
}

async fn metrics(Shared(pages): Shared<Pages>) -> String {
    pages.metrics.text(Some(&pages.gauges))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_definitions_are_named_and_standing_by_is_ready() {
        let (status, text) = answer(&Stage::MissingDefinitions(vec!["Topic".into()]));
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.contains("not installed: Topic; install the chart kring-crds"));
        assert_eq!(answer(&Stage::StandingBy).0, StatusCode::OK);
    }
}
