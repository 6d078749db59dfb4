//! The three brokers of a run and the folder they live in.
//! It knows no fault; the nemesis and the suites strike.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::broker::{Broker, CLIENT_PORT};
use crate::patience::Patience;
use crate::{interrupt, network};

/// Brokers of a cluster.
pub(crate) const BROKERS: usize = 3;

/// A cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) brokers: Vec<Broker>,
}

impl Cluster {
    /// Three brokers with their logs in `folder`, which is emptied, and their data where `data` says.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn new(
        program: &Path,
        folder: &Path,
        data: impl Fn(usize) -> PathBuf,
    ) -> Result<Cluster, String> {
        let brokers = (0..BROKERS).map(|id| {
            let dir = folder.join(format!("broker-{id}"));
            Broker::new(id, BROKERS, program, &dir, &data(id))
        });
        Ok(Cluster {
            brokers: brokers.collect::<Result<_, _>>()?,
        })
    }

    /// Where clients connect.
    pub(crate) fn addresses() -> Vec<SocketAddr> {
        (0..BROKERS)
            .map(|broker| network::socket(broker, CLIENT_PORT))
            .collect()
    }

    /// Sets a variable of every broker's environment.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        for broker in &mut self.brokers {
            broker.set(name, value);
        }
    }

    /// Starts the brokers that do not run.
    pub(crate) fn start_all(&mut self) -> Result<(), String> {
        for broker in &mut self.brokers {
            if !broker.is_started() {
                broker.start()?;
            }
        }
        Ok(())
    }

    /// SIGKILL to all, before waiting for any.
    pub(crate) fn kill_all(&mut self) {
        for broker in &mut self.brokers {
            broker.strike();
        }
        for broker in &mut self.brokers {
            broker.kill();
        }
    }

    /// Ends every fault: no rule in a firewall, no paused process, every broker started.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        for broker in &mut self.brokers {
            network::heal(broker.id)?;
            broker.resume();
            if !broker.is_started() {
                broker.start()?;
            }
        }
        Ok(())
    }

    /// Waits until every broker says that it is ready.
    pub(crate) fn wait_until_ready(&mut self, within: Duration) -> Result<(), String> {
        let patience = Patience::new(within);
        for broker in &mut self.brokers {
            while !broker.is_ready() {
                interrupt::check()?;
                if let Some(status) = broker.ended() {
                    return Err(format!(
                        "broker {} ended ({status}): {}",
                        broker.id,
                        broker.last_words()
                    ));
                }
                if patience.is_over() {
                    return Err(format!(
                        "broker {} is not ready after {} s: {:?}; {}",
                        broker.id,
                        patience.elapsed().as_secs(),
                        broker.get("/readyz").map(|(_, body)| body),
                        broker.last_words()
                    ));
                }
                sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }
}

/// An empty folder at `path`.
///
/// # Errors
/// When the system refuses.
pub(crate) fn empty_folder(path: &Path) -> Result<(), String> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    fs::create_dir_all(path).map_err(|e| format!("{}: {e}", path.display()))
}
