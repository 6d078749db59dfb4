//! The peer side as a whole: a thread with the listener, a link to each known broker, and the engine's way to them.
//! Who the brokers are and where they live is said by the engine.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use kring_io::{BrokerId, PeerSend};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use super::accept::accept_links;
use super::dial::keep_link;
use super::handshake::{HandshakeError, Own};
use super::link::{LinkFeed, LinkQueue, queue};
use super::secret::PeerSecret;
use crate::{Arrival, Inbox};

/// Brokers of a cluster, at most; the engine's word is not followed beyond it.
const BROKERS_MAX: usize = 1024;

/// Names that are looked up at once. Where the name server is silent, each takes a thread for
/// longer than a dialling broker waits.
const RESOLVING_THREADS_MAX: usize = 32;

/// Who this broker is among brokers.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Its id.
    pub id: BrokerId,
    /// What its brokers share.
    pub secret: PeerSecret,
    /// Its cluster, set when it is learned.
    pub cluster_id: Arc<OnceLock<String>>,
}

/// What tasks of links share.
pub(super) struct PeerContext {
    config: PeerConfig,
    pub(super) inbox: Arc<dyn Inbox>,
}

impl PeerContext {
    /// Lets the engine know of a broker that has proven to belong to another cluster.
    pub(super) fn tell_other_cluster(&self, error: &HandshakeError) {
        if let HandshakeError::WrongCluster { from, theirs, .. } = error {
            self.inbox.deliver(Arrival::OtherCluster {
                from: BrokerId(*from),
                cluster_id: theirs.clone(),
            });
        }
    }

    pub(super) fn own(&self) -> Own<'_> {
        Own {
            id: self.config.id,
            cluster_id: self.config.cluster_id.get().map(String::as_str),
            secret: &self.config.secret,
        }
    }
}

/// Links to and from the brokers. Dropping it closes them all.
pub struct Peers {
    id: BrokerId,
    links: BTreeMap<BrokerId, LinkQueue>,
    new_links: mpsc::UnboundedSender<(BrokerId, LinkFeed)>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Peers {
    /// Serves a bound listener. Fails when threads or descriptors run out.
    pub fn start(
        listener: std::net::TcpListener,
        config: PeerConfig,
        inbox: Arc<dyn Inbox>,
    ) -> io::Result<Peers> {
        listener.set_nonblocking(true)?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(RESOLVING_THREADS_MAX)
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let id = config.id;
        let context = Arc::new(PeerContext { config, inbox });
        let (new_links, mut feeds) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name("kring-peers".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::spawn(accept_links(listener, Arc::clone(&context)));
                    tokio::spawn(async move {
                        while let Some((to, feed)) = feeds.recv().await {
                            tokio::spawn(keep_link(to, feed, Arc::clone(&context)));
                        }
                    });
                    let _ = stopped.await;
                });
            })?;
        Ok(Peers {
            id,
            links: BTreeMap::new(),
            new_links,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Learns where brokers are. The vector is taken.
    pub fn learn(&mut self, peers: &mut Vec<(BrokerId, String)>) {
        for (broker, address) in peers.drain(..) {
            if broker == self.id {
                continue;
            }
            if self.links.len() >= BROKERS_MAX && !self.links.contains_key(&broker) {
                tracing::error!(broker = broker.0, max = BROKERS_MAX, "too many brokers");
                continue;
            }
            let new_links = &self.new_links;
            let link = self.links.entry(broker).or_insert_with(|| {
                let (link, feed) = queue();
                // The thread ends only with this.
                let _ = new_links.send((broker, feed));
                link
            });
            link.address(address);
        }
    }

    /// Sends messages; those to brokers without a link are dropped. The vector is taken.
    pub fn send(&mut self, sends: &mut Vec<PeerSend>) {
        for send in sends.drain(..) {
            if let Some(link) = self.links.get_mut(&send.to) {
                link.push(send.parts);
            }
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has already been said on standard error.
            let _ = thread.join();
        }
    }
}
