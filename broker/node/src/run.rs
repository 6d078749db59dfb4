//! A broker's life: bind, lock, start the threads, say so, wait for a signal, stop in order.
//! What each part does is in its own file.

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use kring_controller::Endpoint;
use kring_edge::{Clients, PeerConfig, Peers};
use kring_io::BrokerId;
use kring_requests::{Broker, Event, Identity};
use thiserror::Error;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::config::{Address, Config, NodeConfig};
use crate::data_dir::{DataDir, DataDirError};
use crate::engine::{Fatal, Outlets};
use crate::engine_thread::{DriverName, EngineThread};
use crate::inbox::{Inbox, Item};
use crate::secrets::{SecretError, Token, peer_secret};
use crate::{admin, http, logging, machine, observe, volume};

/// Version of this binary.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why the broker did not start or had to end.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("{key}: cannot listen on {address}: {error}{}", hint(error))]
    Bind {
        key: &'static str,
        address: Address,
        error: io::Error,
    },
    #[error("the system gives no threads, descriptors or randomness: {0}")]
    System(#[from] io::Error),
    #[error(transparent)]
    Fatal(#[from] Fatal),
    #[error("the engine thread panicked; the message is above")]
    Panicked,
    #[error("{}", cluster_changed(.directory, .quorum))]
    AnotherCluster { directory: String, quorum: String },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another process has the port, stop it or choose another port"
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege",
        _ => "",
    }
}

fn cluster_changed(directory: &str, quorum: &str) -> String {
    format!(
        "the data directory belongs to cluster {directory}, the brokers of controller.quorum.voters to {quorum}; correct one of them"
    )
}

/// Sockets that listen, before anything is served: a taken port is found before data is touched.
struct Listeners {
    clients: TcpListener,
    peers: Option<TcpListener>,
    admin: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

/// Runs a broker until a signal or a failure.
pub(crate) fn run(config: Config) -> Result<(), RunError> {
    let started = Instant::now();
    let Config {
        node,
        broker,
        unused_variables,
    } = config;
    if !unused_variables.is_empty() {
        tracing::warn!(
            variables = unused_variables.join(" "),
            "environment variables of Apache Kafka without a meaning here"
        );
    }
    machine::raise_descriptor_limit();
    let listeners = bind_all(&node)?;
    let mut data_dir = DataDir::open(&node.data_dir, node.id, random()?)?;
    let token = match listeners.admin {
        Some(_) => {
            let configured = node.admin_token_file.as_deref();
            Some(Token::read(configured, &data_dir, random()?)?)
        }
        None => None,
    };
    let cluster_id = Arc::new(OnceLock::new());
    if let Some(known) = &data_dir.meta.cluster_id {
        let _ = cluster_id.set(known.clone());
    }

    let mut engine = EngineThread::start(data_dir.path.clone(), node.driver)?;
    let inbox = Arc::clone(&engine.inbox);
    let about = observe::About::new(&node, &engine.driver);
    let identity = identity(&node, &data_dir, &engine.driver)?;
    let broker = Broker::new(broker, identity, u64::from_be_bytes(random()?));
    let outlets = Outlets {
        clients: serve_clients(&node, listeners.clients, &inbox)?,
        peers: serve_peers(&node, listeners.peers, &cluster_id, &inbox)?,
    };
    engine.begin(broker, outlets);

    let control = Builder::new_current_thread().enable_all().build()?;
    if let Err(error) = kring_io_linux::give_up_calls() {
        tracing::warn!(%error, "calls that the broker never makes stay allowed");
    }
    let EngineThread { driver, ended, .. } = &mut engine;
    control.block_on(async {
        if let (Some(listener), Some(token)) = (listeners.admin, token) {
            http::serve(listener, admin::router(Arc::clone(&inbox), token))?;
        }
        if let Some(listener) = listeners.metrics {
            http::serve(listener, observe::router(Arc::clone(&inbox), about))?;
        }
        tokio::spawn(logging::tell_left_out());
        tokio::spawn(volume::watch(data_dir.path.clone(), Arc::clone(&inbox)));
        let watch = watch(&mut data_dir, &cluster_id, &inbox, &node, driver, started);
        live(&inbox, ended, watch).await
    })?;
    match engine.join() {
        Some(ended) => Ok(ended?),
        None => Err(RunError::Panicked),
    }
}

fn bind_all(node: &NodeConfig) -> Result<Listeners, RunError> {
    let bind = |key: &'static str, address: &Address| {
        let bound = address
            .to_bind()
            .into_iter()
            .map(|host| TcpListener::bind((host, address.port)))
            .reduce(|first, second| first.or(second));
        let bound = bound.expect("an address has at least one host to bind");
        bound.map_err(|error| RunError::Bind {
            key,
            address: address.clone(),
            error,
        })
    };
    let optional = |key, address: Option<&Address>| match address {
        Some(address) => bind(key, address).map(Some),
        None => Ok(None),
    };
    let peer_address = node.peering.as_ref().map(|peering| &peering.listener);
    Ok(Listeners {
        clients: bind("listeners", &node.listener.address)?,
        peers: optional("kring.peer.listener", peer_address)?,
        admin: optional("kring.admin.listener", node.admin_listener.as_ref())?,
        metrics: optional("kring.metrics.listener", node.metrics_listener.as_ref())?,
    })
}

