//! Worker threads that carry out what may block, a queue for each sort of work.
//! It knows neither the order of operations nor who waits for them.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::bounce::Bounce;
use crate::job::{Finished, Job, Lane};
use crate::mailbox::Mailbox;

/// Journal writes that may be on the device at once where no ring carries them.
const JOURNAL_THREADS: usize = 2;
/// Cold reads at once.
const READ_THREADS: usize = 2;
/// Lazy writes, syncs and names at once.
const REST_THREADS: usize = 2;
/// Workers call the kernel and little else.
const STACK_BYTES: usize = 128 * 1024;

/// The threads of a driver. Dropping it finishes what was submitted.
pub(crate) struct Pool {
    /// None only while it is dropped.
    lanes: Option<Lanes>,
    threads: Vec<JoinHandle<()>>,
}

struct Lanes {
    /// None where a ring carries journal blocks.
    journal: Option<Sender<Job>>,
    read: Sender<Job>,
    rest: Sender<Job>,
}

impl Pool {
    /// Starts the threads; `with_journal` is false where a ring carries journal blocks.
    pub(crate) fn start(
        root: &Path,
        mailbox: &Arc<Mailbox>,
        with_journal: bool,
    ) -> std::io::Result<Pool> {
        let mut threads = Vec::new();
        let mut lane = |name: &str, count: usize| -> std::io::Result<Sender<Job>> {
            let (sender, receiver) = mpsc::channel();
            let receiver = Arc::new(Mutex::new(receiver));
            for n in 0..count {
                let receiver = Arc::clone(&receiver);
                let mailbox = Arc::clone(mailbox);
                let root = root.to_owned();
                let thread = thread::Builder::new()
                    .name(format!("kring-io-{name}{n}"))
                    .stack_size(STACK_BYTES)
                    .spawn(move || work(&receiver, &root, &mailbox))?;
                threads.push(thread);
            }
            Ok(sender)
        };
        let journal = if with_journal {
            Some(lane("j", JOURNAL_THREADS)?)
        } else {
            None
        };
        let lanes = Lanes {
            journal,
            read: lane("r", READ_THREADS)?,
            rest: lane("w", REST_THREADS)?,
        };
        Ok(Pool {
            lanes: Some(lanes),
            threads,
        })
    }

    /// Queues a job.
    pub(crate) fn submit(&self, job: Job) {
        let lanes = self.lanes.as_ref().expect("taken only by drop");
        let lane = match job.lane() {
            Lane::Journal => lanes.journal.as_ref().unwrap_or(&lanes.rest),
            Lane::Read => &lanes.read,
            Lane::Rest => &lanes.rest,
        };
        lane.send(job)
            .expect("workers end only after their queue is dropped");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.lanes = None;
        for thread in self.threads.drain(..) {
            // A worker that panicked has already said so on standard error.
            let _ = thread.join();
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>, root: &Path, mailbox: &Mailbox) {
    let mut bounce = Bounce::default();
    loop {
        // The lock is held while waiting: the others of this lane wait for the lock instead.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let finished: Finished = job.run(root, &mut bounce);
        mailbox.post(finished);
    }
}
