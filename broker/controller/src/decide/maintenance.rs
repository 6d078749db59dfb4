//! Maintenance: a broker that will be restarted hands its leaderships over and gets no new ones.
//! When it ends by itself is the active controller's clock, not decided here.
//!
//! * A request with a smaller epoch than any before is refused: it was overtaken by a newer one.
//! * While one broker is in maintenance, another is taken only under the same epoch. The operator
//!   begins a new one with each order that differs from the last, so two are never drained at once.

use kring_admin_api::{MaintenanceStatus, Risk};
use kring_io::BrokerId;

use super::Draft;
use super::list::risk;
use crate::error::ControllerError;
use crate::image::{ClusterImage, Maintenance, Record};
use crate::request::ControllerResponse;

impl Draft<'_> {
    pub(super) fn maintain(
        &mut self,
        broker: BrokerId,
        on: bool,
        epoch: i64,
        ttl_s: u64,
    ) -> Result<ControllerResponse, ControllerError> {
        let known = self.image.brokers.get(&broker);
        let known = known.ok_or(ControllerError::UnknownBroker { broker })?;
        if epoch < self.image.maintenance_epoch {
            return Err(ControllerError::StaleMaintenanceEpoch {
                given: epoch,
                current: self.image.maintenance_epoch,
            });
        }
        if on && ttl_s == 0 {
            let reason = "ttl_s is 0; maintenance needs a time after which it ends".to_owned();
            return Err(ControllerError::InvalidRequest { reason });
        }
        // CTL-4: one epoch at a time, each with a time after which it ends by itself.
        let foreign = |(id, other): (&BrokerId, &crate::image::BrokerImage)| {
            let held = other.maintenance.filter(|m| m.epoch != epoch);
            held.filter(|_| *id != broker).map(|m| (*id, m.epoch))
        };
        if let Some((other, held)) = self.image.brokers.iter().find_map(foreign).filter(|_| on) {
            let reason =
                format!("broker {other} is in maintenance under epoch {held}; end that first");
            return Err(ControllerError::Conflict { reason });
        }
        let maintenance = on.then_some(Maintenance { epoch, ttl_s });
        if known.maintenance != maintenance || epoch > self.image.maintenance_epoch {
            self.push(Record::Maintenance {
                broker,
                maintenance,
                epoch,
            });
        }
        if on {
            self.hand_over(broker, self.config.move_batch);
        }
        Ok(ControllerResponse::Maintenance(maintenance_status(
            self.image, broker, ttl_s,
        )?))
    }

    /// Ends a maintenance that nobody repeated in time.
    pub(crate) fn expire_maintenance(&mut self, broker: BrokerId) {
        let epoch = self.image.maintenance_epoch;
        self.push(Record::Maintenance {
            broker,
            maintenance: None,
            epoch,
        });
    }
}

/// How far a hand-over is. `expires_in_s` is what the caller's clock says.
pub(crate) fn maintenance_status(
    image: &ClusterImage,
    broker: BrokerId,
    expires_in_s: u64,
) -> Result<MaintenanceStatus, ControllerError> {
    let known = image.brokers.get(&broker);
    let known = known.ok_or(ControllerError::UnknownBroker { broker })?;
    let count = image.count(broker);
    let takes = |b: &BrokerId| {
        let known = image.brokers.get(b);
        *b != broker && known.is_some_and(|b| b.may_lead() && b.maintenance.is_none())
    };
    let stuck: Risk = risk(image, |_, p| {
        p.leader == Some(broker) && !p.isr.iter().any(takes)
    });
    let on = known.maintenance.is_some();
    Ok(MaintenanceStatus {
        broker: broker.0,
        on,
        epoch: known
            .maintenance
            .map_or(image.maintenance_epoch, |m| m.epoch),
        expires_in_s: if on { expires_in_s } else { 0 },
        leaders: count.leaders,
        coordinators: count.coordinators,
        stuck_leaders: stuck,
    })
}
