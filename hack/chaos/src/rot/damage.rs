//! Damages files of a data directory: flips bits, zeroes sectors, puts a sector where another belongs.
//! It chooses places that hold something; what they mean it does not know.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use kring_io::Random;

use crate::disk::cache::SECTOR_BYTES;

/// Words in a broker's log that say that it noticed damage.
pub(super) const SIGNS: &[&str] = &["damage", "checksum", "corrupt", "CRC", "hole"];
/// Places that are tried for one that holds something.
const TRIES: usize = 200;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Journal,
    Checkpoint,
    Segment,
    /// `meta.properties`.
    Identity,
    /// `partition.metadata`.
    Partition,
}

impl Class {
    /// Draws one; those with the data more often.
    pub(super) fn draw(random: &mut Random) -> Class {
        match random.below(10) {
            0..=3 => Class::Segment,
            4..=6 => Class::Journal,
            7 => Class::Checkpoint,
            8 => Class::Identity,
            _ => Class::Partition,
        }
    }

    fn has(self, name: &str) -> bool {
        match self {
            Class::Journal => name.starts_with("journal-"),
            Class::Checkpoint => name.starts_with("checkpoint-"),
            Class::Segment => name.ends_with(".log"),
            Class::Identity => name.starts_with("meta.properties"),
            Class::Partition => name == "partition.metadata",
        }
    }
}

/// What was done, and what was there before.
#[derive(Debug)]
pub(super) struct Damage {
    pub(super) flips: u64,
    /// Small files as they were.
    before: Vec<(PathBuf, Vec<u8>)>,
}

impl Damage {
    /// Damages `wanted` places in files of a class below `folder`.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(super) fn inflict(
        folder: &Path,
        class: Class,
        wanted: u64,
        random: &mut Random,
    ) -> Result<Damage, String> {
        let mut files = Vec::new();
        find(folder, class, &mut files).map_err(|e| format!("{}: {e}", folder.display()))?;
        files.sort();
        let mut damage = Damage {
            flips: 0,
            before: Vec::new(),
        };
        if files.is_empty() {
            return Ok(damage);
        }
        if class == Class::Identity {
            // One of the two copies: the other is what it is repaired from.
            let kept = usize::try_from(random.below(files.len() as u64)).unwrap_or(0);
            files = vec![files.swap_remove(kept)];
            for path in &files {
                let content = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
                damage.before.push((path.clone(), content));
            }
        }
        for _ in 0..wanted {
            let path = &files[usize::try_from(random.below(files.len() as u64)).unwrap_or(0)];
            match strike(path, random) {
                Ok(bit) => damage.flips += u64::from(bit),
                // A broker that runs may just have deleted it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Ok(damage)
    }

    /// Writes the small files again as they were.
    ///
    /// # Errors
    /// When one cannot be written.
    pub(super) fn restore(&self) -> Result<(), String> {
        for (path, content) in &self.before {
            fs::write(path, content).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        Ok(())
    }
}

fn find(folder: &Path, class: Class, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            match find(&path, class, found) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                outcome => outcome?,
            }
        } else if class.has(&entry.file_name().to_string_lossy()) && entry.metadata()?.len() > 0 {
            found.push(path);
        }
    }
    Ok(())
}

/// Damages one place of a file; false if it holds nothing anywhere it was looked.
pub(super) fn strike(path: &Path, random: &mut Random) -> io::Result<bool> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let bytes = file.metadata()?.len();
    for _ in 0..TRIES {
        let at = random.below(bytes.max(1));
        let mut byte = [0];
        if file.read_at(&mut byte, at)? == 0 || byte[0] == 0 {
            continue;
        }
        let struck = match random.below(4) {
            0 => zero(&file, at)?,
            1 => misplace(&file, at, bytes, random)?,
            _ => {
                let bit = 1_u8 << random.below(8);
                file.write_all_at(&[byte[0] ^ bit], at)?;
                true
            }
        };
        if struck {
            file.sync_all()?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn sector(file: &File, at: u64) -> io::Result<(u64, Vec<u8>)> {
    let start = at - at % SECTOR_BYTES as u64;
    let mut content = vec![0; SECTOR_BYTES];
    let read = file.read_at(&mut content, start)?;
    content.truncate(read);
    Ok((start, content))
}

fn zero(file: &File, at: u64) -> io::Result<bool> {
    let (start, content) = sector(file, at)?;
    file.write_all_at(&vec![0; content.len()], start)?;
    Ok(content.iter().any(|byte| *byte != 0))
}

/// Writes another sector of the file over the one at `at`, as a misdirected write does.
fn misplace(file: &File, at: u64, bytes: u64, random: &mut Random) -> io::Result<bool> {
    let (start, content) = sector(file, at)?;
    let (_, mut other) = sector(file, random.below(bytes))?;
    other.truncate(content.len());
    if content.starts_with(&other) {
        return Ok(false);
    }
    file.write_all_at(&other, start)?;
    Ok(true)
}
