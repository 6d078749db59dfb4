//! IncrementalAlterConfigs, AlterConfigs and the cluster-wide settings: checked against the one table, stored as records.
//! What a setting does is the matter of whoever reads it.

use std::collections::{BTreeMap, BTreeSet};

use kring_admin_api::ConfigType;
use kring_wire::TopicId;

use super::Draft;
use crate::config_schema::{self, Definition};
use crate::error::ControllerError;
use crate::image::Record;
use crate::request::{
    AlterConfigs, ConfigOp, ConfigOpKind, ConfigResource, ControllerResponse, Each,
    ReplaceClusterConfig, ReplaceConfigs,
};

const MIN_ISR: &str = "min.insync.replicas";
/// What the controller and all replicas of a partition must agree about.
const CLUSTER_WIDE: [&str; 2] = [MIN_ISR, "unclean.leader.election.enable"];

impl Draft<'_> {
    pub(super) fn alter_configs(
        &mut self,
        resources: Vec<AlterConfigs>,
        validate_only: bool,
    ) -> Each<ConfigResource> {
        let mut results = Vec::with_capacity(resources.len());
        for AlterConfigs { resource, ops } in resources {
            let planned = self.plan(&resource, &ops);
            let result = planned.map(|config| {
                if !validate_only {
                    self.replace_config(&resource, &config);
                }
            });
            results.push((resource, result));
        }
        results
    }

    pub(super) fn replace_configs(
        &mut self,
        resources: Vec<ReplaceConfigs>,
        validate_only: bool,
    ) -> Each<ConfigResource> {
        let mut results = Vec::with_capacity(resources.len());
        for ReplaceConfigs { resource, config } in resources {
            let known = self.config_of(&resource).map(|_| ());
            let result = known.and_then(|()| check_config(&resource, &config));
            if result.is_ok() && !validate_only {
                self.replace_config(&resource, &config);
            }
            results.push((resource, result));
        }
        results
    }

    pub(super) fn set_cluster_config(
        &mut self,
        config: BTreeMap<String, String>,
    ) -> Result<ControllerResponse, ControllerError> {
        for (name, value) in &config {
            check_dynamic(name, Some(value))?;
        }
        self.replace_config(&ConfigResource::Cluster, &config);
        Ok(ControllerResponse::SetClusterConfig)
    }

    /// Refuses a change that was decided on while other settings were in force.
    pub(super) fn replace_cluster_config(
        &mut self,
        change: ReplaceClusterConfig,
    ) -> Result<ControllerResponse, ControllerError> {
        if self.image.cluster_config != change.replaces {
            let reason =
                "other settings are in force than are to be replaced; read them again".to_owned();
            return Err(ControllerError::Conflict { reason });
        }
        self.set_cluster_config(change.config)
    }

    /// The settings of a resource after the operations, checked.
    fn plan(
        &self,
        resource: &ConfigResource,
        ops: &[ConfigOp],
    ) -> Result<BTreeMap<String, String>, ControllerError> {
        let mut names = BTreeSet::new();
        if let Some(twice) = ops.iter().find(|op| !names.insert(&op.name)) {
            let reason = format!("{} stands more than once in the request", twice.name);
            return Err(ControllerError::InvalidRequest { reason });
        }
        let mut config = self.config_of(resource)?;
        for op in ops {
            let key = match resource {
                ConfigResource::Topic(_) => config_schema::topic_key(&op.name),
                ConfigResource::Broker(_) | ConfigResource::Cluster => {
                    config_schema::broker_key(&op.name)
                }
            };
            // An unknown key is refused below, with all known ones; removing it is allowed, as
            // kafka-reassign-partitions removes throttles it never set.
            let default = key.and_then(|key| self.inherited(resource, key));
            match changed(op, key, config.get(&op.name), default)? {
                Some(value) => config.insert(op.name.clone(), value),
                None => config.remove(&op.name),
            };
        }
        check_config(resource, &config)?;
        Ok(config)
    }

    fn config_of(
        &self,
        resource: &ConfigResource,
    ) -> Result<BTreeMap<String, String>, ControllerError> {
        match resource {
            ConfigResource::Topic(name) => {
                let topic = self.image.topic_by_name(name);
                let unknown = || ControllerError::UnknownTopic { name: name.clone() };
                topic.map(|t| t.config.clone()).ok_or_else(unknown)
            }
            ConfigResource::Broker(broker) if self.image.brokers.contains_key(broker) => {
                let config = self.image.broker_configs.get(broker);
                Ok(config.cloned().unwrap_or_default())
            }
            ConfigResource::Broker(broker) => {
                Err(ControllerError::UnknownBroker { broker: *broker })
            }
            ConfigResource::Cluster => Ok(self.image.cluster_config.clone()),
        }
    }

    /// What a list holds before words are added to it for the first time.
    fn inherited(&self, resource: &ConfigResource, key: &Definition) -> Option<String> {
        match resource {
            ConfigResource::Topic(_) => self.image.default_topic_setting(key.name, self.defaults()),
            ConfigResource::Broker(_) => self.image.cluster_config.get(key.name).cloned(),
            ConfigResource::Cluster => None,
        }
        .or_else(|| key.default.map(str::to_owned))
    }

    fn replace_config(&mut self, resource: &ConfigResource, config: &BTreeMap<String, String>) {
        let Ok(before) = self.config_of(resource) else {
            return;
        };
        let names: BTreeSet<&String> = before.keys().chain(config.keys()).collect();
        let names = names
            .into_iter()
            .filter(|n| before.get(*n) != config.get(*n));
        let names: Vec<String> = names.cloned().collect();
        let min_isr_changes = names.iter().any(|name| name == MIN_ISR);
        for name in names {
            self.push(Record::Config {
                resource: resource.clone(),
                value: config.get(&name).cloned(),
                name,
            });
        }
        // Eligible replicas are so because the high watermark stands still. Where the ISR is no
        // longer too small it may move, so the same entry must end their eligibility.
        if min_isr_changes {
            self.settle_partitions(resource);
        }
        self.cut();
    }

    fn settle_partitions(&mut self, resource: &ConfigResource) {
        let only: Option<TopicId> = match resource {
            ConfigResource::Topic(name) => self.image.by_name.get(name).copied(),
            ConfigResource::Broker(_) | ConfigResource::Cluster => None,
        };
        let eligible = self.image.partitions().filter(|(partition, state)| {
            !state.eligible.is_empty() && only.is_none_or(|id| id == partition.topic)
        });
        let eligible: Vec<_> = eligible.map(|(partition, _)| partition).collect();
        for partition in eligible {
            self.revise_in_entry(partition, |_| ());
        }
    }
}

