//! What tests of denials share: a driver as a fixture, and the child process in which what is denied is denied for good.
//! What is denied is each test's own.

use std::process::Command;

use kring_io::Disk;
use kring_io::conformance::Fixture;
use kring_io_linux::Driver;

pub(crate) struct Opened(pub(crate) Driver);

impl Fixture for Opened {
    fn disk(&mut self) -> &mut dyn Disk {
        self.0.disk.as_mut()
    }

    fn crash(&mut self) {
        unreachable!("the promise under test has no crash")
    }
}

/// Runs the ignored test `child` of this binary with these variables, and gives what it printed.
pub(crate) fn run(variables: &[(&str, String)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
    said
}
