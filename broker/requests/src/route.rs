//! Between the engines: each file takes what one engine says and gives it to the others.
//! No file here decides what an engine should say.

pub(crate) mod controller;
pub(crate) mod coordinators;
pub(crate) mod groups;
pub(crate) mod log;
pub(crate) mod partitions;
pub(crate) mod peers;
pub(crate) mod persist;
pub(crate) mod reads;
pub(crate) mod repair;
pub(crate) mod replicas;
