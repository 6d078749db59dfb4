//! The table of targets.
//! What each one feeds and demands is in its own file.

mod batch;
mod compression;
mod configuration;
mod consumer_protocol;
mod data_directory;
mod decode;
mod fetch;
mod frame;
mod group_records;
mod header;
mod peer_message;
mod produce;
mod request;

/// A function of bytes that must hold its promises for all of them.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Takes an input; a broken promise is a panic.
    pub run: fn(&[u8]),
    /// Well-formed inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const ALL: &[Target] = &[
    Target {
        name: "frame",
        run: frame::run,
        seeds: frame::seeds,
    },
    Target {
        name: "header",
        run: header::run,
        seeds: header::seeds,
    },
    Target {
        name: "decode",
        run: decode::run,
        seeds: decode::seeds,
    },
    Target {
        name: "produce",
        run: produce::run,
        seeds: produce::seeds,
    },
    Target {
        name: "fetch",
        run: fetch::run,
        seeds: fetch::seeds,
    },
    Target {
        name: "batch",
        run: batch::run,
        seeds: batch::seeds,
    },
    Target {
        name: "compression",
        run: compression::run,
        seeds: compression::seeds,
    },
    Target {
        name: "request",
        run: request::run,
        seeds: request::seeds,
    },
    Target {
        name: "consumer_protocol",
        run: consumer_protocol::run,
        seeds: consumer_protocol::seeds,
    },
    Target {
        name: "group_records",
        run: group_records::run,
        seeds: group_records::seeds,
    },
    Target {
        name: "peer_message",
        run: peer_message::run,
        seeds: peer_message::seeds,
    },
    Target {
        name: "journal",
        run: data_directory::journal,
        seeds: data_directory::seeds,
    },
    Target {
        name: "checkpoint",
        run: data_directory::checkpoint,
        seeds: data_directory::seeds,
    },
    Target {
        name: "segment",
        run: data_directory::segment,
        seeds: data_directory::seeds,
    },
    Target {
        name: "configuration",
        run: configuration::run,
        seeds: configuration::seeds,
    },
];

/// Takes the body of a request as the target `decode` does, with the numbers of its header.
pub fn look_at_request(api_key: i16, version: i16, body: &[u8]) {
    decode::look(api_key, version, body);
}

/// The target of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}
