//! The questions put to the brokers in one round, and what they answered.
//! A question without an answer is none; the decisions treat it as "not known".

use std::collections::BTreeMap;

use futures::future::join_all;
use kring_admin_api::{
    BrokerList, Health, Identity, MaintenanceRequest, MaintenanceStatus, RestartCheckRequest,
    ReturnLeadersRequest,
};
use kring_admin_client::{Brokers, Error};
use kring_crds::kafka_cluster::RolloutStatus;
use kring_rollout::{Answers, Ask, MAINTENANCE_TTL_S, asks};

use super::observe::Observed;

/// What the brokers say about themselves and the cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    /// Who answers at each pod.
    pub(super) identities: BTreeMap<i32, Identity>,
    /// The brokers as the active controller sees them.
    pub(super) list: Option<BrokerList>,
    /// The partitions of the cluster.
    pub(super) health: Option<Health>,
}

/// Asks all brokers at once.
pub(super) async fn live(brokers: &Brokers, observed: &Observed) -> Live {
    let identities = join_all(
        observed
            .pods
            .keys()
            .map(|id| async move { Some((*id, known(brokers.identity(*id).await)?)) }),
    );
    let (identities, list, health) = futures::join!(identities, brokers.list(), brokers.health());
    Live {
        identities: identities.into_iter().flatten().collect(),
        list: known(list),
        health: known(health),
    }
}

/// Puts the rollout's questions, which follow from the status that was written in an earlier round.
pub(super) async fn answers(brokers: &Brokers, status: &RolloutStatus) -> Answers {
    let mut answers = Answers::default();
    for ask in asks(status) {
        match ask {
            Ask::RestartCheck { broker } => {
                let request = RestartCheckRequest {
                    brokers: vec![broker],
                };
                answers.restart_check = known(brokers.restart_check(&request).await);
            }
            Ask::HandOver { broker, epoch } => {
                let answer = brokers.maintenance(&maintenance(broker, true, epoch)).await;
                answers.epoch_in_force = in_force(brokers, broker, &answer).await;
                answers.maintenance = known(answer);
            }
            Ask::Resume { broker, epoch } => {
                let answer = brokers
                    .maintenance(&maintenance(broker, false, epoch))
                    .await;
                answers.epoch_in_force = in_force(brokers, broker, &answer).await;
                answers.resumed = known(answer).is_some_and(|status| !status.on);
            }
            Ask::ReturnLeaders { broker, batch } if answers.resumed => {
                let request = ReturnLeadersRequest { broker, batch };
                answers.return_leaders = known(brokers.return_leaders(&request).await);
            }
            Ask::ReturnLeaders { .. } => {}
        }
    }
    answers
}

/// Where an order was refused: the epoch that the controller knows instead.
async fn in_force(
    brokers: &Brokers,
    broker: i32,
    answer: &Result<MaintenanceStatus, Error>,
) -> Option<i64> {
    let refused = answer.as_ref().is_err_and(Error::is_conflict);
    if !refused {
        return None;
    }
    Some(known(brokers.maintenance_status(broker).await)?.epoch)
}

fn maintenance(broker: i32, on: bool, epoch: i64) -> MaintenanceRequest {
    MaintenanceRequest {
        broker,
        on,
        epoch,
        ttl_s: MAINTENANCE_TTL_S,
    }
}

fn known<T>(answer: Result<T, Error>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            // While pods start and stop this is ordinary; a refusal is not.
            if error.is_temporary() {
                tracing::debug!(%error, "a broker did not answer");
            } else {
                tracing::warn!(%error, "a broker refused");
            }
            None
        }
    }
}
