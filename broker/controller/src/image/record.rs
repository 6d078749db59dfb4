//! The smallest changes of the cluster image, as they stand in the metadata log.
//! It checks nothing: a record is the outcome of a decision that was checked before.

use kring_io::BrokerId;
use kring_wire::{TopicId, TopicPartition};
use serde::{Deserialize, Serialize};

use super::{Maintenance, PartitionImage};
use crate::config::Registration;
use crate::request::ConfigResource;

/// One change. New kinds are added at the end: the position is the number in stored entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The cluster has this id.
    ClusterId(TopicId),
    /// A broker registered under this epoch, fenced. Its maintenance and decommission stay.
    RegisterBroker {
        /// What it told.
        registration: Registration,
        /// Its new epoch.
        epoch: i64,
    },
    /// A broker is forgotten.
    UnregisterBroker(BrokerId),
    /// A broker is fenced or unfenced.
    FenceBroker {
        /// Which.
        broker: BrokerId,
        /// Whether it is fenced from now on.
        fenced: bool,
    },
    /// A broker is about to stop.
    ShutDownBroker(BrokerId),
    /// Maintenance of a broker begins, changes or ends (`None`).
    Maintenance {
        /// Which.
        broker: BrokerId,
        /// Its maintenance from now on.
        maintenance: Option<Maintenance>,
        /// Epoch of the request; that of the image when it ends by itself.
        epoch: i64,
    },
    /// A broker is emptied, or no more.
    Decommission {
        /// Which.
        broker: BrokerId,
        /// On or off.
        on: bool,
    },
    /// A topic exists from now on, without partitions yet.
    Topic {
        /// Its id.
        id: TopicId,
        /// Its name.
        name: String,
    },
    /// A topic is gone, with its partitions and settings.
    RemoveTopic(TopicId),
    /// The whole state of a partition; the number after the last one adds a partition.
    Partition {
        /// Which.
        partition: TopicPartition,
        /// Its state.
        state: PartitionImage,
    },
    /// A setting has this value, or its default again (`None`).
    Config {
        /// Whose.
        resource: ConfigResource,
        /// The key.
        name: String,
        /// The value.
        value: Option<String>,
    },
    /// Producer ids below this are allocated.
    ProducerIds {
        /// The first free one.
        next: i64,
    },
}
