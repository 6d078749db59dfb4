//! The brokers' admin API, asked directly: what the operator says is checked against it.
//! It reaches pods only where this machine is in their network.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use kring_admin_api::{AlterTopicRequest, BrokerList, TopicDescription, path};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Namespace;
use crate::kafka::NAME;

/// Port of the admin API.
const PORT: u16 = 9644;
/// How long a broker may take for each step of an answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// The admin API of one cluster's brokers.
#[derive(Clone, Debug)]
pub struct Admin {
    token: String,
    pods: Vec<String>,
    addresses: Vec<SocketAddr>,
}

#[derive(Deserialize)]
struct Pods {
    items: Vec<k8s_openapi::api::core::v1::Pod>,
}

impl Admin {
    /// Reads the token from the cluster's Secret.
    ///
    /// # Errors
    /// When the Secret is not there.
    pub fn of(namespace: &Namespace) -> Result<Self, String> {
        let secret = format!("{NAME}-keys");
        let template = "--output=go-template={{index .data \"admin-token\" | base64decode}}";
        let token = namespace
            .kubectl(&["get", "secret", &secret, template])
            .map_err(|error| error.to_string())?;
        let mut admin = Self {
            token,
            pods: Vec::new(),
            addresses: Vec::new(),
        };
        admin.find(namespace)?;
        Ok(admin)
    }

    /// Looks up the pods' addresses again; a restarted broker has another.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub fn find(&mut self, namespace: &Namespace) -> Result<(), String> {
        let selector = format!("--selector=kring.io/cluster={NAME}");
        let pods: Pods = namespace
            .cluster()
            .get(&["--namespace", namespace.name(), "pods", &selector])
            .map_err(|error| error.to_string())?;
        let address = |pod: &k8s_openapi::api::core::v1::Pod| {
            let ip = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
            Some(SocketAddr::new(ip, PORT))
        };
        self.addresses = pods.items.iter().filter_map(address).collect();
        let names = pods.items.into_iter();
        self.pods = names.filter_map(|pod| pod.metadata.name).collect();
        Ok(())
    }

    /// The names of the pods that the last look found.
    #[must_use]
    pub fn pods(&self) -> &[String] {
        &self.pods
    }

    /// All brokers as the active controller sees them, from whichever broker answers first.
    ///
    /// # Errors
    /// What the last of them said instead.
    pub fn brokers(&self) -> Result<BrokerList, String> {
        self.ask("GET", path::BROKERS, "")
    }

    /// A topic as the controller knows it.
    ///
    /// # Errors
    /// What the last of the brokers said instead; of an unknown topic that it is not found.
    pub fn topic(&self, name: &str) -> Result<TopicDescription, String> {
        self.ask("GET", &format!("{}{name}", path::TOPIC), "")
    }

    /// Changes a topic behind the operator's back.
    ///
    /// # Errors
    /// What the last of the brokers said instead.
    pub fn alter_topic(
        &self,
        name: &str,
        request: &AlterTopicRequest,
    ) -> Result<TopicDescription, String> {
        let body = serde_json::to_string(request).map_err(|error| error.to_string())?;
        self.ask("PATCH", &format!("{}{name}", path::TOPIC), &body)
    }

    /// Asks one broker after the other until one answers.
    fn ask<T: DeserializeOwned>(&self, method: &str, path: &str, body: &str) -> Result<T, String> {
        let mut last = "no broker has an address".to_owned();
        for address in &self.addresses {
            match self.ask_one(*address, method, path, body) {
                Ok(list) => return Ok(list),
                Err(error) => last = format!("{address}: {error}"),
            }
        }
        Err(last)
    }

    fn ask_one<T: DeserializeOwned>(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<T, String> {
        let answer = self
            .exchange(address, method, path, body)
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").ok_or("no HTTP answer")?;
        if !head.starts_with("HTTP/1.0 200") && !head.starts_with("HTTP/1.1 200") {
            return Err(format!("{}: {body}", head.lines().next().unwrap_or(head)));
        }
        serde_json::from_str(body).map_err(|error| error.to_string())
    }

    /// HTTP/1.0: the answer ends with the connection and is not chunked.
    fn exchange(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        body: &str,
    ) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let token = &self.token;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        Ok(answer)
    }
}
