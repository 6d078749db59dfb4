//! The broker binary.
//! Everything it does is in kring-node.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    kring_node::main()
}
