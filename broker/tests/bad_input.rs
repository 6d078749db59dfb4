//! Mistakes of administrators and hostile clients, at a real process: each gets a clear answer, and nothing is harmed.
//! The rules behind the messages have their own tests beside the code.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod processes;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use processes::{Broker, consume, numbers, produce, three_brokers};

/// The broker refuses to start and says all of `expected`.
#[track_caller]
fn refuses(broker: &mut Broker, expected: &[&str]) {
    let (status, said) = broker.run_to_end();
    assert!(!status.success(), "it started: {said}");
    for part in expected {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
}

#[test]
fn a_taken_port_is_named_with_its_setting() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    let _taken = TcpListener::bind(("127.0.0.1", broker.ports.clients)).unwrap();
    let address = broker.bootstrap();
    refuses(
        &mut broker,
        &[
            "listeners: cannot listen on",
            &address,
            "another process has the port",
        ],
    );
    assert!(!dir.path().join("data").exists(), "data was touched");
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.set(
        "KRING_LOG_DIRS",
        &dir.path().join("file/data").display().to_string(),
    );
    refuses(
        &mut broker,
        &["file/data cannot be made or written", "log.dirs"],
    );
}

#[test]
fn a_data_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Broker::alone(dir.path());
    first.start_and_wait();
    let mut second = Broker::alone(dir.path());
    refuses(&mut second, &["in use by another process"]);
}

#[test]
fn the_data_of_another_broker_or_a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    assert!(broker.terminate().success());
    broker.set("KRING_NODE_ID", "5");
    refuses(
        &mut broker,
        &["belongs to broker 0, this broker is node.id 5"],
    );
    broker.set("KRING_NODE_ID", "0");
    let meta = dir.path().join("data/meta.properties");
    let newer = fs::read_to_string(&meta)
        .unwrap()
        .replace("kring.format=1", "kring.format=9");
    write_checked(&meta, &newer);
    refuses(&mut broker, &["format 9", "a newer version wrote it"]);
}

#[test]
fn the_data_of_another_cluster_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    assert!(broker.terminate().success());
    let meta = dir.path().join("data/meta.properties");
    let text = fs::read_to_string(&meta).unwrap();
    let other: String = text
        .lines()
        .map(|line| match line.starts_with("cluster.id=") {
            true => "cluster.id=AnotherClusterAltogeth\n".to_owned(),
            false => format!("{line}\n"),
        })
        .collect();
    assert_ne!(other, text);
    write_checked(&meta, &other);
    refuses(&mut broker, &["belongs to cluster AnotherClusterAltogeth"]);
}

/// Writes a changed `meta.properties` with the checksum that it must have.
fn write_checked(path: &Path, text: &str) {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("kring.crc32c="));
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    let checksum = crc_fast::crc32_iscsi(lines.as_bytes());
    fs::write(path, format!("{lines}kring.crc32c={checksum:08x}\n")).unwrap();
}

#[test]
fn a_journal_of_a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    produce(&broker.bootstrap(), "orders", &numbers(0..10));
    broker.kill();
    let path = dir.path().join("data/journal-0000.j");
    let mut journal = fs::read(&path).unwrap();
    let (last, parity) = *used_blocks(&journal).last().unwrap();
    // The parity agrees: else it would be taken for damage and mended.
    journal[parity + 4] ^= journal[last + 4] ^ 7;
    journal[last + 4] = 7;
    fs::write(&path, &journal).unwrap();
    let expected =
        "journal-0000.j has format 7, this version reads up to 2; start the newer version again";
    refuses(&mut broker, &[expected]);
    assert!(fs::read(&path).unwrap() == journal, "it was changed");
}

#[test]
fn a_journal_keeps_its_geometry_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    produce(&broker.bootstrap(), "orders", &numbers(0..10));
    assert!(broker.terminate().success());
    broker.set("KRING_JOURNAL_FILES", "6");
    broker.start_and_wait();
    let log = broker.log();
    let said = log
        .lines()
        .find(|line| line.contains("the journal keeps the number"));
    let said = said.expect("the difference is told");
    for part in ["\"files\":4,", "\"configured_files\":6,"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(consume(&broker.bootstrap(), "orders").len(), 10);
}

