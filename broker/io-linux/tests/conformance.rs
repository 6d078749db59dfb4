//! Both drivers keep the promises of the seam.
//! Power loss is played by leaving the driver with everything done: what Linux itself loses then is not testable here.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kring_io::Disk;
use kring_io::conformance::{Fixture, Script};
use kring_io_linux::{DriverChoice, open};

struct OnDisk {
    dir: tempfile::TempDir,
    choice: DriverChoice,
    disk: Option<Box<dyn Disk>>,
}

impl OnDisk {
    fn new(choice: DriverChoice) -> OnDisk {
        let dir = tempfile::tempdir().unwrap();
        let mut fixture = OnDisk {
            dir,
            choice,
            disk: None,
        };
        fixture.crash();
        fixture
    }
}

impl Fixture for OnDisk {
    fn disk(&mut self) -> &mut dyn Disk {
        self.disk.as_mut().unwrap().as_mut()
    }

    fn crash(&mut self) {
        self.disk = None;
        let data_dir: PathBuf = self.dir.path().join("data");
        std::fs::create_dir_all(&data_dir).unwrap();
        let driver = open(&data_dir, self.choice).unwrap();
        assert!(!driver.wish_denied, "{}", driver.reason);
        self.disk = Some(driver.disk);
    }
}

fn a_wake_from_another_thread_ends_the_sleep(choice: DriverChoice) {
    let mut fixture = OnDisk::new(choice);
    let waker = fixture.disk().waker();
    for _ in 0..50 {
        let waker = Arc::clone(&waker);
        let started = Instant::now();
        let ringer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(2));
            waker.wake();
        });
        let mut found = Vec::new();
        fixture
            .disk()
            .wait(Some(Duration::from_secs(20)), &mut found);
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(found.is_empty());
        ringer.join().unwrap();
        // The bell of this round must not end the sleep of the next.
        fixture.disk().wait(Some(Duration::ZERO), &mut found);
    }
}

fn paths_that_leave_the_data_directory_are_denied(choice: DriverChoice) {
    let mut fixture = OnDisk::new(choice);
    let mut script = Script::new(&mut fixture);
    for path in ["../outside", "/etc/hostname", "a/../../outside"] {
        let opened = script.try_open(path, kring_io::FileKind::Meta, true);
        let path = path.to_owned();
        assert_eq!(opened, Err(kring_io::DiskError::Denied { path }));
    }
}

mod posix {
    use super::*;
    kring_io::conformance_tests!(OnDisk::new(DriverChoice::Posix));

    #[test]
    fn wakes() {
        a_wake_from_another_thread_ends_the_sleep(DriverChoice::Posix);
    }

    #[test]
    fn stays_inside() {
        paths_that_leave_the_data_directory_are_denied(DriverChoice::Posix);
    }
}

// Where the machine denies io_uring these tests fail and say why: a CI that cannot run them must say so.
mod io_uring {
    use super::*;
    kring_io::conformance_tests!(OnDisk::new(DriverChoice::IoUring));

    #[test]
    fn wakes() {
        a_wake_from_another_thread_ends_the_sleep(DriverChoice::IoUring);
    }

    #[test]
    fn stays_inside() {
        paths_that_leave_the_data_directory_are_denied(DriverChoice::IoUring);
    }
}
