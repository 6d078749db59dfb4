//! The broker's binary again, so that the smoke test of this crate has one built beside it.
//! It is not what is measured: `compare` measures `kring-broker` itself.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    kring_node::main()
}
