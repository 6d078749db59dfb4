//! What every suite of a run knows: its seed, the broker's program, and the folder for what a failure leaves.
//! It starts nothing.

use std::path::PathBuf;

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    /// The broker's program.
    pub(crate) broker: PathBuf,
    /// The program of the foreign client.
    pub(crate) load: PathBuf,
    /// Logs, data directories and histories.
    pub(crate) folder: PathBuf,
}
