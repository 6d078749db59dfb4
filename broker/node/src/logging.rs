//! Log lines on standard error: for people on a terminal, JSON elsewhere. What is logged may change
//! while the broker runs. It decides nothing about what is worth a line, only how often.

mod flood;

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;
use flood::FloodGate;
pub(crate) use flood::tell_left_out;

/// What is logged, and the way to change it.
struct Current {
    level: String,
    replace: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send>,
}

static CURRENT: Mutex<Option<Current>> = Mutex::new(None);

/// Starts logging; says what is wrong with `level`, if something is. Called once per process.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = parse(level)?;
    let text = match format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second subscriber in one process (a test) leaves the first in place.
    if text {
        let ansi = io::stderr().is_terminal();
        let lines = lines
            .with_ansi(ansi)
            .with_target(false)
            .with_filter_reloading();
        let handle = lines.reload_handle();
        if lines.finish().with(FloodGate::default()).try_init().is_ok() {
            keep(level, move |filter| handle.reload(filter).map_err(said));
        }
    } else {
        let lines = lines.json().flatten_event(true).with_filter_reloading();
        let handle = lines.reload_handle();
        if lines.finish().with(FloodGate::default()).try_init().is_ok() {
            keep(level, move |filter| handle.reload(filter).map_err(said));
        }
    }
    Ok(())
}

/// What is logged now.
pub(crate) fn level() -> String {
    let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    current
        .as_ref()
        .map_or_else(String::new, |current| current.level.clone())
}

/// Logs something else from now on, until the process ends; says what is wrong with `level`, if
/// something is.
pub(crate) fn set_level(level: &str) -> Result<(), String> {
    let filter = parse(level)?;
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(current) = current.as_mut() else {
        return Err("logging has not been started".to_owned());
    };
    (current.replace)(filter)?;
    let before = std::mem::replace(&mut current.level, level.to_owned());
    tracing::warn!(before, level, "the log level was changed by the admin API");
    Ok(())
}

fn keep(level: &str, replace: impl Fn(EnvFilter) -> Result<(), String> + Send + 'static) {
    let current = Current {
        level: level.to_owned(),
        replace: Box::new(replace),
    };
    *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = Some(current);
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn parse(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(level).map_err(|error| {
        format!(
            "kring.log.level: {level:?} is not allowed ({error}); error, warn, info, debug or trace is, also by module: info,kring_edge=debug"
        )
    })
}
