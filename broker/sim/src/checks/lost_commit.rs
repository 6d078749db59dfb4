//! What was acknowledged before a transaction's commit is committed in every replica, or nowhere; and if the producer was
//! told that it is committed, it is. That the records are there at all is the check of lost writes.

use super::finding::Finding;
use super::transactions::{Entry, Fate, Transaction, Transactions};
use crate::history::History;

/// A fact per replica in which records of a committed transaction are not.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let transactions = Transactions::of(history);
    for (id, transaction) in &transactions.all {
        let told = transaction.told == Some(true);
        if !told && transaction.is_committed() != Some(true) {
            continue;
        }
        for fact in uncommitted(&transactions, transaction, &mut finding.exercised) {
            let why = if told {
                "its producer was told"
            } else {
                "another part is"
            };
            finding.wrong(|| format!("transaction {id:?} is committed ({why}), but {fact}"));
        }
    }
    finding
}

/// Where records that were acknowledged before the commit are not committed.
fn uncommitted(
    transactions: &Transactions,
    transaction: &Transaction,
    exercised: &mut u64,
) -> Vec<String> {
    let mut facts = Vec::new();
    for sending in &transaction.sendings {
        let acknowledged = sending.acknowledged.filter(|(at, _)| {
            let invoked = transaction.commit_invoked;
            invoked.is_none_or(|invoked| *at <= invoked)
        });
        let Some((_, offset)) = acknowledged else {
            continue;
        };
        let partition = sending.partition;
        for (place, log) in &transactions.logs {
            let Some((log_start, _)) = log.swept.filter(|_| place.0 == partition) else {
                continue;
            };
            if offset < log_start {
                continue;
            }
            *exercised += 1;
            let fate = transaction.fates.get(place);
            let there = log.entries.range(..=offset).next_back();
            let there = matches!(there, Some((_, Entry::Records(found, _))) if found.producer == sending.records.producer);
            if fate != Some(&Fate::Committed) || !there {
                facts.push(format!(
                    "{:?} at {offset} of partition {partition} on broker {} is {fate:?}",
                    sending.records, place.1
                ));
            }
        }
    }
    facts
}