#[test]
fn the_data_of_another_cluster_is_refused_among_brokers_that_wait_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut brokers = three_brokers(dir.path());
    // A new cluster elects once all its voters have met.
    for broker in &mut brokers {
        broker.start();
    }
    for broker in &mut brokers {
        broker.wait_until_ready();
    }
    assert!(brokers[2].terminate().success());
    // In its place comes the directory of a broker that was a cluster of its own.
    fs::remove_dir_all(dir.path().join("broker-2")).unwrap();
    fs::create_dir(dir.path().join("broker-2")).unwrap();
    let mut stranger = Broker::alone(&dir.path().join("broker-2"));
    stranger.set("KRING_NODE_ID", "2");
    stranger.start_and_wait();
    assert!(stranger.terminate().success());
    refuses(
        &mut brokers[2],
        &[
            "belongs to cluster",
            "the brokers of controller.quorum.voters to",
            "correct one of them",
        ],
    );
    // One stranger among three voters stops nobody else.
    for broker in &mut brokers[..2] {
        broker.wait_until_ready();
    }
}

#[test]
fn configuration_mistakes_are_answered_with_key_value_and_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("broker.toml");
    let mut broker = Broker::alone(dir.path());
    broker.set("KRING_CONFIG", &file.display().to_string());
    refuses(&mut broker, &["broker.toml cannot be read"]);
    fs::write(&file, "\"num.partition\" = 3\n").unwrap();
    refuses(
        &mut broker,
        &[
            "num.partition = \"3\" in",
            "is not a setting; num.partitions is",
        ],
    );
    fs::write(&file, "\"num.partitions\" = 0\n").unwrap();
    refuses(
        &mut broker,
        &["num.partitions: \"0\" is not allowed", "broker.toml"],
    );
    fs::write(&file, "").unwrap();
    broker.set("KRING_NO_SUCH_THING", "1");
    refuses(&mut broker, &["KRING_NO_SUCH_THING names no setting"]);
}

/// A connection that sends `bytes`; the broker must close it, and gives no answer.
#[track_caller]
fn is_closed(broker: &Broker, bytes: &[u8]) {
    let mut stream = TcpStream::connect(broker.bootstrap()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // The broker may close before it has read everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => assert!(answer.is_empty(), "{bytes:?} is answered with {answer:?}"),
        Err(error) => assert_eq!(
            error.kind(),
            ErrorKind::ConnectionReset,
            "{bytes:?}: {error}"
        ),
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as i32).to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// Header of version 1 (key, version, correlation id, client id) and a body.
fn request(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&key.to_be_bytes());
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes.extend_from_slice(&7_i32.to_be_bytes());
    bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    bytes.extend_from_slice(body);
    frame(&bytes)
}

#[test]
fn hostile_frames_leave_memory_flat_and_other_clients_unharmed() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    produce(&broker.bootstrap(), "orders", &numbers(0..100));
    let before = broker.resident_bytes();
    let absurd_count = i32::MAX.to_be_bytes();
    let hostile: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n".to_vec(),
        vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
        (-1_i32).to_be_bytes().to_vec(),
        0_i32.to_be_bytes().to_vec(),
        i32::MAX.to_be_bytes().to_vec(),
        // The largest allowed claim, and then nothing.
        104_857_600_i32.to_be_bytes().to_vec(),
        frame(&[0xff; 100]),
        frame(&[0]),
        // Metadata, CreateTopics, FindCoordinator, OffsetFetch, Produce and Fetch that claim absurd counts.
        request(3, 8, &absurd_count),
        request(19, 3, &absurd_count),
        request(10, 4, &[0xff; 6]),
        request(9, 5, &[0, 1, b'g', 0x7f, 0xff, 0xff, 0xff]),
        request(
            0,
            7,
            &[0xff, 0xff, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff],
        ),
        request(1, 11, &[0x7f; 30]),
        // An API that does not exist, and a version that does not.
        request(9999, 0, &[]),
        request(3, 99, &[0]),
        // A frame cut short.
        request(3, 8, &absurd_count)[..9].to_vec(),
    ];
    for _ in 0..30 {
        for bytes in &hostile {
            is_closed(&broker, bytes);
        }
    }
    let grown = broker.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "memory grew by {grown} bytes");
    let log = broker.log();
    for reason in [
        "is the peer speaking TLS or HTTP?",
        "a frame claims -1 bytes; a Kafka frame has at least one",
        "a frame claims 0 bytes",
        "a frame claims 2147483647 bytes, the largest allowed has 104857600 (socket.request.max.bytes)",
        "API key 9999 is not served",
        "Metadata has the versions 0 to 13 here, not 99",
    ] {
        assert!(log.contains(reason), "{reason:?} is not in the log");
    }
    assert_eq!(consume(&broker.bootstrap(), "orders").len(), 100);
}

