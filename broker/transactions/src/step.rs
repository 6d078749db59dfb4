//! What a handler has at hand during one step: time, settings, and where effects go.
//! It holds no state of a transactional id.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::{Instant, Now};
use kring_wire::LeaderEpoch;

use crate::engine::Counters;
use crate::event::{Append, MarkerId, Token, TransactionOut};
use crate::live::{Live, Pending, Then};
use crate::markers::Markers;
use crate::record;
use crate::stored::{Producer, Stored};
use crate::{TransactionConfig, TransactionResponse, WriteMarker};

/// The surroundings of one step in one partition that is led here.
pub(crate) struct Step<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a TransactionConfig,
    pub(crate) partition: i32,
    pub(crate) epoch: LeaderEpoch,
    pub(crate) counters: &'a mut Counters,
    /// Whose appends are under way.
    pub(crate) appends: &'a mut BTreeMap<Token, String>,
    /// Whose markers are under way.
    pub(crate) markers: &'a mut BTreeMap<MarkerId, String>,
    pub(crate) out: &'a mut TransactionOut,
}

/// A record to append.
pub(crate) struct Change {
    /// `None` forgets the id.
    pub(crate) value: Option<Stored>,
    /// Who may repeat the request that asked for it.
    pub(crate) last: Option<Producer>,
}

impl Step<'_> {
    /// Answers request `id`, once.
    pub(crate) fn respond(&mut self, id: u64, response: TransactionResponse) {
        self.out.responses.push((id, response));
    }

    /// The instant `ms` from now.
    pub(crate) fn after_ms(&self, ms: u64) -> Instant {
        self.now.mono + Duration::from_millis(ms)
    }

    /// Appends what a client asked for; it gets `response` when that is stored.
    pub(crate) fn store_for(
        &mut self,
        (id, response): (u64, TransactionResponse),
        name: &str,
        change: Change,
        live: &mut Live,
    ) {
        let then = Then::Respond { id, response };
        self.store(name, change, then, false, live);
    }

    /// Appends what the engine decided itself.
    pub(crate) fn store_own(&mut self, name: &str, change: Change, then: Then, live: &mut Live) {
        self.store(name, change, then, true, live);
    }

    fn store(&mut self, name: &str, change: Change, then: Then, is_own: bool, live: &mut Live) {
        // TXN-2: whoever comes while a change is under way is told to try again.
        assert!(live.pending.is_none(), "one change at a time");
        let token = Token {
            partition: self.partition,
            number: self.counters.next_token,
        };
        self.counters.next_token += 1;
        self.out.appends.push(Append {
            partition: self.partition,
            token,
            records: vec![record::encode(name, change.value.as_ref())],
        });
        self.appends.insert(token, name.to_owned());
        let waits = matches!(then, Then::Respond { .. });
        live.pending = Some(Pending {
            value: change.value,
            last: change.last,
            then,
            respond_by: waits.then(|| self.after_ms(self.config.append_timeout_ms)),
            is_own,
        });
    }

    /// What is missing of the markers of `stored`, all of it for the first time.
    pub(crate) fn begin_markers(&mut self, name: &str, stored: &Stored) -> Markers {
        let id = MarkerId(self.counters.next_marker);
        self.counters.next_marker += 1;
        self.markers.insert(id, name.to_owned());
        Markers::new(id, &stored.topics, self.now.mono)
    }

    /// Sends the markers whose time has come.
    pub(crate) fn send_due(&mut self, stored: &Stored, markers: &mut Markers) {
        // At least 1: an attempt that is due again at once would have no end.
        let again_at = self.after_ms(self.config.marker_timeout_ms.max(1));
        let topics = markers.take_due(self.now.mono, again_at);
        if topics.is_empty() {
            return;
        }
        // TXN-3: outcome, producer id and epoch are those of the record below the high watermark.
        self.out.markers.push(WriteMarker {
            id: markers.id(),
            producer_id: stored.producer.id,
            producer_epoch: stored.producer.epoch,
            coordinator_epoch: self.epoch,
            commit: stored.state.outcome() == Some(true),
            version: stored.client_version,
            topics,
        });
    }
}
