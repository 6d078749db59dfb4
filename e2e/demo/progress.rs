//! One line that says how far load and roll are.
//! On a terminal it is overwritten; in a log it is written when the roll has moved.

use std::io::{IsTerminal, Write, stdout};

use kring_crds::kafka_cluster::RolloutStatus;

/// The line that was shown last.
#[derive(Default)]
pub(crate) struct Progress {
    shown: String,
}

impl Progress {
    pub(crate) fn show(&mut self, load: &str, rollout: &RolloutStatus) {
        let roll = match &rollout.grant {
            Some(grant) => format!(
                "roll {}: {}",
                rollout.progress,
                grant.message.as_deref().unwrap_or("")
            ),
            None => format!("roll {}", rollout.progress),
        };
        if stdout().is_terminal() {
            print!("\r\x1b[K   {load} · {roll}");
            let _ = stdout().flush();
        } else if roll != self.shown {
            println!("   {load} · {roll}");
        }
        self.shown = roll;
    }

    /// Leaves the last line standing.
    pub(crate) fn end(&mut self) {
        if stdout().is_terminal() {
            println!();
        }
    }
}
