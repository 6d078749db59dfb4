//! `kring-fuzz-seeds DIRECTORY`: writes well-formed inputs of every target, where a fuzzer begins.
//! `kring-fuzz-seeds --targets` lists the targets.

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use kring_fuzz::targets;

fn main() -> ExitCode {
    let Some(argument) = std::env::args().nth(1) else {
        eprintln!("usage: kring-fuzz-seeds DIRECTORY | --targets");
        return ExitCode::from(2);
    };
    if argument == "--targets" {
        targets::ALL
            .iter()
            .for_each(|target| println!("{}", target.name));
        return ExitCode::SUCCESS;
    }
    match write_all(Path::new(&argument)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kring-fuzz-seeds: {argument}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(root: &Path) -> std::io::Result<()> {
    for target in targets::ALL {
        let directory = root.join(target.name);
        std::fs::create_dir_all(&directory)?;
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            std::fs::write(directory.join(format!("seed-{number:04}")), seed)?;
        }
    }
    Ok(())
}
