//! What the log says, given to whoever waits for it.
//! It starts no disk operation of its own.

use bytes::Bytes;
use kring_io::{DiskDone, Now};
use kring_log::{LogEvent, ReadError, ReadId};

use super::reads::Reader;
use crate::api::{delete_records, list_offsets};
use crate::broker::Broker;
use crate::event::Output;
use crate::{fetch, produce};

impl Broker {
    /// Takes a completion of the disk.
    pub(crate) fn disk_done(&mut self, now: Now, done: DiskDone, out: &mut Output) {
        let mut events = Vec::new();
        self.log.on_disk(now, done, &mut out.effects, &mut events);
        self.log_events(now, events, out);
    }

    /// Runs what is due in the log.
    pub(crate) fn wake_log(&mut self, now: Now, out: &mut Output) {
        let mut events = Vec::new();
        self.log.on_wake(now, &mut out.effects, &mut events);
        self.log_events(now, events, out);
    }

    fn log_events(&mut self, now: Now, events: Vec<LogEvent>, out: &mut Output) {
        for event in events {
            self.log_event(now, event, out);
        }
    }

    fn log_event(&mut self, now: Now, event: LogEvent, out: &mut Output) {
        match event {
            LogEvent::Recovered(recovered) => self.recovered(now, recovered, out),
            LogEvent::Durable { lsn, partitions } => {
                self.give_back_durable_token();
                produce::durable(self, now, lsn, out);
                self.replicas_durable(now, &partitions, out);
                delete_records::answer_ready(self, out);
            }
            LogEvent::ReadDone { id, result } => {
                self.fetch.disk_freed();
                self.read_done(now, id, result, out);
            }
            LogEvent::LookupDone { id, result } => {
                if let Some(Reader::ListOffsets { request, slot }) = self.reads.take(id) {
                    list_offsets::lookup_done(self, request, slot, result, out);
                }
            }
            LogEvent::LogStartMoved { tp, .. } => {
                fetch::wake(self, tp);
                self.replicas_log_start_moved(now, tp, out);
            }
            LogEvent::Damaged { tp, .. } => self.damage_found(now, tp),
            LogEvent::Failed(failure) => {
                tracing::error!(%failure, "the log failed");
                out.fatal = Some(failure.to_string());
            }
            LogEvent::Stopped => out.stopped = true,
        }
    }

    fn read_done(
        &mut self,
        now: Now,
        id: ReadId,
        result: Result<Vec<Bytes>, ReadError>,
        out: &mut Output,
    ) {
        match self.reads.take(id) {
            Some(Reader::Fetch { fetch, slot }) => fetch::read_done(self, fetch, slot, result),
            Some(Reader::Coordinator(place)) => {
                self.coordinator_read_done(now, place, result, out);
            }
            Some(Reader::ListOffsets { .. }) => {
                tracing::error!("a timestamp look-up was answered as a read");
            }
            None => self.replicas_read_done(now, id, result, out),
        }
    }
}
