//! How long something is waited for, without the time in which the machine itself stood still.
//! A probe writes and syncs a small file beside the brokers' data; what it waits for, the brokers wait for too.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two probes.
const PAUSE: Duration = Duration::from_millis(50);
/// A probe that takes longer than this shows that the machine, not a broker, is slow.
const NORMAL: Duration = Duration::from_millis(300);

/// All time that probes took beyond what is normal, in milliseconds.
static STALLED_MS: AtomicU64 = AtomicU64::new(0);
/// When the probe under way began, in milliseconds of [`clock_ms`]; 0 between probes.
static PROBING_SINCE_MS: AtomicU64 = AtomicU64::new(0);

/// Probes from now on, in the background.
///
/// # Errors
/// When the file cannot be made.
pub(crate) fn watch(folder: &Path) -> io::Result<()> {
    let mut file = File::create(folder.join("probe"))?;
    let begun = Instant::now();
    clock_ms();
    thread::spawn(move || {
        loop {
            let probed = Instant::now();
            PROBING_SINCE_MS.store(clock_ms().max(1), Ordering::SeqCst);
            thread::sleep(PAUSE);
            let written = file
                .rewind()
                .and_then(|()| {
                    file.write_all(format!("{:020}", begun.elapsed().as_nanos()).as_bytes())
                })
                .and_then(|()| file.sync_data());
            if written.is_err() {
                return;
            }
            let over = probed.elapsed().saturating_sub(PAUSE + NORMAL);
            STALLED_MS.fetch_add(milliseconds(over), Ordering::SeqCst);
            PROBING_SINCE_MS.store(0, Ordering::SeqCst);
        }
    });
    Ok(())
}

/// How long the machine has stood still so far.
pub(crate) fn stalled() -> Duration {
    let since = PROBING_SINCE_MS.load(Ordering::SeqCst);
    let under_way = match since {
        0 => Duration::ZERO,
        since => Duration::from_millis(clock_ms().saturating_sub(since)),
    };
    let under_way = under_way.saturating_sub(PAUSE + NORMAL);
    Duration::from_millis(STALLED_MS.load(Ordering::SeqCst)) + under_way
}

fn clock_ms() -> u64 {
    static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    milliseconds(BEGUN.get_or_init(Instant::now).elapsed())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A wait that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    begun: Instant,
    stalled_before: Duration,
    within: Duration,
}

impl Patience {
    /// Begins now.
    pub(crate) fn new(within: Duration) -> Patience {
        Patience {
            begun: Instant::now(),
            stalled_before: stalled(),
            within,
        }
    }

    /// Whether the time is up.
    pub(crate) fn is_over(&self) -> bool {
        self.left() == Duration::ZERO
    }

    /// What is left of the time.
    pub(crate) fn left(&self) -> Duration {
        let stalled = stalled().saturating_sub(self.stalled_before);
        (self.within + stalled).saturating_sub(self.begun.elapsed())
    }

    /// Since the beginning, by the clock on the wall.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}
