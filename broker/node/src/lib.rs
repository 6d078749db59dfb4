//! The composition root of the broker: configuration, threads, wiring, metrics, health, shutdown.
//! It holds no engine logic.
//!
//! ```text
//! edge shards ─┐                ┌─ replies, messages
//! peer links ──┼─ Inbox → engine thread (Broker, Disk) ─ disk operations
//! admin HTTP ──┘                └─ answers
//! ```

#![forbid(unsafe_code)]

mod admin;
mod args;
mod config;
mod data_dir;
mod engine;
mod engine_thread;
mod http;
mod inbox;
mod logging;
mod machine;
mod meta_properties;
mod metrics;
mod observe;
mod run;
mod secrets;
mod volume;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

/// Runs the broker until it is told to stop.
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    if args.print_config_reference {
        return print(&config::reference());
    }
    if args.print_config_schema {
        let schema = serde_json::to_string_pretty(&config::schema());
        return print(&(schema.expect("names and numbers are JSON") + "\n"));
    }
    let config = match config::load(args.config.as_deref(), std::env::vars()) {
        Ok(config) => config,
        Err(error) => return refuse(&error.to_string()),
    };
    if let Err(error) = logging::start(config.node.log_format, &config.node.log_level) {
        return refuse(&error);
    }
    kring_io_linux::keep_freed_memory();
    match run::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether a configuration file with this text would be taken, and if not, what is said.
///
/// # Errors
/// The refusal, as the broker would print it.
pub fn check_configuration(text: &str) -> Result<(), String> {
    config::check_text(text).map_err(|error| error.to_string())
}

fn print(text: &str) -> ExitCode {
    // Whoever closed the pipe has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Says why the broker does not start, before there is a log.
fn refuse(why: &str) -> ExitCode {
    eprintln!("kring-broker: {why}");
    // EX_CONFIG of sysexits.h.
    ExitCode::from(78)
}
