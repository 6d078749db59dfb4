//! That damage is damage: it changes what a file holds, and only that.

use std::fs;

use kring_io::Random;

use super::damage::{Class, Damage, strike};

/// A folder of a test below the build's own.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("kring-chaos-{}-{name}", std::process::id()));
    fs::create_dir_all(folder.join("orders-0")).unwrap();
    folder
}

#[test]
fn every_strike_changes_the_content_and_not_the_length() {
    let folder = folder("strike");
    let path = folder.join("file");
    for seed in 0..300 {
        let content: Vec<u8> = (0..5000_u32).map(|n| (n % 251) as u8).collect();
        fs::write(&path, &content).unwrap();
        assert!(strike(&path, &mut Random::new(seed)).unwrap());
        let after = fs::read(&path).unwrap();
        assert_eq!(after.len(), content.len());
        assert_ne!(after, content, "seed {seed}");
    }
    fs::write(&path, [0; 4096]).unwrap();
    assert!(!strike(&path, &mut Random::new(1)).unwrap());
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn only_files_of_the_class_are_damaged_and_an_identity_can_be_restored() {
    let folder = folder("class");
    let names = [
        "journal-0000.j",
        "meta.properties",
        "orders-0/00000000000000000000.log",
    ];
    for name in names {
        fs::write(folder.join(name), "x".repeat(2000)).unwrap();
    }
    let damage = Damage::inflict(&folder, Class::Identity, 3, &mut Random::new(2)).unwrap();
    assert!(damage.flips > 0);
    let read = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
    assert_eq!(read(names[0]), "x".repeat(2000));
    assert_eq!(read(names[2]), "x".repeat(2000));
    assert_ne!(read(names[1]), "x".repeat(2000));
    damage.restore().unwrap();
    assert_eq!(read(names[1]), "x".repeat(2000));
    fs::remove_dir_all(&folder).unwrap();
}
