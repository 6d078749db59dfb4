//! Exchanges over plain HTTP/1.1, one connection each: calls are few and small.
//! hyper is used directly because kube brings it along; a pool or TLS would be more than is needed.

use std::time::Duration;

use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::brokers::Endpoint;
use crate::error::Error;
use crate::transport::{Call, Reply, Transport};

/// How long a broker may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(750);
/// How long it may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The transport of production.
#[derive(Clone, Copy, Debug, Default)]
pub struct Http;

impl Transport for Http {
    fn exchange<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        token: &'a str,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Reply, Error>> {
        let unreachable = |why: String| Error::Unreachable {
            broker: endpoint.broker,
            address: endpoint.address.clone(),
            why,
        };
        Box::pin(async move {
            let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(&endpoint.address))
                .await
                .map_err(|_| unreachable("no connection in time".to_owned()))?
                .map_err(|error| unreachable(error.to_string()))?;
            timeout(
                ANSWER_TIMEOUT,
                answer(stream, &endpoint.address, token, call),
            )
            .await
            .map_err(|_| unreachable("no answer in time".to_owned()))?
            .map_err(|error| unreachable(error.to_string()))
        })
    }
}

async fn answer(
    stream: TcpStream,
    host: &str,
    token: &str,
    call: &Call,
) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(call.method.as_str())
        .uri(&call.path)
        .header("host", host)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(call.body.clone())))?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), REPLY_BYTES_MAX)
            .collect()
            .await?;
        Ok(Reply {
            status,
            body: body.to_bytes().to_vec(),
        })
    };
    // The connection lives as long as the exchange, in the same task: nothing is left behind.
    tokio::pin!(exchange);
    tokio::select! {
        reply = &mut exchange => reply,
        ended = connection => {
            ended?;
            exchange.await
        }
    }
}
