//! Random crashes, cuts and clean elections under load: what was committed once stays, everywhere, at its offset.
//! A failing seed is printed and fails again with `KRING_SEED`; `KRING_SEEDS` sets how many are tried.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::{Cluster, Proposals, TP, broker};
use bytes::Bytes;
use kring_io::Random;
use kring_wire::Offset;

const BROKERS: i32 = 3;
const ACTIONS: u64 = 120;

struct Run {
    cluster: Cluster,
    random: Random,
    /// Appended by a leader and not known to be committed: leader, epoch, offset, value.
    pending: Vec<(i32, i32, Offset, Bytes)>,
    /// Committed, by offset.
    committed: BTreeMap<Offset, Bytes>,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut cluster = Cluster::new(BROKERS, seed);
        cluster.create(TP, &[1, 2, 3]);
        Run {
            cluster,
            random: Random::new(seed),
            pending: Vec::new(),
            committed: BTreeMap::new(),
        }
    }

    fn runs(&self, id: i32) -> bool {
        let node = self.cluster.nodes.get(&broker(id));
        node.is_some_and(|node| node.recovered)
    }

    fn any(&mut self) -> i32 {
        1 + self.random.below(BROKERS as u64) as i32
    }

    /// Appends at every broker that believes to lead, also at one that no longer does.
    fn produce(&mut self) {
        for id in 1..=BROKERS {
            let Some(node) = self.cluster.nodes.get(&broker(id)).filter(|n| n.recovered) else {
                continue;
            };
            let view = node.replication.leader_state(TP, &node.log);
            if let Some(view) = view.filter(|view| view.has_min_isr()) {
                let (offset, value) = self.cluster.produce_at(TP, id, view.epoch);
                self.pending.push((id, view.epoch, offset, value));
            }
        }
    }

    /// Takes down what leaders have committed since.
    fn observe(&mut self) {
        let cluster = &self.cluster;
        let committed = &mut self.committed;
        self.pending.retain(|(leader, epoch, offset, value)| {
            let node = cluster.nodes.get(&broker(*leader));
            let view = node.and_then(|node| node.replication.leader_state(TP, &node.log));
            match view {
                Some(view) if view.epoch == *epoch && view.high_watermark > *offset => {
                    let before = committed.insert(*offset, value.clone());
                    assert_eq!(before, None, "offset {offset} was committed before");
                    false
                }
                Some(view) => view.epoch == *epoch,
                None => false,
            }
        });
    }

    /// The controller elects a running broker of the ISR; a dead leader leaves the ISR.
    fn elect(&mut self) {
        let role = self.cluster.roles[&TP].clone();
        let alive: Vec<i32> = role
            .isr
            .iter()
            .map(|b| b.0)
            .filter(|id| self.runs(*id))
            .collect();
        let Some(choice) = alive.get(self.random.below(alive.len().max(1) as u64) as usize) else {
            return;
        };
        let leader_runs = role.leader.is_some_and(|leader| self.runs(leader.0));
        let isr: Vec<i32> = role.isr.iter().map(|b| b.0).collect();
        let isr = if leader_runs { isr } else { alive.clone() };
        self.cluster.elect(TP, *choice, &isr);
    }

    fn act(&mut self) {
        let id = self.any();
        match self.random.below(20) {
            0 if self.runs(id) => self.cluster.crash(id),
            1..=3 if !self.cluster.nodes.contains_key(&broker(id)) => self.cluster.start(id),
            4 if self.runs(id) => self.cluster.isolate(id),
            5 | 6 if self.runs(id) => self.cluster.rejoin(id),
            7 => self.elect(),
            8 => {
                let takes = self.random.below(2) == 0;
                self.cluster.proposals = if takes {
                    Proposals::Take
                } else {
                    Proposals::TakeSilently
                };
            }
            9 => self.cluster.publish(TP),
            10 => {
                let other = self.any();
                if other != id {
                    self.cluster.cut(id, other);
                }
            }
            _ => self.produce(),
        }
    }

    /// Everything is repaired; then all logs must be the same and hold all that was committed.
    fn end(mut self) {
        self.cluster.proposals = Proposals::Take;
        for id in 1..=BROKERS {
            if !self.cluster.nodes.contains_key(&broker(id)) {
                self.cluster.start(id);
            }
        }
        self.cluster
            .run_until("all recover", |c| c.nodes.values().all(|n| n.recovered));
        for id in 1..=BROKERS {
            self.cluster.rejoin(id);
        }
        self.elect();
        self.cluster.run_until("all in sync, all committed", |c| {
            let ends: Vec<_> = (1..=BROKERS).map(|id| c.state(id, TP)).collect();
            c.roles[&TP].isr.len() == BROKERS as usize
                && ends
                    .iter()
                    .all(|s| s.high_watermark == s.log_end && s.log_end == ends[0].log_end)
        });
        let content = self.cluster.content(1, TP);
        for id in 2..=BROKERS {
            assert_eq!(self.cluster.content(id, TP), content, "broker {id} differs");
        }
        for (i, (offset, _, _)) in content.iter().enumerate() {
            assert_eq!(*offset, i as Offset, "no gap and no offset twice");
        }
        for (offset, value) in &self.committed {
            let (_, _, found) = &content[usize::try_from(*offset).expect("offsets start at 0")];
            assert_eq!(found, value, "committed at {offset}");
        }
    }
}

fn run(seed: u64) -> usize {
    let mut run = Run::new(seed);
    run.cluster.run_for(Duration::from_millis(5));
    for _ in 0..ACTIONS {
        run.act();
        let longest_ms: u64 = if run.random.below(15) == 0 { 1_500 } else { 8 };
        let pause = Duration::from_micros(run.random.below(longest_ms * 1_000));
        let end = run.cluster.now + pause;
        while run.cluster.now < end {
            run.cluster.run_for(Duration::from_micros(200));
            run.observe();
        }
    }
    let committed = run.committed.len();
    run.end();
    committed
}

#[test]
fn what_is_committed_survives_crashes_cuts_and_elections() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse().expect("a number"))
    };
    let seeds: Vec<u64> = match (number("KRING_SEED"), number("KRING_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (1..=count.unwrap_or(8)).collect(),
    };
    let mut committed = 0;
    for seed in &seeds {
        println!("KRING_SEED={seed}");
        committed += run(*seed);
    }
    assert!(
        committed >= seeds.len() * 10,
        "only {committed} records were ever committed"
    );
}
