//! Serving an HTTP router on a bound listener, with caps on what a connection may take.
//! Which paths there are is said by `admin.rs` and `observe.rs`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// Largest body of a request in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Largest head of a request in bytes, and all that an idle connection keeps.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Connections of one listener at once. Those beyond it wait in the kernel.
const CONNECTIONS_MAX: usize = 256;
/// How long the head of a request may take; a connection between two requests is closed after it.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// Pause after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a question to the engine may take before the answer is 503.
pub(crate) const ENGINE_ANSWER_MAX: Duration = Duration::from_secs(10);

/// Serves until the runtime ends.
pub(crate) fn serve(listener: std::net::TcpListener, router: Router) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let router = router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    tokio::spawn(accept(listener, router));
    Ok(())
}

async fn accept(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accepting an HTTP connection failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let router = router.clone();
        tokio::spawn(async move {
            serve_connection(stream, router).await;
            drop(place);
        });
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}
