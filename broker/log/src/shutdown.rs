//! The orderly end: everything to segments, a checkpoint, and a last block that says so.
//! A crash is no case of its own: recovery takes whatever is there.

use kring_io::{Effects, Now};

use crate::Log;
use crate::event::LogEvent;
use crate::journal::record::Change;
use crate::log::Phase;
use crate::lsn::Lsn;

impl Log {
    /// Refuses further changes, moves everything to segments, takes a checkpoint, marks the journal
    /// clean; then [`LogEvent::Stopped`]. Where the disk is full the journal keeps what could not
    /// be moved. Before recovery has ended there is nothing to keep.
    pub fn shutdown(&mut self, now: Now, out: &mut Effects) {
        match self.phase {
            Phase::Running => {
                self.phase = Phase::Stopping;
                self.checkpoint.wanted = true;
                self.stopping = Stopping::Checkpoint;
                self.submit(now, out);
            }
            Phase::New | Phase::Recovering | Phase::Starting | Phase::MakingRoom => {
                self.phase = Phase::Stopped;
                self.events.push(LogEvent::Stopped);
                out.wake_at(now.mono);
            }
            Phase::Stopping | Phase::Stopped | Phase::Failed => {}
        }
    }

    /// Goes on with the shutdown.
    pub(crate) fn advance_shutdown(&mut self, now: Now, out: &mut Effects) {
        if self.phase != Phase::Stopping {
            return;
        }
        match self.stopping {
            Stopping::Checkpoint => {
                let disk_full = self.room.lacking().is_some();
                let taken = !self.checkpoint.wanted && !self.checkpoint.is_running();
                if !(taken || disk_full) {
                    return;
                }
                let Some(journal) = self.journal.as_mut() else {
                    return;
                };
                match journal.push_change(&Change::Clean) {
                    Ok(lsn) => {
                        self.stopping = Stopping::Mark(lsn);
                        self.submit(now, out);
                    }
                    Err(_) => self.journal_full(),
                }
            }
            Stopping::Mark(lsn) if self.durable_lsn() >= lsn => {
                self.phase = Phase::Stopped;
                self.events.push(LogEvent::Stopped);
            }
            Stopping::Mark(_) => {}
        }
    }
}

/// How far a shutdown is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stopping {
    /// Until a checkpoint is taken.
    #[default]
    Checkpoint,
    /// Until the last block is durable.
    Mark(Lsn),
}
