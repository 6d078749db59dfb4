//! What would happen if some brokers stopped together: asked before each step of a rollout.
//! It promises nothing: brokers that it does not name may fail too.

use kring_admin_api::RestartCheck;
use kring_io::BrokerId;

use super::list::risk;
use crate::config::ClusterDefaults;
use crate::image::{ClusterImage, PartitionImage};

/// Counts what the stop of `brokers` would harm and what is not harmed already.
pub(crate) fn restart_check(
    image: &ClusterImage,
    defaults: &ClusterDefaults,
    brokers: &[BrokerId],
    quorum_lost: bool,
) -> RestartCheck {
    let stops = |b: &BrokerId| brokers.contains(b);
    let alive = |b: &&BrokerId| image.brokers.get(b).is_some_and(|b| !b.fenced);
    let several = |p: &PartitionImage| p.replicas.len() > 1;
    let stays = |ids: &[BrokerId]| ids.iter().filter(alive).any(|b| !stops(b));
    RestartCheck {
        unavailable: risk(image, |_, p| {
            several(p) && p.leader.is_some() && !stays(&p.isr) && !stays(&p.eligible)
        }),
        below_min_isr: risk(image, |topic, p| {
            let min_isr = image.effective_min_isr(topic.id, p, defaults);
            let left = p.isr.iter().filter(|b| !stops(b)).count();
            several(p) && p.isr.len() >= min_isr && left < min_isr
        }),
        single_replica: risk(image, |_, p| !several(p) && p.replicas.iter().any(stops)),
        acks1_loss: risk(image, |_, p| {
            several(p) && p.leader.is_some_and(|l| stops(&l)) && !stays(&p.isr)
        }),
        quorum_lost,
    }
}
