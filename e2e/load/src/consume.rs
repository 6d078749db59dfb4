//! Reads the topic as a consumer group does while the load runs.
//! It checks nothing; what it sees goes to the sightings.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;

use crate::acks::Position;
use crate::arguments::Load;
use crate::client;
use crate::produce::Book;
use crate::sightings::Sightings;

/// Consumes until the producer has ended and everything acknowledged was seen, or the time to drain is over.
pub(crate) fn run(
    load: &Load,
    group: &str,
    book: &Book,
    seen: &Mutex<Sightings>,
    produced: &AtomicBool,
) -> Result<(), KafkaError> {
    let consumer: BaseConsumer = client::group_consumer(&load.connection, group).create()?;
    consumer.subscribe(&[&load.topic])?;
    let mut drain_began = None;
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let position = Position {
                    partition: message.partition(),
                    offset: message.offset(),
                };
                let sent = book.open().sent_count();
                seen.lock().expect("no holder of the sightings panics").saw(
                    position,
                    message.payload().unwrap_or_default(),
                    sent,
                );
            }
            // The library reports every lost connection here and goes on by itself.
            Some(Err(error)) => eprintln!("consumer: {error}"),
            None => {}
        }
        if produced.load(Ordering::Acquire) {
            let began = *drain_began.get_or_insert_with(Instant::now);
            if is_complete(book, seen) || began.elapsed() > load.drain() {
                return Ok(());
            }
        }
    }
}

fn is_complete(book: &Book, seen: &Mutex<Sightings>) -> bool {
    let acks = book.open();
    let seen = seen.lock().expect("no holder of the sightings panics");
    // The cheap comparison first: this runs after every record of the drain.
    seen.seen() >= acks.acknowledged_count() && seen.missing(acks.positions()) == 0
}
