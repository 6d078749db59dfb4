//! The typed calls over the in-memory cluster and over real HTTP on loopback.
//! What the answers mean is tested where they are used.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::Http;
use crate::memory::Memory;

fn endpoint(broker: i32, address: &str) -> Endpoint {
    Endpoint {
        broker,
        address: address.to_owned(),
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_call_goes_to_the_next_broker_when_one_is_down() {
    let memory = Arc::new(Memory::new(3));
    memory.state().brokers.get_mut(&0).unwrap().alive = false;
    let endpoints = (0..3).map(|id| endpoint(id, "memory")).collect();
    let brokers = Brokers::new(memory, String::new(), endpoints);
    run(async {
        assert_eq!(brokers.list().await.unwrap().brokers.len(), 3);
        assert!(matches!(
            brokers.identity(0).await,
            Err(Error::Unreachable { broker: 0, .. })
        ));
        assert_eq!(brokers.identity(1).await.unwrap().broker_id, 1);
        assert_eq!(brokers.topic("none").await.unwrap(), None);
    });
}

/// Answers one connection with the given text and gives back what was asked.
async fn answer_once(listener: TcpListener, answer: String) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut asked = vec![0; 4096];
    let count = stream.read(&mut asked).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    String::from_utf8(asked[..count].to_vec()).unwrap()
}

fn exchange(answer: &str) -> (String, Result<MaintenanceStatus, Error>) {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let brokers = Brokers::new(
            Arc::new(Http),
            "token-7".to_owned(),
            vec![endpoint(0, &address)],
        );
        let request = MaintenanceRequest {
            broker: 2,
            on: true,
            epoch: 1,
            ttl_s: 60,
        };
        tokio::join!(
            answer_once(listener, answer.to_owned()),
            brokers.maintenance(&request)
        )
    })
}

#[test]
fn a_call_carries_the_token_and_the_body() {
    let body = r#"{"broker":2,"on":true,"epoch":1,"expires_in_s":60,"leaders":5,"coordinators":1,"stuck_leaders":{"partitions":0,"sample":[]}}"#;
    let (asked, status) = exchange(&format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(
        asked.starts_with("POST /v1/maintenance HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("authorization: Bearer token-7\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains(r#"{"broker":2,"on":true,"epoch":1,"ttl_s":60}"#),
        "{asked}"
    );
    assert_eq!(status.unwrap().leaders, 5);
}

#[test]
fn a_refusal_keeps_the_broker_s_own_words() {
    let body = r#"{"error":"conflict","message":"epoch 1 is older than 2"}"#;
    let (_, refused) = exchange(&format!(
        "HTTP/1.1 409 Conflict\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    let error = refused.unwrap_err();
    assert!(!error.is_temporary());
    assert!(
        error.to_string().contains("epoch 1 is older than 2"),
        "{error}"
    );
}

#[test]
fn an_answer_that_breaks_off_is_an_unreachable_broker() {
    let (_, broken) = exchange("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{");
    assert!(broken.unwrap_err().is_temporary());
}

#[test]
fn an_answer_that_claims_too_much_is_not_read() {
    let (_, huge) = exchange("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{");
    assert!(huge.is_err());
}
