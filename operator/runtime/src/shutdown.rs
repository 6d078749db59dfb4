//! When the process is told to stop.
//! What then happens is in `run`.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A signal to stop that any number of tasks may wait for.
#[derive(Clone)]
pub(crate) struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Listens for SIGTERM and SIGINT.
    pub(crate) fn on_signal() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (told, receiver) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("told to stop");
            told.send_replace(true);
            // Kept, so that the receivers never see a closed channel.
            std::future::pending::<()>().await;
        });
        Ok(Self(receiver))
    }

    /// Returns when the process is told to stop.
    pub(crate) async fn requested(mut self) {
        let _ = self.0.wait_for(|told| *told).await;
    }
}
