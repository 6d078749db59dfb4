//! The operator binary.
//! Everything it does is in kring-runtime.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    kring_runtime::main()
}
