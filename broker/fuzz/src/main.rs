//! The binary that libFuzzer drives: one target, chosen by `KRING_FUZZ_TARGET`.
//! It is built only by `hack/fuzz`, with the compiler's coverage counters.

#![no_main]

use std::sync::OnceLock;

use kring_fuzz::targets::Target;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    (TARGET.get_or_init(kring_fuzz::chosen).run)(data);
});
