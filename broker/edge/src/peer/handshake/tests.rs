//! Who gets through the handshake, and what those are told who do not.
//! The links that follow it are tested in `tests/peers.rs`.

use tokio::io::duplex;

use super::*;

fn secret(text: &str) -> PeerSecret {
    PeerSecret::new(text.as_bytes()).unwrap()
}

async fn meet(
    dialler: (i32, Option<&str>, &PeerSecret),
    wanted: i32,
    acceptor: (i32, Option<&str>, &PeerSecret),
) -> (Result<(), HandshakeError>, Result<BrokerId, HandshakeError>) {
    let own = |(id, cluster_id, secret)| Own {
        id: BrokerId(id),
        cluster_id,
        secret,
    };
    let (mut a, mut b) = duplex(4096);
    // Each side's end of the pipe closes with it, as a socket would.
    tokio::join!(
        async move { dial(&mut a, own(dialler), BrokerId(wanted)).await },
        async move { accept(&mut b, own(acceptor)).await },
    )
}

#[tokio::test]
async fn brokers_with_the_same_secret_learn_who_the_other_is() {
    let key = secret("correct horse battery staple\n");
    for cluster_ids in [
        (None, None),
        (None, Some("MkU3OEVBNTcwNTJENDM2Qg")),
        (
            Some("MkU3OEVBNTcwNTJENDM2Qg"),
            Some("MkU3OEVBNTcwNTJENDM2Qg"),
        ),
    ] {
        let (dialled, accepted) = meet((1, cluster_ids.0, &key), 2, (2, cluster_ids.1, &key)).await;
        dialled.unwrap();
        assert_eq!(accepted.unwrap(), BrokerId(1));
    }
}

#[tokio::test]
async fn another_secret_is_told_apart_and_named() {
    let (dialled, accepted) = meet(
        (1, None, &secret("0123456789abcdef")),
        2,
        (2, None, &secret("0123456789abcdeF")),
    )
    .await;
    assert!(matches!(dialled, Err(HandshakeError::WrongSecret)));
    assert!(accepted.is_err());
}

#[tokio::test]
async fn another_broker_than_wanted_is_refused_by_both() {
    let key = secret("0123456789abcdef");
    let (dialled, accepted) = meet((1, None, &key), 2, (3, None, &key)).await;
    let said = dialled.unwrap_err().to_string();
    assert!(
        said.contains("broker 3 answered where broker 2 was expected"),
        "{said}"
    );
    assert!(accepted.is_err());
}

#[tokio::test]
async fn another_cluster_is_refused_and_named() {
    let key = secret("0123456789abcdef");
    let (dialled, _) = meet((1, Some("ours"), &key), 2, (2, Some("theirs"), &key)).await;
    let said = dialled.unwrap_err().to_string();
    assert!(
        said.contains("cluster theirs") && said.contains("ours"),
        "{said}"
    );
}

#[tokio::test]
async fn a_proof_that_is_sent_back_proves_nothing() {
    let key = secret("0123456789abcdef");
    let (mut a, mut b) = duplex(4096);
    let own = Own {
        id: BrokerId(2),
        cluster_id: None,
        secret: &key,
    };
    let attacker = async move {
        let ours = write_hello(
            Own {
                id: BrokerId(1),
                ..own
            },
            2,
        )
        .unwrap();
        a.write_all(&ours).await.unwrap();
        let _ = read_hello(&mut a).await.unwrap();
        let reflected = read_proof(&mut a).await.unwrap();
        a.write_all(&reflected).await.unwrap();
        a.read_u8().await
    };
    let (answer, accepted) = tokio::join!(attacker, async move { accept(&mut b, own).await });
    assert!(answer.is_err());
    assert!(matches!(accepted, Err(HandshakeError::WrongSecret)));
}

#[test]
fn a_short_secret_is_no_secret_and_none_is_printed() {
    assert!(PeerSecret::new(b"  fifteen-bytes-  \n").is_none());
    assert_eq!(format!("{:?}", secret("0123456789abcdef")), "PeerSecret(…)");
}

#[test]
fn a_stranger_takes_no_more_memory_than_twice_its_bytes_and_64_kib() {
    let key = secret("0123456789abcdef");
    let own = Own {
        id: BrokerId(2),
        cluster_id: None,
        secret: &key,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let mut hello = [0; HELLO_BYTES];
    hello[..MAGIC.len()].copy_from_slice(&MAGIC);
    hello[MAGIC.len() + 1] = 1;
    let tried: [Vec<u8>; 5] = [
        Vec::new(),
        hello[..HELLO_BYTES - 1].to_vec(),
        [&hello[..], &[0xff; PROOF_BYTES]].concat(),
        vec![0x7f; 100_000],
        [&hello[..], &[0x7f; 200_000]].concat(),
    ];
    for bytes in &tried {
        let taken = allocation_counter::measure(|| {
            let (mut stranger, mut ours) = duplex(1024);
            let accepted = runtime.block_on(async {
                let send = async move {
                    // It ends when the broker hangs up, which it does unless the bytes end first.
                    let _ = stranger.write_all(bytes).await;
                    let _ = stranger.shutdown().await;
                };
                let accept = async move { accept(&mut ours, own).await };
                tokio::join!(send, accept).1
            });
            assert!(accepted.is_err());
        });
        let most = u64::try_from(2 * bytes.len() + (64 << 10)).unwrap();
        assert!(taken.bytes_max <= most, "{} bytes: {taken:?}", bytes.len());
    }
}
