//! Property 12, membership: in one generation a partition has one owner, and generations never go back.
//! Owners of different generations may overlap, as the earlier one learns of its end only later.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::rising::Rising;
use crate::history::{Happened, History};

/// A fact per partition with two owners, and per generation older than one that was known before.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut owners = BTreeMap::new();
    let mut generations = BTreeMap::<u32, Rising>::new();
    for (at, happened) in history.events() {
        match happened {
            Happened::Owned {
                client,
                group,
                generation,
                partition,
            } => {
                finding.exercised += 1;
                let owner = owners
                    .entry((*group, *generation, *partition))
                    .or_insert(*client);
                if owner != client {
                    let owner = *owner;
                    finding.wrong(|| {
                        format!("group {group} generation {generation}: {partition} is owned by {owner} and by {client}")
                    });
                }
            }
            Happened::Revoked {
                client,
                group,
                generation,
                partition,
            } => {
                let key = (*group, *generation, *partition);
                if owners.get(&key) == Some(client) {
                    owners.remove(&key);
                }
            }
            // A generation that nobody synced with may be forgotten with its coordinator.
            Happened::Joined {
                client,
                group,
                generation,
                since,
            }
            | Happened::Synced {
                client,
                group,
                generation,
                since,
            } => {
                let known = generations.entry(*group).or_default();
                if let Some(known) = known.by(*since)
                    && i64::from(*generation) < known
                {
                    finding.wrong(|| {
                        format!("group {group}: member {client} was told of generation {generation}, but {known} was known")
                    });
                }
                if matches!(happened, Happened::Synced { .. }) {
                    known.told(at, i64::from(*generation));
                }
            }
            _ => {}
        }
    }
    finding
}
