//! `kring-check`: judges a history that a real run has written, as the simulator judges its own.
//! It runs no broker; the format is that of `kring_sim::history`.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kring_sim::checks;
use kring_sim::history::{History, Unreadable};

/// Checks what clients were promised against a history of what they saw.
#[derive(Parser)]
struct Arguments {
    /// The history; `-` reads the standard input.
    file: PathBuf,
    /// Promises that this history need not put to the test, as named in the output; may be repeated.
    #[arg(long)]
    without: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let history = match read(&arguments.file) {
        Ok(history) => history,
        Err(error) => {
            eprintln!("{}: {error}", arguments.file.display());
            return ExitCode::FAILURE;
        }
    };
    let verdict = checks::judge(&history);
    for violation in &verdict.violations {
        println!("{}: {}", violation.check, violation.fact);
    }
    let mut idle = 0;
    let has_transactions = history.has_transactions();
    for (check, exercised) in &verdict.exercised {
        let excused = arguments.without.iter().any(|without| without == check)
            || !has_transactions && checks::OF_TRANSACTIONS.contains(check);
        let note = match (exercised, excused) {
            (0, false) => "  not checked",
            (0, true) => "  not asked for",
            _ => "",
        };
        println!("{check:<24} {exercised:>12} times{note}");
        idle += usize::from(*exercised == 0 && !excused);
    }
    println!(
        "suite=check events={} ops={} acknowledged={} unchecked={idle} violations={}",
        history.len(),
        history.operations(),
        history.acknowledged(),
        verdict.violations.len()
    );
    if verdict.violations.is_empty() && idle == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn read(file: &PathBuf) -> Result<History, Unreadable> {
    if file.as_os_str() == "-" {
        return History::read_from(stdin().lock());
    }
    History::read_from(BufReader::with_capacity(1 << 20, File::open(file)?))
}
