//! The data directory: made, locked, and checked to belong to this broker before anything else touches it.
//! What the log keeps in it is the log's; here are only the lock and `meta.properties` with its copy.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::meta_properties::{FORMAT, MetaProperties, ParseError};

const META_FILE: &str = "meta.properties";
const LOCK_FILE: &str = ".lock";
const TOKEN_FILE: &str = "admin.token";
/// How long a lock is waited for: a restart may overlap the last moments of the process before.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(250);
const LOCK_RETRY: Duration = Duration::from_millis(10);

/// Why a directory cannot be used.
#[derive(Debug, Error)]
pub(crate) enum DataDirError {
    #[error("the data directory {} cannot be made or written: {error}; log.dirs must name a directory that this user may write", path.display())]
    NotWritable { path: PathBuf, error: io::Error },
    #[error("the data directory {} is in use by another process", path.display())]
    InUse { path: PathBuf },
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{} is damaged, and so is its copy: {error}; restore one from a backup, it says whose data this is", path.display())]
    Damaged { path: PathBuf, error: ParseError },
    #[error("the data directory {} belongs to broker {found}, this broker is node.id {id}", path.display())]
    AnotherBroker { path: PathBuf, found: i32, id: i32 },
    #[error("the data directory {} has format {found}, this version knows formats up to {FORMAT}: a newer version wrote it; run that version or a later one", path.display())]
    NewerFormat { path: PathBuf, found: u32 },
    #[error("the data directory {} holds data of another program ({entry}); log.dirs must name an empty directory or one of a Kring broker", path.display())]
    Foreign { path: PathBuf, entry: String },
}

/// A directory that this process alone uses.
#[derive(Debug)]
pub(crate) struct DataDir {
    pub(crate) path: PathBuf,
    pub(crate) meta: MetaProperties,
    /// Held until the process ends, however it ends.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if needed, locks it, and checks or writes whose it is. `new_disk_id`
    /// becomes the identity of a fresh one.
    pub(crate) fn open(
        path: &Path,
        node_id: i32,
        new_disk_id: [u8; 16],
    ) -> Result<DataDir, DataDirError> {
        let not_writable = |error| DataDirError::NotWritable {
            path: path.to_owned(),
            error,
        };
        fs::create_dir_all(path).map_err(not_writable)?;
        let path = path.canonicalize().map_err(not_writable)?;
        let lock = lock(&path)?;
        let meta = match copies::read(&path)? {
            Some(meta) => accept(&path, meta, node_id)?,
            None => {
                refuse_foreign(&path)?;
                let meta = MetaProperties::new(node_id, new_disk_id);
                write_meta(&path, &meta)?;
                meta
            }
        };
        Ok(DataDir {
            path,
            meta,
            _lock: lock,
        })
    }

    /// Writes down which cluster this is.
    pub(crate) fn remember_cluster(&mut self, cluster_id: &str) -> Result<(), DataDirError> {
        self.meta.cluster_id = Some(cluster_id.to_owned());
        write_meta(&self.path, &self.meta)
    }

    /// Where the token of the admin API is kept that nobody configured.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.path.join(TOKEN_FILE)
    }
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o640)
        .open(path.join(LOCK_FILE))
        .map_err(|error| DataDirError::NotWritable {
            path: path.to_owned(),
            error,
        })?;
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(LOCK_RETRY);
            }
            Err(fs::TryLockError::WouldBlock) => {
                let path = path.to_owned();
                return Err(DataDirError::InUse { path });
            }
            Err(fs::TryLockError::Error(error)) => {
                let path = path.to_owned();
                return Err(DataDirError::NotWritable { path, error });
            }
        }
    }
}

fn accept(path: &Path, meta: MetaProperties, node_id: i32) -> Result<MetaProperties, DataDirError> {
    if meta.format > FORMAT {
        return Err(DataDirError::NewerFormat {
            path: path.to_owned(),
            found: meta.format,
        });
    }
    if meta.node_id != node_id {
        return Err(DataDirError::AnotherBroker {
            path: path.to_owned(),
            found: meta.node_id,
            id: node_id,
        });
    }
    Ok(meta)
}

/// A directory without `meta.properties` must hold nothing that could be somebody's data.
fn refuse_foreign(path: &Path) -> Result<(), DataDirError> {
    let unreadable = |error| DataDirError::Unreadable {
        path: path.to_owned(),
        error,
    };
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.file_name();
        let entry = entry.to_string_lossy();
        // Hidden files are ours or nobody's; a new ext4 volume has lost+found.
        if !entry.starts_with('.') && entry != "lost+found" && entry != TOKEN_FILE {
            return Err(DataDirError::Foreign {
                path: path.to_owned(),
                entry: entry.into_owned(),
            });
        }
    }
    Ok(())
}

fn write_meta(path: &Path, meta: &MetaProperties) -> Result<(), DataDirError> {
    copies::write(path, meta).map_err(|error| DataDirError::NotWritable {
        path: path.to_owned(),
        error,
    })
}

/// Replaces a small file so that after a crash it is the old or the new one, whole.
pub(crate) fn write_durably(dir: &Path, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
    let temporary = dir.join(format!(".{name}.new"));
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, dir.join(name))?;
    File::open(dir)?.sync_all()
}

mod copies;
#[cfg(test)]
mod tests;
