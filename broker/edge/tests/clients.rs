//! Real sockets against shards whose engine is a few lines of echo.
//! Bounded in time by the socket time-outs below; loopback only.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use kring_edge::{Arrival, ClientLimits, Clients, Inbox};
use kring_io::{ConnId, Reply, RequestId};

const PATIENCE: Duration = Duration::from_secs(10);

struct Queue(Mutex<Sender<Arrival>>);

impl Inbox for Queue {
    fn deliver(&self, arrival: Arrival) {
        let _ = self.0.lock().unwrap().send(arrival);
    }
}

struct Edge {
    clients: Clients,
    arrivals: Receiver<Arrival>,
    address: SocketAddr,
}

fn limits() -> ClientLimits {
    ClientLimits {
        frame_bytes_max: 1 << 20,
        queued_bytes_max: 1 << 20,
        connections_max: 10,
        connections_per_ip_max: 10,
        idle: Duration::from_secs(60),
    }
}

fn edge(limits: &ClientLimits) -> Edge {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, arrivals) = channel();
    let inbox: Arc<dyn Inbox> = Arc::new(Queue(Mutex::new(sender)));
    let clients = Clients::start(listener, 2, limits, &inbox).unwrap();
    Edge {
        clients,
        arrivals,
        address,
    }
}

