//! After the fence is up no ring and no program can be started, on any thread, and the open driver goes on working.
//! The fence is for good, so that it is put up in a child process of this test.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod child;

use std::io::ErrorKind;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

use child::Opened;
use kring_io::conformance::what_was_written_is_read;
use kring_io_linux::{DriverChoice, give_up_calls, open};

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
    let said = child::run(&[]);
    let denied = "posix because a seccomp profile denies io_uring_setup (errno 1)";
    assert!(said.contains(denied), "{said}");
}
