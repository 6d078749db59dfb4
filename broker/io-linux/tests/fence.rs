//! After the fence is up no ring and no program can be started, on any thread, and the open driver goes on working.
//! The fence is for good, so that it is put up in a child process of this test.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::io::ErrorKind;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

use kring_io::Disk;
use kring_io::conformance::{Fixture, what_was_written_is_read};
use kring_io_linux::{Driver, DriverChoice, give_up_calls, open};

struct Opened(Driver);

impl Fixture for Opened {
    fn disk(&mut self) -> &mut dyn Disk {
        self.0.disk.as_mut()
    }

    fn crash(&mut self) {
        unreachable!("the promise under test has no crash")
    }
}

#[test]
#[ignore = "runs only as the child of the test below"]
fn child() {
    let (dir, later) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let driver = open(dir.path(), DriverChoice::IoUring).unwrap();
    assert!(!driver.wish_denied, "{}", driver.reason);
    let (begin, begun) = channel::<()>();
    let older = thread::spawn(move || {
        begun.recv().unwrap();
        Command::new("true").status().unwrap_err().kind()
    });

    give_up_calls().unwrap();

    begin.send(()).unwrap();
    assert_eq!(older.join().unwrap(), ErrorKind::PermissionDenied);
    what_was_written_is_read(&mut Opened(driver));
    let second = open(later.path(), DriverChoice::IoUring).unwrap();
    println!("{} because {}", second.name, second.reason);
}

#[test]
fn what_was_given_up_is_denied_and_the_open_ring_works() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
    let denied = "posix because a seccomp profile denies io_uring_setup (errno 1)";
    assert!(said.contains(denied), "{said}");
}