impl Edge {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The next request; connections opening and closing are passed over.
    fn request(&self) -> (RequestId, Bytes) {
        loop {
            match self.arrivals.recv_timeout(PATIENCE).unwrap() {
                Arrival::Request { id, frame, .. } => return (id, frame),
                Arrival::Opened { .. } | Arrival::Closed(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn closed(&self) -> ConnId {
        loop {
            if let Arrival::Closed(conn) = self.arrivals.recv_timeout(PATIENCE).unwrap() {
                return conn;
            }
        }
    }

    fn reply(&self, request: RequestId, parts: &[&'static [u8]]) {
        let parts = parts.iter().map(|part| Bytes::from_static(part)).collect();
        let mut replies = vec![Reply {
            request,
            parts,
            tell_taken: false,
        }];
        self.clients.send(&mut replies, &mut Vec::new());
        assert!(replies.is_empty());
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as i32).to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let edge = edge(&limits());
    let mut stream = edge.connect();
    let pipelined = [frame(b"one"), frame(b"two"), frame(b"three")].concat();
    stream.write_all(&pipelined).unwrap();
    let requests: Vec<_> = (0..3).map(|_| edge.request()).collect();
    let bodies: Vec<_> = requests.iter().map(|(_, body)| body.as_ref()).collect();
    assert_eq!(bodies, [b"one".as_slice(), b"two", b"three"]);
    // The second has no answer (acks=0); the third is answered first.
    edge.reply(requests[2].0, &[b"[", b"3", b"]"]);
    edge.reply(requests[1].0, &[]);
    edge.reply(requests[0].0, &[b"[1]"]);
    let mut got = [0; 6];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"[1][3]");
}

#[test]
fn a_large_frame_in_small_pieces_arrives_whole() {
    let edge = edge(&limits());
    let mut stream = edge.connect();
    let body: Vec<u8> = (0..900_000_u32).map(|n| (n % 251) as u8).collect();
    for piece in frame(&body).chunks(33_333) {
        stream.write_all(piece).unwrap();
    }
    stream.write_all(&frame(b"next")).unwrap();
    assert_eq!(edge.request().1, body);
    assert_eq!(edge.request().1.as_ref(), b"next");
}

#[test]
fn an_oversized_or_negative_length_closes_the_connection_and_no_other() {
    let edge = edge(&limits());
    let mut healthy = edge.connect();
    healthy.write_all(&frame(b"hello")).unwrap();
    let (id, _) = edge.request();
    for garbage in [
        (1_i32 << 30).to_be_bytes(),
        (-5_i32).to_be_bytes(),
        *b"GET ",
    ] {
        let mut hostile = edge.connect();
        hostile.write_all(&garbage).unwrap();
        edge.closed();
        assert_eq!(hostile.read(&mut [0; 1]).unwrap_or(0), 0);
    }
    edge.reply(id, &[b"still here"]);
    let mut got = [0; 10];
    healthy.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"still here");
}

#[test]
fn bytes_that_the_engine_has_not_taken_hold_further_ones_back() {
    let edge = edge(&limits());
    let mut streams: Vec<_> = (0..3).map(|_| edge.connect()).collect();
    // Each of these is more than half of the budget.
    for stream in &mut streams {
        stream.set_nonblocking(false).unwrap();
        let body = vec![7; 600_000];
        let bytes = frame(&body);
        let mut stream = stream.try_clone().unwrap();
        std::thread::spawn(move || stream.write_all(&bytes));
    }
    let mut held = Vec::new();
    while held.is_empty() {
        if let Arrival::Request { permit, .. } = edge.arrivals.recv_timeout(PATIENCE).unwrap() {
            held.push(permit);
        }
    }
    while let Ok(arrival) = edge.arrivals.recv_timeout(Duration::from_millis(300)) {
        let passed = matches!(arrival, Arrival::Request { .. });
        assert!(!passed, "a second request passed the budget");
    }
    held.clear();
    assert_eq!(edge.request().1.len(), 600_000);
    assert_eq!(edge.request().1.len(), 600_000);
}

#[test]
fn frames_that_claim_much_and_bring_little_hold_nobody_back() {
    let edge = edge(&limits());
    let hostile: Vec<_> = (0..6)
        .map(|_| {
            let mut stream = edge.connect();
            stream.write_all(&(1_i32 << 20).to_be_bytes()).unwrap();
            stream.write_all(b"a little").unwrap();
            stream
        })
        .collect();
    // Long enough for the claims to be read first.
    std::thread::sleep(Duration::from_millis(100));
    let mut healthy = edge.connect();
    for bytes in [100, 400_000] {
        healthy.write_all(&frame(&vec![7; bytes])).unwrap();
        assert_eq!(edge.request().1.len(), bytes);
    }
    drop(hostile);
}

#[test]
fn many_small_frames_of_one_read_arrive_in_order() {
    let edge = edge(&limits());
    let mut stream = edge.connect();
    let frames: Vec<u8> = (0..1_000_u32)
        .flat_map(|n| frame(&n.to_be_bytes()))
        .collect();
    stream.write_all(&frames).unwrap();
    for n in 0..1_000_u32 {
        let (id, body) = edge.request();
        assert_eq!(body.as_ref(), n.to_be_bytes());
        edge.reply(id, &[b"."]);
    }
}

#[test]
fn requests_in_flight_are_capped_until_answers_are_written() {
    let edge = edge(&limits());
    let mut stream = edge.connect();
    stream.write_all(&frame(b"x").repeat(40)).unwrap();
    let first: Vec<_> = (0..32).map(|_| edge.request().0).collect();
    assert!(
        edge.arrivals
            .recv_timeout(Duration::from_millis(200))
            .is_err()
    );
    edge.reply(first[0], &[b"!"]);
    assert_eq!(edge.request().0.seq, 32);
}

#[test]
fn connections_beyond_a_limit_are_closed_at_once_and_places_come_back() {
    let edge = edge(&ClientLimits {
        connections_per_ip_max: 2,
        ..limits()
    });
    let (first, _second) = (edge.connect(), edge.connect());
    let mut third = edge.connect();
    assert_eq!(third.read(&mut [0; 1]).unwrap_or(0), 0);
    drop(first);
    edge.closed();
    // The place is free a moment after the engine hears of it.
    for _ in 0..50 {
        let mut again = edge.connect();
        again.write_all(&frame(b"in")).unwrap();
        again
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        match again.read(&mut [0; 1]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    panic!("the place of a closed connection stayed taken");
}

#[test]
fn an_idle_connection_is_closed_and_one_with_a_pending_request_is_not() {
    let edge = edge(&ClientLimits {
        idle: Duration::from_millis(200),
        ..limits()
    });
    let mut idle = edge.connect();
    let mut waiting = edge.connect();
    waiting.write_all(&frame(b"long poll")).unwrap();
    let (id, _) = edge.request();
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0);
    std::thread::sleep(Duration::from_millis(500));
    edge.reply(id, &[b"ok"]);
    let mut got = [0; 2];
    waiting.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"ok");
}

#[test]
fn the_engine_can_close_a_connection_behind_its_answers() {
    let edge = edge(&limits());
    let mut stream = edge.connect();
    stream.write_all(&frame(b"bad")).unwrap();
    let (id, _) = edge.request();
    let parts = vec![Bytes::from_static(b"why")];
    let mut replies = vec![Reply {
        request: id,
        parts,
        tell_taken: false,
    }];
    edge.clients.send(&mut replies, &mut vec![id.conn]);
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"why");
    assert_eq!(edge.closed(), id.conn);
}

#[test]
fn the_engine_hears_when_a_client_has_taken_a_large_answer_and_not_before() {
    let edge = edge(&limits());
    let mut stream = edge.connect();
    stream.write_all(&frame(b"all of it")).unwrap();
    let (id, _) = edge.request();
    // More than the sockets of both ends hold.
    let whole = Bytes::from(vec![7; 64 << 20]);
    let mut replies = vec![Reply {
        request: id,
        parts: vec![whole.clone()],
        tell_taken: true,
    }];
    edge.clients.send(&mut replies, &mut Vec::new());
    let early = edge.arrivals.recv_timeout(Duration::from_millis(300));
    assert!(early.is_err(), "{early:?}");
    let mut got = vec![0; whole.len()];
    stream.read_exact(&mut got).unwrap();
    assert!(got == whole);
    match edge.arrivals.recv_timeout(PATIENCE).unwrap() {
        Arrival::Taken(request) => assert_eq!(request, id),
        other => panic!("{other:?}"),
    }
}
