//! The client side as a whole: one listener, some shards, and the way of answers back to them.
//! Which address is listened on, and how many shards there are, is decided by `kring-node`.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use kring_io::{ConnId, Reply};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::accept::accept;
use crate::arriving::Arriving;
use crate::budget::Budget;
use crate::limits::OpenConnections;
use crate::shard::{Order, Shard};
use crate::{ClientLimits, Inbox};

/// Shards at work. Dropping it closes the listener and every connection.
pub struct Clients {
    shards: Vec<mpsc::UnboundedSender<Order>>,
    threads: Vec<JoinHandle<()>>,
    open: Arc<OpenConnections>,
    stop_accepting: Option<oneshot::Sender<()>>,
}

impl Clients {
    /// Serves a bound listener with `shards` threads. Fails when threads or descriptors run out.
    pub fn start(
        listener: std::net::TcpListener,
        shards: usize,
        limits: &ClientLimits,
        inbox: &Arc<dyn Inbox>,
    ) -> io::Result<Clients> {
        listener.set_nonblocking(true)?;
        let shards = shards.max(1);
        // Half for whole requests on their way to the engine, half for those that still arrive.
        let half = limits.queued_bytes_max / 2;
        let (budget, arriving) = (Budget::new(half), Arriving::new(half));
        let open = Arc::new(OpenConnections::default());
        let channels: Vec<_> = (0..shards).map(|_| mpsc::unbounded_channel()).collect();
        let senders: Vec<_> = channels.iter().map(|(sender, _)| sender.clone()).collect();
        let (stop_accepting, stopped) = oneshot::channel();
        let mut acceptor = Some((listener, senders.clone(), stopped));
        let mut threads = Vec::with_capacity(shards);
        for (index, (_, orders)) in channels.into_iter().enumerate() {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let shard = Shard {
                index: index as u64,
                shards: shards as u64,
                limits: limits.clone(),
                budget: budget.clone(),
                arriving: arriving.clone(),
                inbox: Arc::clone(inbox),
            };
            let accepts = match acceptor.take() {
                None => None,
                Some((listener, senders, stopped)) => {
                    let _inside = runtime.enter();
                    let listener = TcpListener::from_std(listener)?;
                    let accepting = accept(listener, senders, Arc::clone(&open), limits.clone());
                    Some((accepting, stopped))
                }
            };
            let work = move || async move {
                if let Some((accepting, stopped)) = accepts {
                    tokio::spawn(async move {
                        tokio::select! {
                            () = accepting => {}
                            _ = stopped => {}
                        }
                    });
                }
                shard.run(orders).await;
            };
            threads.push(spawn(index, runtime, work)?);
        }
        Ok(Clients {
            shards: senders,
            threads,
            open,
            stop_accepting: Some(stop_accepting),
        })
    }

    /// Sends answers, then closes connections. Both vectors are taken.
    pub fn send(&self, replies: &mut Vec<Reply>, close: &mut Vec<ConnId>) {
        if replies.is_empty() && close.is_empty() {
            return;
        }
        let count = self.shards.len();
        let mut batches: Vec<(Vec<Reply>, Vec<ConnId>)> =
            (0..count).map(|_| Default::default()).collect();
        for reply in replies.drain(..) {
            batches[shard_of(reply.request.conn, count)].0.push(reply);
        }
        for conn in close.drain(..) {
            batches[shard_of(conn, count)].1.push(conn);
        }
        for (shard, (replies, close)) in self.shards.iter().zip(batches) {
            if !replies.is_empty() || !close.is_empty() {
                // A shard ends only when this is dropped.
                let _ = shard.send(Order::Send { replies, close });
            }
        }
    }

    /// Connections that are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.open.count()
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        drop(self.stop_accepting.take());
        self.shards.clear();
        for thread in self.threads.drain(..) {
            // A shard that panicked has already said so on standard error.
            let _ = thread.join();
        }
    }
}

fn shard_of(conn: ConnId, shards: usize) -> usize {
    (conn.0 % shards as u64) as usize
}

/// The work is made on its thread, because connections never leave it.
fn spawn<F: Future<Output = ()>>(
    index: usize,
    runtime: Runtime,
    work: impl FnOnce() -> F + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(format!("kring-edge-{index}"))
        .spawn(move || {
            LocalSet::new().block_on(&runtime, work());
        })
}
