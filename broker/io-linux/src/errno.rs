//! Errors of the kernel in the words of the seam.
//! It decides nothing about what follows from an error.

use std::io;

use kring_io::DiskError;
use rustix::io::Errno;

/// The seam's error for what a system call said about `path`.
pub(crate) fn disk_error(errno: Errno, path: &str) -> DiskError {
    let path = path.to_owned();
    match errno {
        Errno::NOENT => DiskError::NotFound { path },
        Errno::NOSPC | Errno::DQUOT => DiskError::NoSpace { path },
        Errno::ACCESS | Errno::PERM | Errno::ROFS => DiskError::Denied { path },
        other => DiskError::Io {
            path,
            errno: other.raw_os_error(),
        },
    }
}

/// The number inside an error of the standard library; `EIO` when it has none.
pub(crate) fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
