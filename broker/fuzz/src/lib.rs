//! Everything that bytes from outside reach, as functions of bytes, with what must hold whatever the bytes are.
//! It generates no input: libFuzzer does (`hack/fuzz`), and the test of this crate replays what is kept in `corpus/`.

#![forbid(unsafe_code)]

pub mod allocation;
mod alone;
pub mod golden;
pub mod targets;

use targets::Target;

/// The variable that chooses the target of the libFuzzer binary.
pub const TARGET_VARIABLE: &str = "KRING_FUZZ_TARGET";

/// The target that the environment names.
///
/// # Panics
/// When it names none: a run without a target would prove nothing.
#[must_use]
pub fn chosen() -> &'static Target {
    let name = std::env::var(TARGET_VARIABLE).unwrap_or_default();
    targets::find(&name).unwrap_or_else(|| {
        let names: Vec<&str> = targets::ALL.iter().map(|target| target.name).collect();
        panic!(
            "{TARGET_VARIABLE}={name} is no target; there are {}",
            names.join(", ")
        )
    })
}
