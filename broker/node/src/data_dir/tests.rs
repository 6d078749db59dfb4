//! Whose data a directory holds is checked before it is used, and each refusal says what to do.
//! The log's own files are tested in `kring-log`.

use super::*;

fn open(path: &Path, node_id: i32) -> Result<DataDir, DataDirError> {
    DataDir::open(path, node_id, [node_id as u8 + 1; 16])
}

#[test]
fn identity_and_cluster_outlive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("made/on/demand");
    let mut first = open(&path, 3).unwrap();
    assert_eq!(first.meta.cluster_id, None);
    first.remember_cluster("MkU3OEVBNTcwNTJENDM2Qg").unwrap();
    let disk_id = first.meta.disk_id;
    drop(first);
    let again = DataDir::open(&path, 3, [99; 16]).unwrap();
    assert_eq!(again.meta.disk_id, disk_id);
    assert_eq!(
        again.meta.cluster_id.as_deref(),
        Some("MkU3OEVBNTcwNTJENDM2Qg")
    );
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _held = open(dir.path(), 1).unwrap();
    let said = open(dir.path(), 1).unwrap_err().to_string();
    assert!(said.contains("in use by another process"), "{said}");
}

#[test]
fn the_directory_of_another_broker_is_refused_with_both_ids() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), 1).unwrap());
    let said = open(dir.path(), 2).unwrap_err().to_string();
    assert!(
        said.contains("belongs to broker 1, this broker is node.id 2"),
        "{said}"
    );
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let newer = "version=1\nsomething.new=1\nkring.format=7\n";
    fs::write(dir.path().join(META_FILE), newer).unwrap();
    let said = open(dir.path(), 1).unwrap_err().to_string();
    assert!(
        said.contains("format 7") && said.contains("up to 1"),
        "{said}"
    );
    let left = fs::read_to_string(dir.path().join(META_FILE)).unwrap();
    assert_eq!(left, newer);
}

#[test]
fn data_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    fs::write(dir.path().join("orders-0.db"), "precious").unwrap();
    let said = open(dir.path(), 1).unwrap_err().to_string();
    assert!(said.contains("another program (orders-0.db)"), "{said}");

    let kafka = tempfile::tempdir().unwrap();
    fs::write(
        kafka.path().join(META_FILE),
        "version=1\nnode.id=1\ndirectory.id=x\ncluster.id=y\n",
    )
    .unwrap();
    let said = open(kafka.path(), 1).unwrap_err().to_string();
    assert!(said.contains("another program"), "{said}");
}

#[test]
fn damage_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let meta = dir.path().join(META_FILE);
    fs::write(
        &meta,
        "node.id=one\nkring.format=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAA\n",
    )
    .unwrap();
    let said = open(dir.path(), 1).unwrap_err().to_string();
    assert!(said.contains("node.id=one cannot be read"), "{said}");
    fs::write(&meta, "kring.format=1\n").unwrap();
    let said = open(dir.path(), 1).unwrap_err().to_string();
    assert!(said.contains("directory.id is missing"), "{said}");
}

#[test]
fn one_damaged_copy_is_written_again_from_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = open(dir.path(), 1).unwrap();
    made.remember_cluster("MkU3OEVBNTcwNTJENDM2Qg").unwrap();
    let meta = made.meta.clone();
    drop(made);
    let whole = fs::read(dir.path().join(META_FILE)).unwrap();
    for name in [META_FILE, copies::COPY_FILE] {
        let path = dir.path().join(name);
        for bit in 0..whole.len() * 8 {
            let mut rotten = whole.clone();
            rotten[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &rotten).unwrap();
            assert_eq!(open(dir.path(), 1).unwrap().meta, meta, "{name}, bit {bit}");
            assert_eq!(fs::read(&path).unwrap(), whole, "{name}, bit {bit}");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(open(dir.path(), 1).unwrap().meta, meta, "{name} is gone");
        assert_eq!(fs::read(&path).unwrap(), whole, "{name} was gone");
    }
}

#[test]
fn two_damaged_copies_are_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), 1).unwrap());
    let both = [META_FILE, copies::COPY_FILE].map(|name| dir.path().join(name));
    let rotten = fs::read_to_string(&both[0])
        .unwrap()
        .replace("directory.id=", "directory.id=A");
    for path in &both {
        fs::write(path, &rotten).unwrap();
    }
    let said = open(dir.path(), 1).unwrap_err().to_string();
    assert!(said.contains("and so is its copy"), "{said}");
    for path in &both {
        assert_eq!(fs::read_to_string(path).unwrap(), rotten);
    }
}

#[test]
fn the_first_copy_is_the_newer_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = open(dir.path(), 1).unwrap();
    let copy = dir.path().join(copies::COPY_FILE);
    let before = fs::read(&copy).unwrap();
    made.remember_cluster("MkU3OEVBNTcwNTJENDM2Qg").unwrap();
    let meta = made.meta.clone();
    drop(made);
    let after = fs::read(&copy).unwrap();
    // A crash between the two writes.
    fs::write(&copy, &before).unwrap();
    assert_eq!(open(dir.path(), 1).unwrap().meta, meta);
    assert_eq!(fs::read(&copy).unwrap(), after);
}

#[test]
fn a_path_that_is_a_file_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let said = open(file.path(), 1).unwrap_err().to_string();
    assert!(said.contains("log.dirs must name a directory"), "{said}");
}
