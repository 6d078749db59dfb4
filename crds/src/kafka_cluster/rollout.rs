//! The state of a rollout as it stands in the cluster's status.
//! It is only data: `kring-rollout` moves it, one transition per reconcile.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A restart of brokers, one after the other. All of the state machine's memory is here, so that an
/// operator that starts anew goes on where the last one was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStatus {
    /// Grows by one with each rollout.
    #[serde(default)]
    pub id: i64,
    /// Grows with each order to the brokers that differs from the one before: to hand over, or to lead
    /// again. It is written before the order is given, and brokers refuse an order with a smaller one.
    #[serde(default)]
    pub maintenance_epoch: i64,
    /// Why brokers are restarted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Brokers this rollout restarts.
    #[serde(default)]
    pub total: i32,
    /// Brokers that are through.
    #[serde(default)]
    pub done: i32,
    /// For people: `1/3: 2 Drain` (broker 2 drains), or `3/3`.
    #[serde(default)]
    pub progress: String,
    /// The one broker that may be down, and what it is at. Written before anything is done to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// Brokers that are through, with the time each spent in each phase.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub brokers: Vec<RolledBroker>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<MicroTime>,
    /// When its last broker was done; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<MicroTime>,
}

/// The right to restart one broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The broker.
    pub broker: i32,
    /// What it is at.
    pub phase: Phase,
    /// Since when.
    pub since: MicroTime,
    /// What the phase waits for, as a word for programs; absent when it waits for nothing special.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Process that is to be replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_boot_id: Option<String>,
    /// Disk that must come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_id: Option<String>,
    /// It handed over nothing because it served nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_down: bool,
    /// Time spent in the phases it is through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub times: Vec<PhaseTime>,
}

/// What a broker under a rollout is at.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Phase {
    /// Asking whether the cluster can do without it.
    #[default]
    PreCheck,
    /// It hands over its leaders and coordinators.
    Drain,
    /// Its pod is replaced.
    Stop,
    /// The new pod starts.
    Start,
    /// Asking whether it is the same broker with the same disk.
    Identity,
    /// It fetches what it missed, until it is in every ISR it was in.
    CatchUp,
    /// It leads again what prefers it.
    ReturnLeaders,
    /// It must serve well for a while.
    Soak,
}

impl Phase {
    /// The phase's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreCheck => "PreCheck",
            Self::Drain => "Drain",
            Self::Stop => "Stop",
            Self::Start => "Start",
            Self::Identity => "Identity",
            Self::CatchUp => "CatchUp",
            Self::ReturnLeaders => "ReturnLeaders",
            Self::Soak => "Soak",
        }
    }
}

/// Time spent in one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// Milliseconds in it; summed when it was entered more than once.
    pub milliseconds: i64,
}

/// A broker that is through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolledBroker {
    /// The broker.
    pub id: i32,
    /// Time spent in each phase.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub times: Vec<PhaseTime>,
    /// When it was done.
    pub finished_at: MicroTime,
}
