//! The operator process: arguments, leader lease, watches, readiness, metrics, shutdown.
//! It holds no reconcile logic.

#![forbid(unsafe_code)]

/// Runs the operator until it is told to stop.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
