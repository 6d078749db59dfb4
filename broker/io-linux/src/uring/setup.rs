//! Making a ring: flags from the newest kernel to the oldest, then a fence around what it may do.
//! It submits nothing.

use std::io;

use io_uring::register::{Probe, Restriction};
use io_uring::{IoUring, opcode};
use rustix::io::Errno;

use crate::errno::errno_of;

/// Entries of the submission queue. Its memory counts against `RLIMIT_MEMLOCK`, which containers
/// share per user; 256 entries fit into the smallest limit in use, 64 KiB.
pub(super) const ENTRIES: u32 = 256;

/// Why there is no ring.
#[derive(Debug)]
pub(crate) enum SetupError {
    /// The kernel or a filter before it said no.
    Kernel(Errno),
    /// The kernel has no `READ` or `WRITE` for rings, or cannot bound a wait.
    TooOld,
    /// Something around the ring failed: descriptors or threads ran out.
    Other(io::Error),
}

/// Makes a ring that can do nothing but read and write.
pub(super) fn build() -> Result<IoUring, SetupError> {
    let mut refused = Errno::INVAL;
    for attempt in [newest, middle, oldest] {
        match attempt() {
            Ok(ring) => return check(ring),
            // An unknown flag; the next attempt has fewer.
            Err(error) if errno_of(&error) == Errno::INVAL => refused = Errno::INVAL,
            Err(error) => {
                refused = errno_of(&error);
                break;
            }
        }
    }
    Err(SetupError::Kernel(refused))
}

/// Linux 6.1: completions are processed only when this thread asks for them.
fn newest() -> io::Result<IoUring> {
    let ring = IoUring::builder()
        .dontfork()
        .setup_cqsize(ENTRIES * 2)
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        .setup_r_disabled()
        .build(ENTRIES)?;
    // In a pod that is taken over, the ring is of no use for anything but the files at hand.
    let mut fence = [
        Restriction::sqe_op(opcode::Read::CODE),
        Restriction::sqe_op(opcode::Write::CODE),
    ];
    ring.submitter().register_restrictions(&mut fence)?;
    ring.submitter().register_enable_rings()?;
    Ok(ring)
}

/// Linux 5.19: completions do not interrupt this thread.
fn middle() -> io::Result<IoUring> {
    IoUring::builder()
        .dontfork()
        .setup_cqsize(ENTRIES * 2)
        .setup_coop_taskrun()
        .setup_taskrun_flag()
        .build(ENTRIES)
}

/// Linux 5.11: anything.
fn oldest() -> io::Result<IoUring> {
    IoUring::builder()
        .dontfork()
        .setup_cqsize(ENTRIES * 2)
        .build(ENTRIES)
}

fn check(ring: IoUring) -> Result<IoUring, SetupError> {
    let params = ring.params();
    // EXT_ARG is how a wait gets its time-out; NODROP keeps completions when the queue is full.
    if !params.is_feature_ext_arg() || !params.is_feature_nodrop() {
        return Err(SetupError::TooOld);
    }
    let mut probe = Probe::new();
    // A fenced ring refuses registrations, this one too; its fence was built from these opcodes.
    if ring.submitter().register_probe(&mut probe).is_ok()
        && !(probe.is_supported(opcode::Read::CODE) && probe.is_supported(opcode::Write::CODE))
    {
        return Err(SetupError::TooOld);
    }
    Ok(ring)
}
