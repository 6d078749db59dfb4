//! Puts ext4 on a disk of the model, and takes it away again, with power or without.
//! The loop device is detached by the kernel with the last unmount.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fuser::{BackgroundSession, Config, MountOption};
use kring_io::Random;

use super::cache::{Disk, Trouble};
use super::serve::{FILE, Served};
use crate::command::run;

/// Time within which a mount that nobody uses must come off; the rings of a killed process are
/// taken down a moment after its end.
const UNMOUNT_WITHIN: Duration = Duration::from_secs(20);
/// Time between tries.
const BACKOFF: Duration = Duration::from_millis(20);

/// A disk with a file system on it.
pub(crate) struct Mounted {
    disk: Arc<Mutex<Disk>>,
    file: PathBuf,
    /// Where ext4 is mounted.
    folder: PathBuf,
    /// Dropped with the process, which takes the FUSE mount with it.
    _session: BackgroundSession,
}

impl Mounted {
    /// A new disk of `bytes` with an empty ext4, mounted at `folder`/disk.
    ///
    /// # Errors
    /// When /dev/fuse or loop devices are missing, or `mkfs.ext4` or `mount` fail.
    pub(crate) fn new(folder: &Path, bytes: usize) -> Result<Mounted, String> {
        let served = folder.join("served");
        let mounted = folder.join("disk");
        for path in [&served, &mounted] {
            fs::create_dir_all(path).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        let disk = Arc::new(Mutex::new(Disk::new(bytes)));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("kring-chaos".to_owned())];
        let session = fuser::spawn_mount(Served(Arc::clone(&disk)), &served, &config)
            .map_err(|e| format!("FUSE at {} (needs /dev/fuse): {e}", served.display()))?;
        let file = served.join(FILE);
        let path = file.display().to_string();
        run(&[
            "mkfs.ext4",
            "-q",
            "-F",
            "-m",
            "0",
            "-E",
            "nodiscard,lazy_itable_init=0,lazy_journal_init=0",
            &path,
        ])?;
        let mounted = Mounted {
            disk,
            file,
            folder: mounted,
            _session: session,
        };
        mounted.mount()?;
        Ok(mounted)
    }

    /// Where the file system is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The model.
    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("no holder of the disk panics")
    }

    /// Takes the power away; the file system and everything on it fails from here on.
    pub(crate) fn cut(&self, random: &mut Random) {
        self.disk().cut(random);
    }

    /// Power again: the file system comes off, which writes nothing, and on again, which replays its
    /// journal.
    ///
    /// # Errors
    /// When a process still uses it, or ext4 cannot be mounted.
    pub(crate) fn restore(&self) -> Result<(), String> {
        self.unmount()?;
        self.disk().set_trouble(Trouble::None);
        self.mount()
    }

    fn mount(&self) -> Result<(), String> {
        let (file, folder) = (
            self.file.display().to_string(),
            self.folder.display().to_string(),
        );
        run(&[
            "mount",
            "-t",
            "ext4",
            "-o",
            "loop,noatime,errors=remount-ro",
            &file,
            &folder,
        ])
        .map(drop)
    }

    fn unmount(&self) -> Result<(), String> {
        let folder = self.folder.display().to_string();
        retry(|| run(&["umount", &folder]).map(drop))?;
        // A loop device that is still attached would keep its pages over the cut.
        let file = self.file.display().to_string();
        retry(|| match run(&["losetup", "-j", &file])?.trim() {
            "" => Ok(()),
            attached => Err(format!("still attached: {attached}")),
        })
    }
}

fn retry(step: impl Fn() -> Result<(), String>) -> Result<(), String> {
    let deadline = Instant::now() + UNMOUNT_WITHIN;
    loop {
        match step() {
            Err(_) if Instant::now() < deadline => sleep(BACKOFF),
            outcome => return outcome,
        }
    }
}
