//! The two copies of `meta.properties`: one that is damaged or gone is written again from the other.
//! Whose directory it is, is judged by `data_dir`; no peer could tell, so the disk must.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{DataDirError, META_FILE, write_durably};
use crate::meta_properties::{FORMAT, MetaProperties, ParseError};

/// The second copy. It is written after the first, so that of two that differ the first is newer.
pub(super) const COPY_FILE: &str = "meta.properties.copy";

/// What stands in one of the two files.
enum Copy {
    Absent,
    Whole(MetaProperties),
    Damaged { text: String, error: ParseError },
}

/// Reads both and mends one from the other; none where there is neither.
pub(super) fn read(dir: &Path) -> Result<Option<MetaProperties>, DataDirError> {
    let (meta, mend) = match (read_one(dir, META_FILE)?, read_one(dir, COPY_FILE)?) {
        (Copy::Absent, Copy::Absent) => return Ok(None),
        (Copy::Whole(meta), Copy::Whole(copy)) if meta == copy => return Ok(Some(meta)),
        (Copy::Whole(meta), _) => (meta, COPY_FILE),
        (_, Copy::Whole(copy)) => (copy, META_FILE),
        (Copy::Damaged { text, error }, _) => return Err(refusal(dir, META_FILE, &text, error)),
        (Copy::Absent, Copy::Damaged { text, error }) => {
            return Err(refusal(dir, COPY_FILE, &text, error));
        }
    };
    // What a newer version wrote is left alone.
    if meta.format <= FORMAT {
        tracing::warn!(
            file = mend,
            "the file was damaged, old or gone, and is written again from its copy"
        );
        let written = write_durably(dir, mend, meta.to_string().as_bytes(), 0o640);
        written.map_err(|error| DataDirError::NotWritable {
            path: dir.to_owned(),
            error,
        })?;
    }
    Ok(Some(meta))
}

/// Writes both, each so that after a crash it is the old or the new one.
pub(super) fn write(dir: &Path, meta: &MetaProperties) -> io::Result<()> {
    let text = meta.to_string();
    write_durably(dir, META_FILE, text.as_bytes(), 0o640)?;
    write_durably(dir, COPY_FILE, text.as_bytes(), 0o640)
}

fn read_one(dir: &Path, name: &str) -> Result<Copy, DataDirError> {
    let path = dir.join(name);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Copy::Absent),
        Err(error) => return Err(DataDirError::Unreadable { path, error }),
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match MetaProperties::parse(&text) {
        Ok(meta) => Copy::Whole(meta),
        Err(error) => Copy::Damaged { text, error },
    })
}

/// Why a directory is refused of whose files none is whole.
fn refusal(dir: &Path, name: &str, text: &str, error: ParseError) -> DataDirError {
    let path: PathBuf = dir.join(name);
    match MetaProperties::named_format(text) {
        Some(found) if found > FORMAT => DataDirError::NewerFormat {
            path: dir.to_owned(),
            found,
        },
        _ if error == ParseError::NotOurs => DataDirError::Foreign {
            path: dir.to_owned(),
            entry: format!("{name} without kring.format"),
        },
        _ => DataDirError::Damaged { path, error },
    }
}
