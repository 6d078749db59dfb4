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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
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

async fn serve_connection<S>(stream: S, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// What the server answers to these bytes, and the most memory it held meanwhile.
    fn answer(bytes: &[u8]) -> (String, u64) {
        // It refuses without a look at the body, as the admin API refuses whoever has no token.
        let router = Router::new().fallback(async || axum::http::StatusCode::UNAUTHORIZED);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime can be made");
        let mut answer = Vec::new();
        let taken = allocation_counter::measure(|| {
            let (client, server) = duplex(1024);
            let (mut from, mut to) = tokio::io::split(client);
            runtime.block_on(async {
                let send = async move {
                    // It fails when the server hangs up on bytes that it does not want.
                    let _ = to.write_all(bytes).await;
                    let _ = to.shutdown().await;
                };
                let receive = async { from.read_to_end(&mut answer).await };
                let served = serve_connection(server, router);
                let _ = tokio::join!(send, receive, served);
            });
        });
        let answer = String::from_utf8_lossy(&answer).into_owned();
        (answer, taken.bytes_max)
    }

    #[test]
    fn a_stranger_takes_no_more_memory_than_twice_its_bytes_and_64_kib() {
        let endless = |line: &str, times: usize| {
            let head = "POST /v1/topics HTTP/1.1\r\nHost: a\r\n".to_owned();
            [head, line.repeat(times)].concat().into_bytes()
        };
        let body = |length: &str| {
            let head = format!("POST /v1/topics HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n");
            [head.into_bytes(), vec![b'x'; 300_000]].concat()
        };
        let tried = [
            (vec![0x16; 50_000], "HTTP/1.1 400"),
            (endless("a: b\r\n", 90), ""),
            (endless("a: b\r\n", 5_000), "HTTP/1.1 431"),
            (endless("a", 200_000), "HTTP/1.1 431"),
            (
                endless("Authorization: Bearer x\r\n", 90_000),
                "HTTP/1.1 431",
            ),
            (body("Content-Length: 99999999999"), "HTTP/1.1 401"),
            (body("Transfer-Encoding: chunked"), "HTTP/1.1 401"),
        ];
        for (bytes, expected) in tried {
            let (answer, taken) = answer(&bytes);
            let head = String::from_utf8_lossy(&bytes[..40]);
            assert!(answer.starts_with(expected), "{head}: {answer}");
            let most = 2 * bytes.len() as u64 + (64 << 10);
            assert!(taken <= most, "{head}: {} bytes took {taken}", bytes.len());
        }
    }
}
