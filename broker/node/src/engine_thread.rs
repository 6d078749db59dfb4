//! Starting the engine's thread with its disk driver, and waiting for its end.
//! What the thread does afterwards is in `engine.rs`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use kring_io::Wake;
use kring_io_linux::{Clock, Driver, DriverChoice};
use kring_requests::Broker;
use tokio::sync::oneshot;

use crate::engine::{Engine, Fatal, Outlets};
use crate::inbox::Inbox;

/// Which driver carries the disk operations.
#[derive(Clone, Debug)]
pub(crate) struct DriverName {
    /// `io_uring` or `posix`.
    pub(crate) name: &'static str,
    /// Why that one, in words.
    pub(crate) reason: String,
}

/// The engine's thread, which waits for its outlets.
pub(crate) struct EngineThread {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) driver: DriverName,
    begin: Sender<Beginning>,
    /// Resolves when the thread has ended.
    pub(crate) ended: oneshot::Receiver<()>,
    thread: JoinHandle<Result<(), Fatal>>,
}

impl EngineThread {
    /// Starts the thread and its disk driver, which must be on the thread that uses it.
    pub(crate) fn start(data_dir: PathBuf, choice: DriverChoice) -> io::Result<EngineThread> {
        let (opened, driver) = channel();
        let (begin, beginning) = channel();
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("kring-engine".to_owned())
            .spawn(move || {
                // Dropped when the thread ends, also by a panic: then `ended` resolves.
                let _end: oneshot::Sender<()> = end;
                let driver = kring_io_linux::open(&data_dir, choice);
                work(driver, &opened, &beginning)
            })?;
        let (driver, waker) = driver.recv().unwrap_or_else(|_| {
            Err(io::Error::other(
                "the engine thread ended while its disk driver started",
            ))
        })?;
        Ok(EngineThread {
            inbox: Arc::new(Inbox::new(waker)),
            driver,
            begin,
            ended,
            thread,
        })
    }

    /// Gives the thread its broker and outlets, with which it begins.
    pub(crate) fn begin(&self, broker: Broker, outlets: Outlets) {
        // It fails only if the thread panicked, which `join` tells.
        let _ = self.begin.send(Beginning {
            broker,
            inbox: Arc::clone(&self.inbox),
            outlets,
        });
    }

    /// Waits for the thread; none means that it panicked.
    pub(crate) fn join(self) -> Option<Result<(), Fatal>> {
        drop(self.begin);
        self.thread.join().ok()
    }
}

type Opened = io::Result<(DriverName, Arc<dyn Wake>)>;

/// What the thread needs to begin.
struct Beginning {
    broker: Broker,
    inbox: Arc<Inbox>,
    outlets: Outlets,
}

fn work(
    driver: io::Result<Driver>,
    opened: &Sender<Opened>,
    beginning: &Receiver<Beginning>,
) -> Result<(), Fatal> {
    let disk = match driver {
        Ok(driver) => {
            let name = DriverName {
                name: driver.name,
                reason: driver.reason,
            };
            if driver.wish_denied {
                tracing::warn!(
                    reason = name.reason,
                    "io_uring is denied; posix is used instead"
                );
            }
            let waker = driver.disk.waker();
            // The other end waits for exactly this.
            let _ = opened.send(Ok((name, waker)));
            driver.disk
        }
        Err(error) => {
            let _ = opened.send(Err(error));
            return Ok(());
        }
    };
    match beginning.recv() {
        Ok(begin) => Engine::new(
            begin.broker,
            disk,
            begin.inbox,
            begin.outlets,
            Clock::start(),
        )
        .run(),
        // The node failed to start something else and is about to end.
        Err(_) => Ok(()),
    }
}
