//! The composition root of the broker: configuration, threads, wiring, metrics, health, shutdown.
//! It holds no engine logic.

#![forbid(unsafe_code)]

/// Runs the broker until it is told to stop.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
