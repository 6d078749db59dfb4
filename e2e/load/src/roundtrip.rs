//! One run: producer and consumer side by side, a line of progress per second, the reading from the beginning, the report.
//! It decides nothing about success; the report's violations do.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kring_load::Report;
use rdkafka::error::KafkaError;

use crate::arguments::Load;
use crate::library_log;
use crate::payload::Payload;
use crate::produce::Book;
use crate::sightings::Sightings;
use crate::{client, consume, produce, reread};

/// Runs the load; `consuming` says whether a consumer group reads along.
pub(crate) fn run(load: &Load, consuming: bool) -> Result<Report, KafkaError> {
    library_log::start(&load.connection);
    let name = load.producer.clone().unwrap_or_else(name_of_this_run);
    let group = load.group.clone().unwrap_or_else(|| name.clone());
    let payload = Payload::new(&name, load.keys, load.value_bytes);
    let book = Book::new(Instant::now());
    let live = Mutex::new(Sightings::new(payload.clone()));
    let produced = AtomicBool::new(false);
    let over = AtomicBool::new(false);
    let seconds = thread::scope(|scope| {
        scope.spawn(|| show_progress(&book, &live, &over));
        let consumer =
            consuming.then(|| scope.spawn(|| consume::run(load, &group, &book, &live, &produced)));
        let seconds = produce::run(load, &payload, &book, &produced);
        produced.store(true, Ordering::Release);
        let consumed = consumer.map_or(Ok(()), |thread| {
            thread.join().expect("the consumer does not panic")
        });
        over.store(true, Ordering::Release);
        consumed.and(seconds)
    })?;
    eprintln!("reading the topic again from its beginning");
    let mut reread = Sightings::new(payload);
    let sent = book.open().sent_count();
    reread::run(load, sent, &mut reread)?;
    let live = live
        .into_inner()
        .expect("no holder of the sightings panics");
    let mut report = report(load, &name, &book, &reread);
    report.seconds = seconds.as_secs_f64();
    if consuming {
        report.received = live.seen();
        report.missed = live.missing(book.open().positions());
        report.redelivered = live.redelivered();
        report.out_of_order += live.out_of_order();
        report.corrupt += live.corrupt();
    }
    Ok(report)
}

fn report(load: &Load, name: &str, book: &Book, reread: &Sightings) -> Report {
    let acks = book.open();
    let partitions = acks.partitions();
    Report {
        client: client::version(),
        topic: load.topic.clone(),
        producer: name.to_owned(),
        sent: acks.sent_count(),
        acknowledged: acks.acknowledged_count(),
        errors: acks.error_count(),
        first_error: acks.first_error(),
        lost: reread.missing(acks.positions()),
        duplicated: reread.duplicated(),
        misplaced: reread.misplaced(acks.positions()),
        first_misplaced: reread.first_misplaced(acks.positions()),
        out_of_order: reread.out_of_order(),
        corrupt: reread.corrupt(),
        longest_pause_ms: partitions
            .iter()
            .map(|partition| partition.longest_pause_ms)
            .fold(0.0, f64::max),
        ack_latency: acks.latency(),
        partitions,
        ..Report::default()
    }
}

fn show_progress(book: &Book, live: &Mutex<Sightings>, over: &AtomicBool) {
    let began = Instant::now();
    let mut shown = 0;
    while !over.load(Ordering::Acquire) {
        thread::sleep(Duration::from_millis(100));
        let second = began.elapsed().as_secs();
        if second > shown {
            shown = second;
            let (sent, acknowledged, errors) = {
                let acks = book.open();
                (
                    acks.sent_count(),
                    acks.acknowledged_count(),
                    acks.error_count(),
                )
            };
            let received = live
                .lock()
                .expect("no holder of the sightings panics")
                .seen();
            eprintln!(
                "{second} s: {sent} sent, {acknowledged} acknowledged, {received} received, {errors} errors"
            );
        }
    }
}

/// Differs from run to run, so that runs on one topic do not count each other's records.
fn name_of_this_run() -> String {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("load-{:x}-{}", since_epoch.as_millis(), std::process::id())
}