/// Checks all settings of a resource together.
fn check_config(
    resource: &ConfigResource,
    config: &BTreeMap<String, String>,
) -> Result<(), ControllerError> {
    match resource {
        ConfigResource::Topic(_) => config_schema::check_topic_config(config)
            .map_err(|reason| ControllerError::InvalidConfig { reason })?,
        ConfigResource::Broker(_) | ConfigResource::Cluster => {
            for (name, value) in config {
                check_dynamic(name, Some(value))?;
            }
        }
    }
    if let ConfigResource::Broker(broker) = resource
        && let Some(name) = CLUSTER_WIDE.iter().find(|name| config.contains_key(**name))
    {
        let reason = format!(
            "{name} is one for the whole cluster; set it on all brokers (the default entity), not on broker {broker}"
        );
        return Err(ControllerError::InvalidConfig { reason });
    }
    Ok(())
}

fn check_dynamic(name: &str, value: Option<&str>) -> Result<(), ControllerError> {
    let fixed = config_schema::broker_key(name).is_some_and(|key| key.requires_restart);
    config_schema::check_dynamic_broker_config(name, value).map_err(|reason| match fixed {
        true => ControllerError::InvalidRequest { reason },
        false => ControllerError::InvalidConfig { reason },
    })
}

/// The value of one key after an operation; `None`: the default.
fn changed(
    op: &ConfigOp,
    key: Option<&Definition>,
    current: Option<&String>,
    default: Option<String>,
) -> Result<Option<String>, ControllerError> {
    let invalid = |reason: String| Err(ControllerError::InvalidConfig { reason });
    if op.kind == ConfigOpKind::Delete {
        return Ok(None);
    }
    let Some(value) = &op.value else {
        let reason = format!("{}: no value is given", op.name);
        return Err(ControllerError::InvalidRequest { reason });
    };
    if op.kind == ConfigOpKind::Set {
        return Ok(Some(value.clone()));
    }
    if key.is_none_or(|key| key.value_type != ConfigType::List) {
        let name = &op.name;
        return invalid(format!(
            "{name} is no list, so nothing can be added or removed"
        ));
    }
    let current = current.cloned().or(default).unwrap_or_default();
    let mut words: Vec<&str> = config_schema::words(&current).collect();
    for word in config_schema::words(value) {
        let position = words.iter().position(|known| *known == word);
        match (op.kind, position) {
            (ConfigOpKind::Append, None) => words.push(word),
            (ConfigOpKind::Subtract, Some(position)) => {
                words.remove(position);
            }
            _ => {}
        }
    }
    Ok(Some(words.join(",")))
}
