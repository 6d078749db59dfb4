//! Replays the inputs of every target: the well-formed ones and those in `corpus/`, which once found something.
//! It invents none; `hack/fuzz` does.

use std::path::Path;

use kring_fuzz::targets::{self, Target};

fn kept(target: &Target) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name);
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let path = entry.expect("the directory can be listed").path();
            let bytes = std::fs::read(&path).expect("a kept input can be read");
            (path.display().to_string(), bytes)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_kept_and_every_well_formed_input_holds_its_promises() {
    for target in targets::ALL {
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            println!("{} seed {number}", target.name);
            (target.run)(&seed);
        }
        for (path, bytes) in kept(target) {
            println!("{path}");
            (target.run)(&bytes);
        }
    }
}

#[test]
fn well_formed_inputs_cut_at_every_length_hold_their_promises() {
    for target in targets::ALL {
        let seeds = (target.seeds)();
        // The targets that start a log for each input take a sample.
        let slow = ["journal", "checkpoint", "segment"].contains(&target.name);
        for seed in seeds.iter().step_by(if slow { 64 } else { 1 }) {
            for length in (0..seed.len()).step_by(seed.len().div_ceil(64).max(1)) {
                (target.run)(&seed[..length]);
            }
        }
    }
}
