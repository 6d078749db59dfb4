//! Property 8: a reader of committed records sees nothing of a transaction that is not committed, nothing before its
//! commit was asked for, and a transaction ends everywhere in the same way, as its producer asked for.

use super::finding::Finding;
use super::transactions::{Fate, Transactions};
use crate::history::{Happened, History};

/// A fact per run of records that should not have been seen, and per transaction that is torn.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let transactions = Transactions::of(history);
    for (at, happened) in history.events() {
        let Happened::Seen {
            partition,
            offset,
            records,
            from,
            ..
        } = happened
        else {
            continue;
        };
        let Some((id, transaction)) = transactions.with(*partition, *records) else {
            continue;
        };
        finding.exercised += 1;
        let reason = if transaction
            .commit_invoked
            .is_none_or(|invoked| at < invoked)
        {
            "whose commit had not been asked for"
        } else if transaction.is_committed() == Some(false) {
            "which is aborted"
        } else {
            continue;
        };
        finding.wrong(|| {
            format!(
                "partition {partition} offset {offset}: at {} ms broker {from} gave {records:?} of transaction {id:?}, {reason}",
                at.0 / 1_000_000
            )
        });
    }
    for (id, transaction) in &transactions.all {
        let has = |fate| transaction.fates.values().any(|found| *found == fate);
        let (commits, aborts) = (has(Fate::Committed), has(Fate::Aborted));
        let wrong = if commits && aborts {
            "is committed in one place and aborted in another"
        } else if commits && transaction.commit_invoked.is_none() {
            "is committed, but nobody asked for that"
        } else if commits && transaction.told == Some(false) {
            "is committed, but its producer was told that it is aborted"
        } else if commits && transaction.told.is_none() && transaction.refused {
            "is committed, but its producer was told that it never will be"
        } else {
            continue;
        };
        let fates = &transaction.fates;
        finding.wrong(|| format!("transaction {id:?} {wrong}: {fates:?}"));
    }
    for fact in transactions.mixed {
        finding.wrong(|| fact);
    }
    finding
}
