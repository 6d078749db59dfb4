//! What librdkafka says of itself goes to standard error, when its `debug` is set: `--set debug=broker,cgrp,metadata`.
//! Without that it says nothing here; its errors come with the calls.

use std::time::Instant;

use log::{LevelFilter, Log, Metadata, Record};

use crate::arguments::Connection;

struct ToStandardError {
    since: Instant,
}

/// Lets the library speak if it was told to.
pub(crate) fn start(connection: &Connection) {
    if !connection.settings.iter().any(|(key, _)| key == "debug") {
        return;
    }
    let since = Instant::now();
    // It fails only if there is one already.
    if log::set_boxed_logger(Box::new(ToStandardError { since })).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

impl Log for ToStandardError {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        eprintln!(
            "{:.3} {}",
            self.since.elapsed().as_secs_f64(),
            record.args()
        );
    }

    fn flush(&self) {}
}
