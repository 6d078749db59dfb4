//! Sends numbered records at a steady rate and books every delivery report.
//! It never sends a record again by itself: what the library gives up is an error.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message};

use crate::acks::{Acks, Position};
use crate::arguments::Load;
use crate::client;
use crate::payload::Payload;

/// The book that the delivery reports are written to, shared with whoever shows progress.
#[derive(Clone)]
pub(crate) struct Book {
    started: Instant,
    acks: Arc<Mutex<Acks>>,
}

impl Book {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            acks: Arc::new(Mutex::new(Acks::new())),
        }
    }

    pub(crate) fn open(&self) -> MutexGuard<'_, Acks> {
        self.acks.lock().expect("no holder of the book panics")
    }
}

impl ClientContext for Book {}

impl ProducerContext for Book {
    type DeliveryOpaque = Box<u64>;

    fn delivery(&self, result: &DeliveryResult<'_>, sequence: Self::DeliveryOpaque) {
        let now = self.started.elapsed();
        match result {
            Ok(message) => {
                let position = Position {
                    partition: message.partition(),
                    offset: message.offset(),
                };
                self.open().acknowledged(now, *sequence, position);
            }
            Err((error, _)) => self.open().failed(error.to_string()),
        }
    }
}

/// Sends until enough was sent and nobody asks for more; answers how long that took.
pub(crate) fn run(
    load: &Load,
    payload: &Payload,
    book: &Book,
    ended: &AtomicBool,
) -> Result<Duration, KafkaError> {
    let producer: ThreadedProducer<Book> =
        client::producer(&load.connection).create_with_context(book.clone())?;
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < load.at_most() {
        if sent >= load.records && (!load.until_stopped || load.stop_file.exists()) {
            break;
        }
        // A small step keeps the rate steady without a sleep per record.
        let allowed = if load.rate == 0 {
            sent + 1000
        } else {
            (began.elapsed().as_secs_f64() * load.rate as f64) as u64
        };
        let limit = if load.until_stopped {
            allowed
        } else {
            allowed.min(load.records)
        };
        while sent < limit {
            send(&producer, load, payload, book)?;
            sent += 1;
        }
        if load.rate != 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let seconds = began.elapsed();
    // What is still unanswered afterwards is visible as sent but neither acknowledged nor failed.
    let flushed = producer.flush(load.drain());
    ended.store(true, Ordering::Release);
    match flushed {
        Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) | Ok(()) => Ok(seconds),
        Err(error) => Err(error),
    }
}

fn send(
    producer: &ThreadedProducer<Book>,
    load: &Load,
    payload: &Payload,
    book: &Book,
) -> Result<(), KafkaError> {
    let sequence = book.open().sending(book.started.elapsed());
    let (key, value) = (payload.key(sequence), payload.value(sequence));
    let mut record = BaseRecord::with_opaque_to(&load.topic, Box::new(sequence))
        .key(&key)
        .payload(&value);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            // The library's queue is bounded; a full one is back-pressure, not an error.
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                record = again;
                thread::sleep(Duration::from_millis(2));
            }
            Err((error, _)) => return Err(error),
        }
    }
}