fn serve_clients(
    node: &NodeConfig,
    listener: TcpListener,
    inbox: &Arc<Inbox>,
) -> Result<Clients, RunError> {
    let inbox = Arc::clone(inbox) as Arc<dyn kring_edge::Inbox>;
    let clients = Clients::start(listener, node.network_threads, &node.limits, &inbox)?;
    Ok(clients)
}

/// Links to the other brokers, if there are to be any.
fn serve_peers(
    node: &NodeConfig,
    listener: Option<TcpListener>,
    cluster_id: &Arc<OnceLock<String>>,
    inbox: &Arc<Inbox>,
) -> Result<Option<Peers>, RunError> {
    let (Some(listener), Some(peering)) = (listener, &node.peering) else {
        return Ok(None);
    };
    let config = PeerConfig {
        id: BrokerId(node.id),
        secret: peer_secret(&peering.secret_file)?,
        cluster_id: Arc::clone(cluster_id),
    };
    let peers = Peers::start(listener, config, Arc::clone(inbox) as _)?;
    Ok(Some(peers))
}

fn identity(node: &NodeConfig, data_dir: &DataDir, driver: &DriverName) -> io::Result<Identity> {
    let advertised = &node.advertised;
    Ok(Identity {
        broker: BrokerId(node.id),
        incarnation: random()?,
        disk_id: data_dir.meta.disk_id,
        version: VERSION.to_owned(),
        listeners: vec![Endpoint {
            name: advertised.name.clone(),
            host: advertised.address.host.clone(),
            port: advertised.address.port,
        }],
        peer_address: node.peer_advertised.to_string(),
        log_dir: data_dir.path.display().to_string(),
        io_driver: driver.name.to_owned(),
        io_driver_reason: driver.reason.clone(),
    })
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| io::Error::other("the system gives no randomness"))?;
    Ok(bytes)
}

/// Waits for the end: of the engine, by a signal, or by a cluster that is not ours.
async fn live(
    inbox: &Inbox,
    ended: &mut oneshot::Receiver<()>,
    watch: impl Future<Output = Result<(), RunError>>,
) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut watch = std::pin::pin!(watch);
    let mut watching = true;
    let mut stopping = false;
    loop {
        let name = tokio::select! {
            _ = &mut *ended => return Ok(()),
            seen = &mut watch, if watching => {
                seen?;
                watching = false;
                continue;
            }
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        if stopping {
            tracing::warn!(signal = name, "a second signal: ending without a hand-over");
            std::process::exit(1);
        }
        stopping = true;
        tracing::info!(
            signal = name,
            "handing leaders over and flushing; again to end at once"
        );
        inbox.push(Item::Event(Event::Shutdown, None));
    }
}

/// Waits until the broker serves, says so, and writes down which cluster it is in.
async fn watch(
    data_dir: &mut DataDir,
    known: &OnceLock<String>,
    inbox: &Inbox,
    node: &NodeConfig,
    driver: &DriverName,
    started: Instant,
) -> Result<(), RunError> {
    let cluster_id = observe::wait_for_cluster_id(inbox).await;
    match &data_dir.meta.cluster_id {
        Some(directory) if *directory != cluster_id => {
            return Err(RunError::AnotherCluster {
                directory: directory.clone(),
                quorum: cluster_id,
            });
        }
        Some(_) => {}
        None => data_dir.remember_cluster(&cluster_id)?,
    }
    let _ = known.set(cluster_id.clone());
    observe::wait_until_ready(inbox).await;
    tracing::info!(
        version = VERSION,
        broker = node.id,
        cluster_id,
        listener = %node.listener,
        advertised = %node.advertised,
        io_driver = driver.name,
        io_driver_reason = driver.reason,
        data_dir = %data_dir.path.display(),
        ready_after_ms = started.elapsed().as_millis() as u64,
        "kring-broker is ready"
    );
    Ok(())
}
