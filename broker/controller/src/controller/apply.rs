//! From committed entries and snapshots to the image, and back to snapshots.
//! What is not committed is never applied here.

use bytes::Bytes;

use super::Controller;
use crate::encoding;
use crate::event::ControllerOut;
use crate::image::{ClusterImage, ImageChange, Record};
use crate::quorum::{Quorum, QuorumOut, StartError};

/// The image of the stored snapshot.
pub(super) fn restore(quorum: &Quorum) -> Result<ClusterImage, StartError> {
    let Some(snapshot) = quorum.snapshot() else {
        return Ok(ClusterImage::default());
    };
    encoding::decode(&snapshot.data).ok_or_else(|| StartError::Undecodable {
        key: "m/h".to_owned(),
    })
}

impl Controller {
    pub(super) fn apply_committed(&mut self, out: &mut ControllerOut) {
        let known = out.changes.len();
        while self.image.epoch < self.quorum.commit() {
            let index = self.image.epoch + 1;
            match self.quorum.entry(index) {
                Some(entry) => {
                    let payload = entry.payload.clone();
                    self.apply_entry(&payload, out);
                    self.image.epoch = index;
                }
                None => self.apply_snapshot(out),
            }
        }
        for change in &out.changes[known..] {
            if let ImageChange::Broker(id) = change
                && *id != self.config.id
                && let Some(broker) = self.image.brokers.get(id)
            {
                out.peers.push((*id, broker.peer_address.clone()));
            }
        }
    }

    fn apply_entry(&mut self, payload: &Bytes, out: &mut ControllerOut) {
        // A leader's first entry is empty.
        if payload.is_empty() {
            return;
        }
        // Going on without an entry that is committed would make this broker's image another one.
        let records: Vec<Record> = encoding::decode(payload).expect(
            "a committed entry can be decoded; use the version that the active controller has",
        );
        for record in records {
            self.image.apply(record, &mut out.changes);
        }
    }

    fn apply_snapshot(&mut self, out: &mut ControllerOut) {
        let snapshot = self.quorum.snapshot();
        let snapshot = snapshot.expect("what is committed is an entry or in the snapshot");
        let image: ClusterImage = encoding::decode(&snapshot.data).expect(
            "a committed snapshot can be decoded; use the version that the active controller has",
        );
        assert!(
            image.epoch == snapshot.end.index && image.epoch > self.image.epoch,
            "a snapshot holds the image of its index"
        );
        out.changes.extend(image.changes_since(&self.image));
        self.image = image;
    }

    /// Replaces the entries by a snapshot, when there are enough of them.
    pub(super) fn take_snapshot(&mut self, quorum_out: &mut QuorumOut) {
        let covered = self.quorum.snapshot().map_or(0, |s| s.end.index);
        if self.image.epoch - covered >= self.config.snapshot_entries.max(1) {
            let data = encoding::encode(&self.image);
            self.quorum.compact(self.image.epoch, data, quorum_out);
        }
    }
}
