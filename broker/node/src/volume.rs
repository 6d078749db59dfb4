//! Tells the engine how large the volume of the data directory is and what is free.
//! It judges nothing: a full disk is noticed where a write fails.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kring_requests::{Event, Volume};

use crate::inbox::{Inbox, Item};

const INTERVAL: Duration = Duration::from_secs(10);

/// Looks again and again, for as long as the process lives.
pub(crate) async fn watch(directory: PathBuf, inbox: Arc<Inbox>) {
    loop {
        let directory = directory.clone();
        // A disk that hangs keeps this one thread, not the control runtime.
        let looked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&directory)).await;
        if let Ok(Ok(found)) = looked {
            let bytes = |blocks: u64| {
                i64::try_from(blocks.saturating_mul(found.f_frsize)).unwrap_or(i64::MAX)
            };
            let volume = Volume {
                total_bytes: bytes(found.f_blocks),
                usable_bytes: bytes(found.f_bavail),
            };
            inbox.push(Item::Event(Event::Volume(volume), None));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
