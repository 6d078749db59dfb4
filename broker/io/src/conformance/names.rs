//! Promises about names: finding, listing, renaming and removing files and directories.
//! The content of files is the concern of `files.rs`.

use super::{Fixture, Script};
use crate::{DiskError, DiskOk, DiskOp, FileKind};

fn mkdir(script: &mut Script<'_>, path: &str) {
    let path = path.to_owned();
    assert_eq!(script.ok(DiskOp::CreateDir { path }), DiskOk::Done);
}

fn remove(script: &mut Script<'_>, path: &str) {
    let path = path.to_owned();
    assert_eq!(script.ok(DiskOp::Remove { path }), DiskOk::Done);
}

fn names(script: &mut Script<'_>, path: &str) -> Vec<String> {
    let entries = script.list(path);
    entries.into_iter().map(|entry| entry.name).collect()
}

/// Opening without `create`, listing, renaming and syncing a missing path say `NotFound` with it.
pub fn a_missing_file_is_not_found(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let path = "missing".to_owned();
    let expected = DiskError::NotFound { path: path.clone() };
    assert_eq!(
        script.try_open(&path, FileKind::Meta, false),
        Err(expected.clone())
    );
    let list = script.run(DiskOp::List { path: path.clone() });
    assert_eq!(list.result, Err(expected.clone()));
    let rename = script.run(DiskOp::Rename {
        from: path.clone(),
        to: "other".to_owned(),
    });
    assert_eq!(rename.result, Err(expected.clone()));
    let sync = script.run(DiskOp::SyncDir { path });
    assert_eq!(sync.result, Err(expected));
    assert!(matches!(
        script.try_open("missing/file", FileKind::Meta, true),
        Err(DiskError::NotFound { .. })
    ));
}

/// A listing is sorted by name and tells files from directories.
pub fn entries_are_listed_in_the_order_of_their_names(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    mkdir(&mut script, "dir");
    mkdir(&mut script, "dir/nested/deep");
    mkdir(&mut script, "dir/nested");
    for name in ["b", "a", "c-10", "c-9"] {
        let (file, _) = script.open(&format!("dir/{name}"), FileKind::Meta);
        script.write(file, 0, name.as_bytes(), false);
    }
    let entries = script.list("dir");
    let shape: Vec<_> = entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.len, entry.is_dir))
        .collect();
    assert_eq!(
        shape,
        [
            ("a", 1, false),
            ("b", 1, false),
            ("c-10", 4, false),
            ("c-9", 3, false),
            ("nested", 0, true),
        ]
    );
    assert_eq!(names(&mut script, ""), ["dir"]);
}

/// A rename takes the place of what had the name; an open file stays the same file.
pub fn renaming_replaces_the_target(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (target, _) = script.open("checkpoint", FileKind::Meta);
    script.write(target, 0, b"old", false);
    let (source, _) = script.open("checkpoint.new", FileKind::Meta);
    script.write(source, 0, b"new!", false);
    script.ok(DiskOp::Rename {
        from: "checkpoint.new".to_owned(),
        to: "checkpoint".to_owned(),
    });
    assert_eq!(names(&mut script, ""), ["checkpoint"]);
    let (again, len) = script.open("checkpoint", FileKind::Meta);
    assert_eq!(len, 4);
    assert_eq!(script.read(again, 0, 10), b"new!");
    assert_eq!(script.read(source, 0, 10), b"new!");

    mkdir(&mut script, "topic-0");
    let _ = script.open("topic-0/0.log", FileKind::Segment);
    script.ok(DiskOp::Rename {
        from: "topic-0".to_owned(),
        to: "topic-0-delete".to_owned(),
    });
    assert_eq!(names(&mut script, "topic-0-delete"), ["0.log"]);
}

/// Removing takes a directory with all that is in it, and is content when there is nothing.
pub fn removing_takes_whole_directories_and_forgives_missing_ones(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    mkdir(&mut script, "topic-0/below");
    let _ = script.open("topic-0/0.log", FileKind::Segment);
    let _ = script.open("topic-0/below/1.log", FileKind::Segment);
    let _ = script.open("single", FileKind::Meta);
    remove(&mut script, "topic-0");
    remove(&mut script, "topic-0");
    remove(&mut script, "never-was/at-all");
    assert_eq!(names(&mut script, ""), ["single"]);
    remove(&mut script, "single");
    assert!(names(&mut script, "").is_empty());
}

/// After the directory is synced, a rename is there and its source is gone.
pub fn a_synced_rename_survives_a_crash(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (file, _) = script.open("checkpoint.new", FileKind::Meta);
    script.write(file, 0, b"state", false);
    script.sync(file);
    script.ok(DiskOp::Rename {
        from: "checkpoint.new".to_owned(),
        to: "checkpoint".to_owned(),
    });
    script.sync_dir("");
    script.crash();
    assert_eq!(names(&mut script, ""), ["checkpoint"]);
    let (file, _) = script.open("checkpoint", FileKind::Meta);
    assert_eq!(script.read(file, 0, 10), b"state");
}
