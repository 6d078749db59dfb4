//! Links between brokers over real sockets: order, strangers, restarts.
//! The handshake's own cases are beside it; loopback only.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use kring_edge::{Arrival, Inbox, PeerConfig, PeerSecret, Peers};
use kring_io::{BrokerId, PeerSend};

const PATIENCE: Duration = Duration::from_secs(10);

struct Queue(Mutex<Sender<Arrival>>);

impl Inbox for Queue {
    fn deliver(&self, arrival: Arrival) {
        let _ = self.0.lock().unwrap().send(arrival);
    }
}

struct Broker {
    peers: Peers,
    arrivals: Receiver<Arrival>,
    address: SocketAddr,
}

fn broker(id: i32, secret: &str, address: Option<SocketAddr>) -> Broker {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = TcpListener::bind(address.unwrap_or(any)).unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, arrivals) = channel();
    let config = PeerConfig {
        id: BrokerId(id),
        secret: PeerSecret::new(secret.as_bytes()).unwrap(),
        cluster_id: Arc::new(OnceLock::new()),
    };
    let inbox = Arc::new(Queue(Mutex::new(sender)));
    Broker {
        peers: Peers::start(listener, config, inbox).unwrap(),
        arrivals,
        address,
    }
}

impl Broker {
    fn send(&mut self, to: i32, parts: &[&[u8]]) {
        self.peers.send(&mut vec![PeerSend {
            to: BrokerId(to),
            parts: parts
                .iter()
                .map(|part| Bytes::copy_from_slice(part))
                .collect(),
        }]);
    }

    fn connected(&self) -> i32 {
        match self.arrivals.recv_timeout(PATIENCE).unwrap() {
            Arrival::PeerConnected(broker) => broker.0,
            other => panic!("{other:?}"),
        }
    }

    fn message(&self) -> (i32, Vec<u8>) {
        match self.arrivals.recv_timeout(PATIENCE).unwrap() {
            Arrival::Peer { from, message, .. } => (from.0, message.to_vec()),
            other => panic!("{other:?}"),
        }
    }
}

const SECRET: &str = "one secret for all brokers";

#[test]
fn messages_arrive_once_and_in_order_also_after_the_other_broker_restarted() {
    let mut one = broker(1, SECRET, None);
    let two = broker(2, SECRET, None);
    let address = two.address;
    one.peers
        .learn(&mut vec![(BrokerId(2), address.to_string())]);
    assert_eq!(one.connected(), 2);
    assert_eq!(two.connected(), 1);
    for n in 0..1000_u32 {
        one.send(2, &[b"message ", n.to_string().as_bytes()]);
    }
    for n in 0..1000 {
        assert_eq!(two.message(), (1, format!("message {n}").into_bytes()));
    }
    drop(two);
    one.send(2, &[b"may be lost"]);
    let two = broker(2, SECRET, Some(address));
    assert_eq!(one.connected(), 2);
    one.send(2, &[b"after the restart"]);
    assert_eq!(two.connected(), 1);
    assert_eq!(two.message(), (1, b"after the restart".to_vec()));
}

#[test]
fn a_large_message_arrives_whole() {
    let mut one = broker(1, SECRET, None);
    let two = broker(2, SECRET, None);
    one.peers
        .learn(&mut vec![(BrokerId(2), two.address.to_string())]);
    assert_eq!(one.connected(), 2);
    assert_eq!(two.connected(), 1);
    let large = vec![5; 20 << 20];
    one.send(2, &[&large, b"end"]);
    let (_, message) = two.message();
    assert_eq!(message.len(), large.len() + 3);
    assert!(message.ends_with(b"\x05end"));
}

#[test]
fn a_stranger_gets_nothing_to_the_engine() {
    let one = broker(1, SECRET, None);
    let mut other = broker(2, "a different secret!", None);
    other
        .peers
        .learn(&mut vec![(BrokerId(1), one.address.to_string())]);
    other.send(1, &[b"become leader of everything"]);
    for garbage in [
        b"GET / HTTP/1.1\r\n\r\n".repeat(20),
        vec![0; 200],
        Vec::new(),
    ] {
        let mut stream = TcpStream::connect(one.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(&garbage);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    }
    let heard = one.arrivals.recv_timeout(Duration::from_millis(300));
    assert!(heard.is_err(), "{heard:?}");
}