#[test]
fn an_unknown_version_of_api_versions_is_answered_with_the_known_ones() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    let mut stream = TcpStream::connect(broker.bootstrap()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // A header of version 2 has tagged fields behind: none.
    stream.write_all(&request(18, 99, &[0])).unwrap();
    let mut head = [0; 10];
    stream.read_exact(&mut head).unwrap();
    // Length, correlation id, then error 35 (UNSUPPORTED_VERSION) in the form of version 0.
    assert_eq!(head[4..10], [0, 0, 0, 7, 0, 35]);
}

/// Where the blocks of a journal file begin, and where the page of parity of each lies, which is its
/// last one.
fn used_blocks(journal: &[u8]) -> Vec<(usize, usize)> {
    let begins = |at: &usize| journal[*at..].starts_with(b"KRJB");
    let parity = |at: usize| {
        let payload = journal[at + 36..at + 40].try_into().unwrap();
        let bytes = 48 + u32::from_le_bytes(payload) as usize;
        (at, at + bytes.next_multiple_of(4096))
    };
    let pages = (0..journal.len()).step_by(4096);
    pages.filter(begins).map(parity).collect()
}

#[test]
fn a_hole_in_the_journal_is_refused_with_what_to_do_and_a_torn_end_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::alone(dir.path());
    broker.start_and_wait();
    for round in 0..5 {
        let lines = numbers(round * 10..round * 10 + 10);
        produce(&broker.bootstrap(), "orders", &lines);
    }
    broker.kill();
    let path = dir.path().join("data/journal-0000.j");
    let whole = fs::read(&path).unwrap();
    let blocks = used_blocks(&whole);

    let mut holed = whole.clone();
    // Two pages of a block: one would be mended.
    let (middle, parity) = blocks[blocks.len() / 2];
    holed[middle + 100..middle + 120].fill(0xff);
    holed[parity + 100..parity + 120].fill(0xaa);
    fs::write(&path, &holed).unwrap();
    let position = format!("journal-0000.j is damaged at byte {middle}");
    let cure = "restore the file, or empty the data directory";
    refuses(&mut broker, &[&position, cure]);
    assert!(
        fs::read(&path).unwrap() == holed,
        "a refused journal was changed"
    );

    // A block whose write was under way when the power went.
    let mut torn = whole;
    let (last, parity) = blocks[blocks.len() - 1];
    torn[last + 100..parity + 4096].fill(0);
    fs::write(&path, &torn).unwrap();
    broker.start_and_wait();
    let cut = format!("\"position\":{last},");
    let log = broker.log();
    let said = log
        .lines()
        .find(|line| line.contains("cut: the journal's last block"));
    let said = said.expect("what is cut is told");
    assert!(
        said.contains("journal-0000.j") && said.contains(&cut),
        "{said}"
    );
    let left = consume(&broker.bootstrap(), "orders");
    let expected: Vec<String> = numbers(0..50).lines().map(str::to_owned).collect();
    assert!(left.len() >= 30 && expected.starts_with(&left), "{left:?}");
}
