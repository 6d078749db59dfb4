//! Simulated Kafka clients: plain state machines that send frames and record what they see.
//! They use `kafka-protocol` on the client's side, so that the broker's own codec is not checked against itself.

pub mod admin;
mod asker;
pub mod calls;
pub mod codec;
pub mod committed_reader;
pub mod consumer;
pub mod coordinator;
pub mod creator;
pub mod lister;
pub mod member;
pub mod metadata;
pub mod producer;
pub mod transactor;
pub mod trimmer;

use bytes::Bytes;
use kring_io::{BrokerId, Instant};

use crate::history::Happened;

/// Something that concerns a client.
#[derive(Clone, Debug)]
pub enum ClientEvent {
    /// An answer, without the four bytes of its length.
    Answer(Bytes),
    /// The broker's process died or restarted: what was under way there is unknown.
    Disconnected(BrokerId),
    /// Time has passed.
    Wake,
}

/// What a client asks of the world.
#[derive(Debug, Default)]
pub struct ClientOutput {
    /// Frames to brokers, without the four bytes of their length.
    pub sends: Vec<(BrokerId, Bytes)>,
    /// What it did and saw.
    pub happened: Vec<Happened>,
    /// When it wants to be woken.
    pub wake_at: Option<Instant>,
    /// Something that no client should see.
    pub complaints: Vec<String>,
}

/// A client.
pub trait Client: std::fmt::Debug {
    /// Reacts to an event.
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput);

    /// Stops new work; what was begun is finished.
    fn finish(&mut self);

    /// Whether nothing is under way.
    fn is_idle(&self) -> bool;
}
