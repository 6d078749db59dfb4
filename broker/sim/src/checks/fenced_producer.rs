//! Property 10 for transactional ids: once InitProducerId was answered, nothing of an earlier epoch is appended.
//! What was appended later is told by what was sent later and stands before it.

use std::collections::BTreeMap;

use kring_io::Instant;

use super::finding::Finding;
use super::sent::Sent;
use super::transactions::{Entry, Transaction, Transactions};
use crate::history::{Happened, History};

/// When each producer was given which id and epoch by InitProducerId.
type Fences = BTreeMap<u32, Vec<(Instant, i64, i16)>>;

/// A fact per run of records that was appended too late.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut fences = Fences::new();
    let mut sent = Sent::default();
    for (at, happened) in history.events() {
        match happened {
            Happened::Fenced {
                producer,
                id,
                epoch,
            } => fences.entry(*producer).or_default().push((at, *id, *epoch)),
            Happened::Invoked {
                records, partition, ..
            } => sent.add(*partition, *records, at),
            _ => {}
        }
    }
    if fences.is_empty() {
        return finding;
    }
    let transactions = Transactions::of(history);
    for (id, transaction) in &transactions.all {
        let Some(fenced) = fenced_at(&fences, id.0, transaction) else {
            continue;
        };
        let tried = transaction.sendings.iter().filter(|sending| {
            let of = sent.of(
                sending.partition,
                sending.records.producer,
                sending.records.first,
            );
            of.is_some_and(|sent| sent > fenced)
        });
        finding.exercised += tried.count() as u64;
    }
    for ((partition, replica), log) in &transactions.logs {
        // When what stands before was sent, at the latest.
        let mut latest = Instant(0);
        for (offset, entry) in &log.entries {
            let Entry::Records(records, id) = entry else {
                continue;
            };
            if let Some(sent) = sent.of(*partition, records.producer, records.first) {
                latest = latest.max(sent);
            }
            let transaction = id.and_then(|id| transactions.all.get(&id));
            let fenced = transaction.and_then(|t| fenced_at(&fences, records.producer, t));
            if let Some(fenced) = fenced.filter(|fenced| *fenced < latest) {
                finding.wrong(|| {
                    format!(
                        "partition {partition} offset {offset} on broker {replica}: {records:?} was appended after {} ms, but its \
                         producer was fenced at {} ms",
                        latest.0 / 1_000_000,
                        fenced.0 / 1_000_000
                    )
                });
            }
        }
    }
    finding
}

/// When a newer epoch was given than the transaction's.
fn fenced_at(fences: &Fences, producer: u32, transaction: &Transaction) -> Option<Instant> {
    let (id, epoch) = transaction.identity;
    let fences = fences.get(&producer)?;
    let had = fences.iter().position(|(_, given, _)| *given == id);
    let newer = fences.iter().enumerate().find(|(place, fence)| {
        let (_, given, given_epoch) = **fence;
        if given == id {
            given_epoch > epoch
        } else {
            had.is_some_and(|had| *place > had)
        }
    });
    newer.map(|(_, (at, _, _))| *at)
}
