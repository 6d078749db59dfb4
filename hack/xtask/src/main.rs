//! Developer commands: `codegen`, `tidy` and the `ci` lanes.
//! It ships in no image and holds no product code.

#![forbid(unsafe_code)]

mod ci;
mod codegen;
mod models;
mod run_log;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer commands of Kring.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the generated files: CRDs, golden manifests, rendered charts. It needs helm.
    Codegen {
        /// Only compare; fail when one is stale.
        #[arg(long)]
        check: bool,
    },
    /// Checks the layers, the file headers and the marks for file and function size.
    Tidy,
    /// Searches the models of the quorum, of the ISR and of the rollout as deep as they are made for.
    Models,
    /// Writes the closing lines of runs, given on standard input, into the run log of the README.
    Record,
    /// Runs a lane: what CI runs, cheapest first.
    Ci {
        /// Which one.
        #[arg(value_enum)]
        lane: ci::Lane,
        /// Writes the closing lines of its suites into the run log of the README.
        #[arg(long)]
        record: bool,
        /// Only the steps whose command lines contain this: a suite of a long lane again.
        #[arg(long, default_value = "")]
        only: String,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Codegen { check } => codegen::codegen(&root(), check),
        Command::Tidy => tidy::run(&root()),
        Command::Models => models::run(&root()),
        Command::Record => run_log::record_printed(&root(), &mut std::io::stdin().lock()),
        Command::Ci { lane, record, only } => ci::run(&root(), lane, record, &only),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The repository: two levels above this crate.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root.pop();
    root
}
