//! The operator process: arguments, leader lease, watches, readiness, metrics, shutdown.
//! It holds no reconcile logic.

#![forbid(unsafe_code)]

mod args;
mod definitions;
mod error;
mod lease;
mod metrics;
mod probes;
mod run;
mod shutdown;
mod state;
mod watch;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Runs the operator until it is told to stop.
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    let filter = EnvFilter::try_new(&args.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stdout().is_terminal());
    match args.log_format {
        args::LogFormat::Json => subscriber.json().flatten_event(true).init(),
        args::LogFormat::Text => subscriber.init(),
    }
    // One thread: the operator waits for others nearly all of the time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run::run(args)),
        Err(error) => Err(error::Error::Runtime(error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the operator stops");
            ExitCode::FAILURE
        }
    }
}
