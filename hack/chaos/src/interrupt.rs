//! Ctrl-C and SIGTERM as an error that every long step looks for.
//! It ends nothing itself: the run unwinds and says what it had found.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Catches the two signals from now on.
///
/// # Errors
/// When the system refuses the handler.
pub(crate) fn catch() -> Result<(), String> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(flag))
            .map_err(|e| format!("signal {signal} cannot be caught: {e}"))?;
    }
    Ok(())
}

/// Whether a signal came.
///
/// # Errors
/// When it did.
pub(crate) fn check() -> Result<(), String> {
    match INTERRUPTED.get() {
        Some(flag) if flag.load(Ordering::SeqCst) => Err("interrupted by a signal".to_owned()),
        _ => Ok(()),
    }
}
