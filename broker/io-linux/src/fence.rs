//! What the process gives up once it has started: calls that a broker never makes are denied from then on.
//! It is no list of what a broker may do; that is the container's profile (`hack/seccomp`).
//!
//! Rings pass by the seccomp filter of a container, which is why runtimes deny them. Ours can only read and write the
//! files at hand (`uring/setup.rs`), and after this there is no other: who takes a broker over finds no new ring, no
//! program to start and no process to look into.

use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use thiserror::Error;

/// Calls that are denied.
const GIVEN_UP: [i64; 20] = [
    libc::SYS_io_uring_setup,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_mount,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_pivot_root,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
];

/// Why nothing was given up. The broker works without.
#[derive(Debug, Error)]
pub enum FenceError {
    /// There is no filter for this processor.
    #[error("no filter for this processor: {0}")]
    Filter(#[from] BackendError),
    /// The kernel, or a filter that is there already, refused it.
    #[error("the kernel refused the filter: {0}")]
    Refused(#[from] seccompiler::Error),
}

/// Denies these calls to all threads of the process for good, with `EPERM`. To be called when the disk driver is open.
///
/// # Errors
/// [`FenceError`]; then nothing has changed.
pub fn give_up_calls() -> Result<(), FenceError> {
    let filter = SeccompFilter::new(
        GIVEN_UP
            .into_iter()
            .map(|call| (call, Vec::new()))
            .collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    let program = BpfProgram::try_from(filter)?;
    Ok(seccompiler::apply_filter_all_threads(&program)?)
}
