//! Which driver carries the journal on this machine, and why.
//! It never fails because io_uring is denied: the posix driver is always there.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use kring_io::Disk;

use crate::posix::PosixDisk;
use crate::probe::probe;

/// What the administrator wishes (`kring.io.driver`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// io_uring where a trial write through it succeeds.
    #[default]
    Auto,
    /// io_uring; where it is denied, posix with a warning rather than a broker that cannot start.
    IoUring,
    /// posix, without a trial of io_uring.
    Posix,
}

impl FromStr for DriverChoice {
    type Err = ();

    fn from_str(word: &str) -> Result<DriverChoice, ()> {
        match word {
            "auto" => Ok(DriverChoice::Auto),
            "io_uring" => Ok(DriverChoice::IoUring),
            "posix" => Ok(DriverChoice::Posix),
            _ => Err(()),
        }
    }
}

impl fmt::Display for DriverChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DriverChoice::Auto => "auto",
            DriverChoice::IoUring => "io_uring",
            DriverChoice::Posix => "posix",
        })
    }
}

/// A driver at work.
pub struct Driver {
    /// The driver. It must stay on the thread that opened it.
    pub disk: Box<dyn Disk>,
    /// `io_uring` or `posix`.
    pub name: &'static str,
    /// Why this one, in words.
    pub reason: String,
    /// The administrator wished another one.
    pub wish_denied: bool,
}

/// Chooses and starts a driver on an existing data directory. Call it on the thread that will use
/// the driver. Fails only when threads or descriptors run out.
pub fn open(data_dir: &Path, choice: DriverChoice) -> io::Result<Driver> {
    let reason = match choice {
        DriverChoice::Posix => "kring.io.driver is posix".to_owned(),
        DriverChoice::Auto | DriverChoice::IoUring => match probe(data_dir) {
            Ok(disk) => {
                return Ok(Driver {
                    disk: Box::new(disk),
                    name: "io_uring",
                    reason: "a trial write through a ring succeeded".to_owned(),
                    wish_denied: false,
                });
            }
            Err(denied) => denied.to_string(),
        },
    };
    Ok(Driver {
        disk: Box::new(PosixDisk::start(data_dir)?),
        name: "posix",
        reason,
        wish_denied: choice == DriverChoice::IoUring,
    })
}
