//! Log lines on standard error: for people on a terminal, JSON elsewhere.
//! It logs nothing itself.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// Starts logging; says what is wrong with `level`, if something is. Called once per process.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|error| {
        format!(
            "kring.log.level: {level:?} is not allowed ({error}); error, warn, info, debug or trace is, also by module: info,kring_edge=debug"
        )
    })?;
    let text = match format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second subscriber in one process (a test) leaves the first in place.
    let _ = if text {
        let ansi = io::stderr().is_terminal();
        lines.with_ansi(ansi).with_target(false).finish().try_init()
    } else {
        lines.json().flatten_event(true).finish().try_init()
    };
    Ok(())
}
