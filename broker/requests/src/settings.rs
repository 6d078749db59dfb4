//! The settings of a topic or broker with their values, and where each value comes from.
//! Which settings exist is the controller's table; what changes them is `incremental_alter_configs`.

use std::collections::BTreeMap;

use kring_admin_api::ConfigType;
use kring_controller::config_schema::{self, Definition};
use kring_io::BrokerId;

use crate::broker::Broker;
use crate::config::NodeSetting;

/// Where a value comes from, with Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Set on the topic.
    Topic,
    /// Set on one broker while it ran.
    Broker,
    /// Set on all brokers while they ran.
    Cluster,
    /// In the broker's own configuration.
    Static,
    /// Built in.
    Default,
}

impl Source {
    /// Kafka's `ConfigSource`.
    pub(crate) fn code(self) -> i8 {
        match self {
            Source::Topic => 1,
            Source::Broker => 2,
            Source::Cluster => 3,
            Source::Static => 4,
            Source::Default => 5,
        }
    }
}

/// Kafka's `ConfigType`.
pub(crate) fn type_code(value_type: ConfigType) -> i8 {
    match value_type {
        ConfigType::Boolean => 1,
        ConfigType::String => 2,
        ConfigType::Int => 3,
        ConfigType::Long => 5,
        ConfigType::Double => 6,
        ConfigType::List => 7,
    }
}

/// A value at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The key at that place.
    pub(crate) name: String,
    /// The value there.
    pub(crate) value: String,
    /// Which place.
    pub(crate) source: Source,
}

/// A setting with the value that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its key.
    pub(crate) name: String,
    /// The value that holds, none when nothing is set and there is no default.
    pub(crate) value: Option<String>,
    /// Where that value comes from.
    pub(crate) source: Source,
    /// Whether it cannot be changed while brokers run.
    pub(crate) read_only: bool,
    /// Type of its value.
    pub(crate) value_type: ConfigType,
    /// What it does.
    pub(crate) doc: String,
    /// Every place that has a value; the first holds.
    pub(crate) synonyms: Vec<Placed>,
}

impl Setting {
    fn new(key: &Definition, synonyms: Vec<Placed>, read_only: bool) -> Setting {
        let holds = synonyms.first();
        Setting {
            name: key.name.to_owned(),
            value: holds.map(|placed| placed.value.clone()),
            source: holds.map_or(Source::Default, |placed| placed.source),
            read_only,
            value_type: key.value_type,
            doc: key.doc.to_owned(),
            synonyms,
        }
    }
}

fn placed(name: &str, value: Option<&str>, source: Source) -> Option<Placed> {
    value.map(|value| Placed {
        name: name.to_owned(),
        value: value.to_owned(),
        source,
    })
}

/// Every setting of a topic whose own values are `own`.
pub(crate) fn of_topic(broker: &Broker, own: &BTreeMap<String, String>) -> Vec<Setting> {
    let image = broker.image();
    config_schema::topic_keys()
        .map(|key| {
            let broker_key = key.broker_key.unwrap_or(key.name);
            let cluster = image.cluster_config.get(broker_key);
            let here = image.broker_configs.get(&broker.id());
            let here = here.and_then(|here| here.get(broker_key));
            let fixed = broker.cluster_defaults.topic_config.get(key.name);
            let synonyms = [
                placed(
                    key.name,
                    own.get(key.name).map(String::as_str),
                    Source::Topic,
                ),
                placed(broker_key, here.map(String::as_str), Source::Broker),
                placed(broker_key, cluster.map(String::as_str), Source::Cluster),
                placed(broker_key, fixed.map(String::as_str), Source::Static),
                placed(broker_key, key.default, Source::Default),
            ];
            Setting::new(key, synonyms.into_iter().flatten().collect(), false)
        })
        .collect()
}

/// Every setting of this broker.
pub(crate) fn of_broker(broker: &Broker) -> Vec<Setting> {
    let image = broker.image();
    let own = image.broker_configs.get(&broker.id());
    let fixed = broker.config.static_values();
    let of_engine = config_schema::broker_keys().map(|key| {
        let dynamic = own.and_then(|own| own.get(key.name));
        let cluster = image.cluster_config.get(key.name);
        let topic_key = config_schema::topic_keys().find(|t| t.broker_key == Some(key.name));
        let of_topics = topic_key.and_then(|t| broker.config.topic_defaults.get(t.name));
        let fixed = fixed.get(key.name).or(of_topics);
        // What stands in the file as it is built in changes nothing.
        let fixed = fixed.filter(|value| key.default != Some(value.as_str()));
        let synonyms = [
            placed(key.name, dynamic.map(String::as_str), Source::Broker),
            placed(key.name, cluster.map(String::as_str), Source::Cluster),
            placed(key.name, fixed.map(String::as_str), Source::Static),
            placed(key.name, key.default, Source::Default),
        ];
        let synonyms = synonyms.into_iter().flatten().collect();
        Setting::new(key, synonyms, key.requires_restart)
    });
    let of_node = broker.config.node_settings.iter().map(node_setting);
    of_engine.chain(of_node).chain(derived(broker)).collect()
}

/// What Kafka has settings for and this broker knows from others.
fn derived(broker: &Broker) -> [Setting; 2] {
    let is_voter = broker
        .config
        .voters
        .iter()
        .any(|(id, _)| *id == broker.id());
    let roles = if is_voter {
        "broker,controller"
    } else {
        "broker"
    };
    let setting = |name: &str, value: String, value_type, doc: &str| Setting {
        name: name.to_owned(),
        synonyms: placed(name, Some(&value), Source::Static)
            .into_iter()
            .collect(),
        value: Some(value),
        source: Source::Static,
        read_only: true,
        value_type,
        doc: doc.to_owned(),
    };
    let id = broker.id().0.to_string();
    [
        setting(
            "broker.id",
            id,
            ConfigType::Int,
            "What `node.id` says, by its older name.",
        ),
        setting(
            "process.roles",
            roles.to_owned(),
            ConfigType::List,
            "Whether this broker has a vote in the metadata quorum, which `controller.quorum.voters` says.",
        ),
    ]
}

fn node_setting(setting: &NodeSetting) -> Setting {
    let NodeSetting { key, value } = setting;
    let value = value.as_deref().filter(|_| *value != key.default);
    let synonyms = [
        placed(&key.name, value, Source::Static),
        placed(&key.name, key.default.as_deref(), Source::Default),
    ];
    let synonyms: Vec<Placed> = synonyms.into_iter().flatten().collect();
    let holds = synonyms.first();
    Setting {
        name: key.name.clone(),
        value: holds.map(|placed| placed.value.clone()),
        source: holds.map_or(Source::Default, |placed| placed.source),
        read_only: true,
        value_type: key.value_type,
        doc: key.doc.clone(),
        synonyms,
    }
}

/// The settings that were set on all brokers while they ran.
pub(crate) fn of_cluster(broker: &Broker) -> Vec<Setting> {
    let set = &broker.image().cluster_config;
    config_schema::broker_keys()
        .filter_map(|key| {
            let value = set.get(key.name)?;
            let synonyms = placed(key.name, Some(value), Source::Cluster);
            Some(Setting::new(key, synonyms.into_iter().collect(), false))
        })
        .collect()
}

/// Whether `id` is the broker that answers for its own settings.
pub(crate) fn is_own(broker: &Broker, id: BrokerId) -> bool {
    broker.id() == id
}
