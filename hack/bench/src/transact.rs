//! Producers whose transactions follow one another, of the second version (KIP-890): one batch, then its end.
//! Nobody reads what they write.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::BufMut;
use kring_wire::{BatchBuilder, DecodeError, Decoder, ErrorCode, encode};

use crate::statistics::Done;
use crate::{batch, call, statistics};

/// Transactional producers on one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transacting {
    pub(crate) producers: usize,
    pub(crate) partitions: i32,
    /// Length of the one record of each transaction.
    pub(crate) record_bytes: usize,
}

const FIND_COORDINATOR: (i16, i16) = (10, 2);
const INIT_PRODUCER_ID: (i16, i16) = (22, 1);
/// From here on a batch makes its partition part of the transaction.
const PRODUCE: (i16, i16) = (0, 12);
/// From here on each transaction has an epoch of its own.
const END_TXN: (i16, i16) = (26, 5);
const TRANSACTION_MS: i32 = 60_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// The markers of the transaction before are under way; clients try again.
const PAUSE: Duration = Duration::from_millis(1);

struct Producer<'a> {
    stream: TcpStream,
    name: String,
    topic: &'a str,
    partition: i32,
    value: &'a [u8],
    id: i64,
    epoch: i16,
    begun: Instant,
}

/// Transactions for as long as asked; all producers' at the same time. Latency is from the batch until the end of its
/// transaction is answered. A transaction counts as one request.
pub(crate) fn run(
    address: SocketAddr,
    topic: &str,
    transacting: Transacting,
    time_max: Duration,
) -> Result<Done, String> {
    let values = batch::values(transacting.record_bytes, 1);
    let mut producers = Vec::with_capacity(transacting.producers);
    for (number, partition) in (0..transacting.producers).zip((0..transacting.partitions).cycle()) {
        let mut producer = Producer {
            stream: call::connect(address, Duration::from_secs(10))?,
            name: format!("{topic}-{number}"),
            topic,
            partition,
            value: &values[0],
            id: -1,
            epoch: -1,
            begun: Instant::now(),
        };
        producer.begin()?;
        producers.push(producer);
    }
    let mut done = Done::default();
    let start = Instant::now();
    while start.elapsed() < time_max {
        producers.iter_mut().try_for_each(Producer::ask_to_write)?;
        producers.iter_mut().try_for_each(Producer::written)?;
        producers.iter_mut().try_for_each(Producer::ask_to_commit)?;
        for producer in &mut producers {
            producer.committed()?;
            statistics::note(&mut done.latency, producer.begun.elapsed());
        }
        done.requests += producers.len() as u64;
    }
    done.payload_bytes = done.requests * transacting.record_bytes as u64;
    done.elapsed = start.elapsed();
    Ok(done)
}

impl Producer<'_> {
    /// Waits until the transactional id has a coordinator, and takes a producer id from it.
    fn begin(&mut self) -> Result<(), String> {
        const OF_TRANSACTION: i8 = 1;
        let until = Instant::now() + PATIENCE;
        loop {
            let name = &self.name;
            call::ask(&mut self.stream, FIND_COORDINATOR, |buf| {
                encode::string(buf, false, Some(name));
                buf.put_i8(OF_TRANSACTION);
            })?;
            call::answer(&mut self.stream, FIND_COORDINATOR)?;
            call::ask(&mut self.stream, INIT_PRODUCER_ID, |buf| {
                encode::string(buf, false, Some(name));
                buf.put_i32(TRANSACTION_MS);
            })?;
            let mut read = call::answer(&mut self.stream, INIT_PRODUCER_ID)?;
            let error = self.take_id(&mut read).map_err(|e| e.to_string())?;
            if error == 0 {
                return Ok(());
            }
            if Instant::now() > until {
                return self.refused("InitProducerId", error);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ask_to_write(&mut self) -> Result<(), String> {
        self.begun = Instant::now();
        self.send_batch()
    }

    fn send_batch(&mut self) -> Result<(), String> {
        let id = self.id;
        // Each transaction has an epoch of its own, so that its batches are counted anew.
        let mut builder = BatchBuilder::new()
            .transactional(id, self.epoch)
            .producer(id, self.epoch, 0);
        builder.push(0, None, Some(self.value));
        let batch = builder.build();
        let (name, topic, partition) = (&self.name, self.topic, self.partition);
        call::ask(&mut self.stream, PRODUCE, |buf| {
            encode::no_tags(buf, true);
            encode::string(buf, true, Some(name));
            buf.put_i16(-1);
            buf.put_i32(30_000);
            encode::array(buf, true, Some(1));
            encode::string(buf, true, Some(topic));
            encode::array(buf, true, Some(1));
            buf.put_i32(partition);
            encode::bytes_len(buf, true, Some(batch.len()));
            buf.put_slice(&batch);
            // Of the partition, the topic and the request.
            (0..3).for_each(|_| encode::no_tags(buf, true));
        })
    }

    fn written(&mut self) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let read = call::answer(&mut self.stream, PRODUCE)?;
            let error = produced(read).map_err(|e| format!("Produce: {e}"))?;
            let wait = error == ErrorCode::ConcurrentTransactions.code();
            if error == 0 {
                return Ok(());
            }
            if !wait || Instant::now() > until {
                return self.refused("Produce", error);
            }
            std::thread::sleep(PAUSE);
            self.send_batch()?;
        }
    }

    fn ask_to_commit(&mut self) -> Result<(), String> {
        let (name, id, epoch) = (&self.name, self.id, self.epoch);
        call::ask(&mut self.stream, END_TXN, |buf| {
            encode::no_tags(buf, true);
            encode::string(buf, true, Some(name));
            buf.put_i64(id);
            buf.put_i16(epoch);
            buf.put_u8(1);
            encode::no_tags(buf, true);
        })
    }

    fn committed(&mut self) -> Result<(), String> {
        let mut read = call::answer(&mut self.stream, END_TXN)?;
        let ended = read.skip_tags(true);
        let error = ended
            .and_then(|()| self.take_id(&mut read))
            .map_err(|e| format!("EndTxn: {e}"))?;
        match error {
            0 => Ok(()),
            error => self.refused("EndTxn", error),
        }
    }

    /// Throttle, error, producer id and epoch, as two answers have them.
    fn take_id(&mut self, read: &mut Decoder) -> Result<i16, DecodeError> {
        read.i32("throttle")?;
        let error = read.i16("error")?;
        let id = read.i64("producer id")?;
        let epoch = read.i16("producer epoch")?;
        if error == 0 {
            (self.id, self.epoch) = (id, epoch);
        }
        Ok(error)
    }

    fn refused(&self, what: &str, error: i16) -> Result<(), String> {
        let known = ErrorCode::from_code(error);
        Err(format!(
            "{what} of {} was answered with {known:?} ({error})",
            self.name
        ))
    }
}

/// The error code of the one partition.
fn produced(mut read: Decoder) -> Result<i16, DecodeError> {
    read.skip_tags(true)?;
    read.array("topics", true, 2)?;
    read.string("topic", true)?;
    read.array("partitions", true, 2)?;
    read.i32("partition")?;
    read.i16("error")
}
