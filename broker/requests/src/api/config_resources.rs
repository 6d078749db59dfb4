//! What AlterConfigs and IncrementalAlterConfigs share: which resources a request names, and what became
//! of each. What is changed on them is a matter of each API.

use std::collections::{BTreeMap, BTreeSet};

use kring_controller::request::ConfigResource;
use kring_controller::{ControllerError, ControllerResponse};
use kring_io::BrokerId;

use crate::resource;
use crate::route::controller::Answered;

/// A resource of the request as the client named it, and what it means.
pub(super) struct Asked {
    pub(super) resource_type: i8,
    pub(super) name: String,
    pub(super) meant: Result<ConfigResource, ControllerError>,
}

/// The resources of a request, and for each what `change` makes of it. As in Kafka, one that stands
/// more than once is refused each time.
pub(super) fn asked<R, C>(
    resources: Vec<R>,
    named: impl Fn(&R) -> (i8, String),
    change: impl Fn(ConfigResource, R) -> Result<C, ControllerError>,
) -> (Vec<Asked>, Vec<C>) {
    let mut once = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for resource in &resources {
        let named = named(resource);
        if !once.insert(named.clone()) {
            twice.insert(named);
        }
    }
    let mut asked = Vec::with_capacity(resources.len());
    let mut changes = Vec::with_capacity(resources.len());
    for resource in resources {
        let (resource_type, name) = named(&resource);
        let known = if twice.contains(&(resource_type, name.clone())) {
            Err(invalid(format!(
                "resource {name:?} stands more than once in the request"
            )))
        } else {
            meaning(resource_type, &name)
        };
        let meant = known.and_then(|known| {
            changes.push(change(known.clone(), resource)?);
            Ok(known)
        });
        asked.push(Asked {
            resource_type,
            name,
            meant,
        });
    }
    (asked, changes)
}

/// What became of each, with Kafka's code and a sentence.
pub(super) fn outcomes(
    asked: Vec<Asked>,
    answered: Answered,
) -> impl Iterator<Item = (i8, String, Result<(), ControllerError>)> {
    let (mut results, overall) = match answered {
        Ok(ControllerResponse::AlterConfigs(each)) => (each.into_iter().collect(), None),
        Ok(_) => (BTreeMap::new(), Some(ControllerError::NoController)),
        Err(error) => (BTreeMap::new(), Some(error)),
    };
    asked.into_iter().map(move |asked| {
        let result = asked.meant.and_then(|resource| match &overall {
            Some(error) => Err(error.clone()),
            None => results.remove(&resource).unwrap_or(Ok(())),
        });
        (asked.resource_type, asked.name, result)
    })
}

pub(super) fn invalid(reason: String) -> ControllerError {
    ControllerError::InvalidRequest { reason }
}

fn meaning(resource_type: i8, name: &str) -> Result<ConfigResource, ControllerError> {
    match resource_type {
        resource::TOPIC => Ok(ConfigResource::Topic(name.to_owned())),
        resource::BROKER if name.is_empty() => Ok(ConfigResource::Cluster),
        resource::BROKER => match name.parse() {
            Ok(id) => Ok(ConfigResource::Broker(BrokerId(id))),
            Err(_) => Err(invalid(format!("{name:?} is not the number of a broker"))),
        },
        other => Err(invalid(format!(
            "settings of resource type {other} cannot be changed here; topics (2) and brokers (4) can"
        ))),
    }
}
