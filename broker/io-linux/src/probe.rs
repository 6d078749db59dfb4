//! Whether io_uring works here: a ring, a direct durable write and a read through it, on the data directory.
//! It chooses nothing; a refusal comes in words that name the cause and the cure.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kring_io::buffer::ALIGNMENT_BYTES;
use kring_io::{Buffer, Disk, DiskDone, DiskError, DiskOk, DiskOp, FileId, FileKind, OpId};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use thiserror::Error;

use crate::uring::{SetupError, UringDisk};

/// Name of the file that is written and removed, in the data directory.
const PROBE_FILE: &str = ".kring-io-probe";
/// How long the probe's operations may take together.
const PROBE_MAX: Duration = Duration::from_secs(10);
/// The byte that the probe writes.
const PROBE_BYTE: u8 = 0x6b;

/// Why io_uring is not used, in words: the cause, then what an administrator can do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UringDenied {
    /// The administrator of the node turned it off.
    #[error(
        "the sysctl kernel.io_uring_disabled is {value}; set it to 0 on the node to allow io_uring"
    )]
    SysctlDisabled {
        /// Value of the sysctl, 1 or 2.
        value: String,
    },
    /// The container's seccomp profile does not know it.
    #[error(
        "a seccomp profile denies io_uring_setup (errno {errno}); the shipped Localhost profile allows it"
    )]
    SeccompDenied {
        /// What the filter answers.
        errno: i32,
    },
    /// The memory of a ring is more than the user may lock.
    #[error(
        "RLIMIT_MEMLOCK of {limit_bytes} bytes is used up; raise it or give the pod a user id of its own"
    )]
    MemlockTooLow {
        /// Soft limit in bytes.
        limit_bytes: u64,
    },
    /// The kernel lacks it, or part of what is needed.
    #[error(
        "kernel {release} is too old for the io_uring operations used here, or is not Linux; 5.15 or later has them"
    )]
    KernelTooOld {
        /// As `uname -r` prints it.
        release: String,
    },
    /// The kernel is known to corrupt direct writes (6.1.64 and 6.1.65, ext4).
    #[error("kernel {release} is known to corrupt direct writes; update it")]
    KernelBroken {
        /// As `uname -r` prints it.
        release: String,
    },
    /// The ring was made, but a write or read through it failed.
    #[error("a trial write through the ring failed: {error}")]
    TrialFailed {
        /// What happened.
        error: String,
    },
    /// Anything else.
    #[error("io_uring_setup failed with errno {errno}")]
    Other {
        /// The kernel's number.
        errno: i32,
    },
}

/// Tries everything the driver needs; gives the driver ready for use.
pub(crate) fn probe(root: &Path) -> Result<UringDisk, UringDenied> {
    let release = release();
    if matches!(kernel_version(&release), Some((6, 1, 64 | 65))) {
        return Err(UringDenied::KernelBroken { release });
    }
    if matches!(kernel_version(&release), Some((major, minor, _)) if (major, minor) < (5, 15)) {
        return Err(UringDenied::KernelTooOld { release });
    }
    let mut disk = UringDisk::start(root).map_err(|error| explain(&error))?;
    let trial = trial(&mut disk);
    // The trial's names and numbers are not to be seen by the engine: it gets a driver of its own.
    drop(disk);
    trial.map_err(|error| UringDenied::TrialFailed { error })?;
    UringDisk::start(root).map_err(|error| explain(&error))
}

fn explain(error: &SetupError) -> UringDenied {
    match error {
        SetupError::TooOld => UringDenied::KernelTooOld { release: release() },
        SetupError::Other(error) => UringDenied::Other {
            errno: error.raw_os_error().unwrap_or(0),
        },
        SetupError::Kernel(errno) => explain_errno(*errno, filtered(), &sysctl()),
    }
}

fn explain_errno(errno: Errno, filtered: bool, sysctl: &str) -> UringDenied {
    let number = errno.raw_os_error();
    match errno {
        Errno::PERM | Errno::ACCESS if matches!(sysctl, "1" | "2") => UringDenied::SysctlDisabled {
            value: sysctl.to_owned(),
        },
        Errno::PERM | Errno::ACCESS | Errno::NOSYS if filtered => {
            UringDenied::SeccompDenied { errno: number }
        }
        Errno::NOSYS | Errno::INVAL => UringDenied::KernelTooOld { release: release() },
        Errno::NOMEM => UringDenied::MemlockTooLow {
            limit_bytes: getrlimit(Resource::Memlock).current.unwrap_or(u64::MAX),
        },
        _ => UringDenied::Other { errno: number },
    }
}

