//! `kring-load`: an ordinary librdkafka client that accounts for every record.
//! It knows nothing of Kubernetes or of the broker under it.

#![forbid(unsafe_code)]

mod acks;
mod arguments;
mod await_answer;
mod client;
mod consume;
mod create_topic;
mod library_log;
mod payload;
mod produce;
mod reread;
mod roundtrip;
mod sightings;

use std::fs;
use std::process::ExitCode;

use clap::Parser;
use kring_load::{REPORT_MARK, Report};

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Roundtrip(load) => show(roundtrip::run(&load, true)),
        Command::Produce(load) => show(roundtrip::run(&load, false)),
        Command::CreateTopic(topic) => create_topic::run(&topic).map_err(|e| e.to_string()),
        Command::Stop(stop) => fs::write(&stop.stop_file, "")
            .map_err(|error| format!("{}: {error}", stop.stop_file.display())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kring-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the report, also of a run that broke a promise, and fails for the latter.
fn show(outcome: Result<Report, rdkafka::error::KafkaError>) -> Result<(), String> {
    let report = outcome.map_err(|error| error.to_string())?;
    let json = serde_json::to_string(&report).map_err(|error| error.to_string())?;
    println!("{REPORT_MARK}{json}");
    let violations = report.violations();
    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations.join("; "))
    }
}
