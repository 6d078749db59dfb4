//! Serving an HTTP router on a bound listener, with caps on what a connection may take.
//! Which paths there are is said by `admin.rs` and `observe.rs`.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::net::TcpListener;

/// Largest body of a request in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long a question to the engine may take before the answer is 503.
pub(crate) const ENGINE_ANSWER_MAX: Duration = Duration::from_secs(10);

/// Serves until the runtime ends.
pub(crate) fn serve(listener: std::net::TcpListener, router: Router) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let router = router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "an HTTP listener ended");
        }
    });
    Ok(())
}
