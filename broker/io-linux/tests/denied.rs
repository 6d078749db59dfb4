//! Where io_uring is denied, the broker's driver is posix, says why, and works.
//! The denial is real: child processes of this test install a seccomp filter or lower a limit first.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod child;

use std::collections::BTreeMap;

use child::Opened;
use kring_io::conformance::what_was_written_is_read;
use kring_io_linux::{DriverChoice, open};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// Set in the child: the errno that `io_uring_setup` shall give.
const ERRNO: &str = "KRING_TEST_DENY_WITH_ERRNO";
const IO_URING_SETUP: i64 = 425;

/// Runs the child below with a denial and gives what it printed.
fn denied_with(errno: i32) -> String {
    child::run(&[(ERRNO, errno.to_string())])
}

#[test]
#[ignore = "runs only as the child of the tests below"]
fn child() {
    let errno: u32 = std::env::var(ERRNO).unwrap().parse().unwrap();
    let filter = SeccompFilter::new(
        BTreeMap::from([(IO_URING_SETUP, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        TargetArch::try_from(std::env::consts::ARCH).unwrap(),
    )
    .unwrap();
    seccompiler::apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
    for choice in [DriverChoice::Auto, DriverChoice::IoUring] {
        let dir = tempfile::tempdir().unwrap();
        let driver = open(dir.path(), choice).unwrap();
        println!(
            "{choice}: {} because {} (denied: {})",
            driver.name, driver.reason, driver.wish_denied
        );
        what_was_written_is_read(&mut Opened(driver));
    }
}

#[test]
fn a_seccomp_denial_gives_posix_and_names_seccomp() {
    for errno in [1, 38] {
        let said = denied_with(errno);
        let cause = format!("a seccomp profile denies io_uring_setup (errno {errno})");
        assert!(
            said.contains(&format!("auto: posix because {cause}")),
            "{said}"
        );
        assert!(
            said.contains(&format!("io_uring: posix because {cause}")),
            "{said}"
        );
        assert!(said.contains("(denied: true)"), "{said}");
    }
}

#[test]
fn an_exhausted_memlock_limit_gives_posix_and_names_the_limit() {
    let said = denied_with(12);
    assert!(
        said.contains("auto: posix because RLIMIT_MEMLOCK"),
        "{said}"
    );
}