fn trial(disk: &mut UringDisk) -> Result<(), String> {
    let file = FileId(0);
    let path = PROBE_FILE.to_owned();
    let mut block = Buffer::zeroed(ALIGNMENT_BYTES);
    block.fill(PROBE_BYTE);
    let deadline = Instant::now() + PROBE_MAX;
    let step = |disk: &mut UringDisk, number: u64, op: DiskOp| {
        run(disk, OpId(number), op, deadline).map_err(|error| error.to_string())
    };
    let open = DiskOp::Open {
        file,
        path: path.clone(),
        kind: FileKind::Journal,
        create: true,
    };
    step(disk, 0, open)?;
    let write = DiskOp::Write {
        file,
        offset: 0,
        buffer: block,
        durable: true,
    };
    let written = step(disk, 1, write);
    let read = DiskOp::Read {
        file,
        offset: 0,
        buffer: Buffer::zeroed(ALIGNMENT_BYTES),
    };
    let read = written.and_then(|_| step(disk, 2, read));
    let closed = step(disk, 3, DiskOp::Close { file });
    let removed = step(disk, 4, DiskOp::Remove { path });
    let read = read?;
    closed.and(removed)?;
    let same = read
        .buffer
        .is_some_and(|buffer| buffer.iter().all(|byte| *byte == PROBE_BYTE));
    if same
        && read.result
            == Ok(DiskOk::Read {
                len: ALIGNMENT_BYTES,
            })
    {
        Ok(())
    } else {
        Err("the block read back differs from the block written".to_owned())
    }
}

fn run(
    disk: &mut UringDisk,
    id: OpId,
    op: DiskOp,
    deadline: Instant,
) -> Result<DiskDone, DiskError> {
    disk.submit(id, op);
    let mut done = Vec::new();
    while Instant::now() < deadline {
        disk.wait(Some(Duration::from_millis(100)), &mut done);
        if let Some(done) = done.pop() {
            return match done.result {
                Err(error) => Err(error),
                Ok(_) => Ok(done),
            };
        }
    }
    Err(DiskError::Io {
        path: PROBE_FILE.to_owned(),
        errno: Errno::TIMEDOUT.raw_os_error(),
    })
}

/// Whether a seccomp filter is installed for this thread: filters belong to threads.
fn filtered() -> bool {
    fs::read_to_string("/proc/thread-self/status").is_ok_and(|status| {
        status
            .lines()
            .filter_map(|line| line.strip_prefix("Seccomp:"))
            .any(|mode| mode.trim() == "2")
    })
}

fn sysctl() -> String {
    fs::read_to_string("/proc/sys/kernel/io_uring_disabled")
        .map(|value| value.trim().to_owned())
        .unwrap_or_default()
}

fn release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

fn kernel_version(release: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    Some((major, minor, numbers.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_releases_of_distributions_are_understood() {
        assert_eq!(kernel_version("6.18.44-fc-v669"), Some((6, 18, 44)));
        assert_eq!(kernel_version("5.14.0-503.el9.x86_64"), Some((5, 14, 0)));
        assert_eq!(kernel_version("6.1-cloud"), Some((6, 1, 0)));
        assert_eq!(kernel_version("unknown"), None);
    }

    #[test]
    fn each_refusal_names_its_cause_and_its_cure() {
        let cases = [
            (
                Errno::PERM,
                false,
                "2",
                "sysctl kernel.io_uring_disabled is 2",
            ),
            (
                Errno::PERM,
                true,
                "0",
                "seccomp profile denies io_uring_setup (errno 1)",
            ),
            (
                Errno::NOSYS,
                true,
                "",
                "seccomp profile denies io_uring_setup (errno 38)",
            ),
            (Errno::NOSYS, false, "", "too old"),
            (Errno::NOMEM, false, "0", "RLIMIT_MEMLOCK"),
            (Errno::NFILE, false, "0", "errno 23"),
        ];
        for (errno, filtered, sysctl, expected) in cases {
            let said = explain_errno(errno, filtered, sysctl).to_string();
            assert!(said.contains(expected), "{said}");
        }
    }
}
