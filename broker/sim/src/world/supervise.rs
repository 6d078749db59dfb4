//! What a supervisor and an operator outside of the world do to its processes: start, stop, kill, ask.
//! It decides nothing; whoever drives the world from outside does.

use kring_io::BrokerId;
use kring_requests::{AdminRequest, Event};

use super::{AdminAnswer, World};
use crate::machine::Machine;

impl World {
    /// From now on no process starts by itself.
    pub fn supervise(&mut self) {
        self.supervised = true;
    }

    /// One machine.
    pub fn machine(&mut self, broker: BrokerId) -> Option<&mut Machine> {
        self.machines.get_mut(&broker)
    }

    /// Starts a broker's process now, unless it runs.
    pub fn start_now(&mut self, broker: BrokerId) {
        self.start(broker);
    }

    /// Asks a process to end in order, as SIGTERM does.
    pub fn terminate(&mut self, broker: BrokerId) {
        self.trace.add(self.now, 20, i64::from(broker.0), &[]);
        self.with(broker, |machine, now, out| {
            machine.take(now, Event::Shutdown, out)
        });
    }

    /// Takes the power from a machine.
    pub fn power_off(&mut self, broker: BrokerId) {
        self.trace.add(self.now, 21, i64::from(broker.0), &[]);
        let machine = self.machines.get_mut(&broker);
        if let Some(machine) = machine.filter(|machine| machine.is_up()) {
            machine.lose_power();
            self.process_gone(broker);
        }
    }

    /// Puts a question to a broker's admin API; the answer, if one comes, is in
    /// [`World::take_answers`] under `id`.
    pub fn ask(&mut self, broker: BrokerId, id: u64, request: AdminRequest) {
        let text = format!("{request:?}");
        self.trace
            .add(self.now, 22, i64::from(broker.0), text.as_bytes());
        self.with(broker, |machine, now, out| {
            machine.take(now, Event::Admin { id, request }, out);
        });
    }

    /// Answers of the admin API since the last call.
    pub fn take_answers(&mut self) -> Vec<AdminAnswer> {
        std::mem::take(&mut self.answers)
    }

    /// Whether an answer waits to be taken.
    #[must_use]
    pub fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }
}
