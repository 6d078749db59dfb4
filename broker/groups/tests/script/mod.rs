//! The language of the scenarios: clients by name, one command a line, and what they see as text.
//! It asserts nothing; the golden text does.

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;
use kring_groups::{
    DeleteGroup, DescribeGroup, GroupConfig, GroupRequest, GroupResponse, Heartbeat, JoinGroup,
    LeaveGroup, LeavingMember, MemberIdentity, OffsetCommit, OffsetDelete, OffsetFetch,
    PartitionCommit, PartitionsOf, Protocol, SyncGroup, TopicCommit, TxnOffsetCommit,
};
use kring_wire::{ErrorCode, TopicId};

use crate::harness::{Coordinator, subscription};

/// What a client remembers of its group.
#[derive(Clone, Default)]
struct Client {
    member_id: String,
    generation: i32,
    instance: Option<String>,
}

struct Script {
    coordinator: Coordinator,
    clients: BTreeMap<String, Client>,
    /// Member id → the name it goes by in the script.
    names: BTreeMap<String, String>,
    /// Request → client and group.
    asked: BTreeMap<u64, String>,
}

/// A command's words: positional ones, and `key=value`.
struct Words<'a> {
    plain: Vec<&'a str>,
    named: BTreeMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    fn parse(line: &'a str) -> Words<'a> {
        let (named, plain): (Vec<&str>, Vec<&str>) =
            line.split_whitespace().partition(|word| word.contains('='));
        Words {
            plain,
            named: named
                .into_iter()
                .filter_map(|w| w.split_once('='))
                .collect(),
        }
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.named.get(key).copied()
    }

    fn number(&self, key: &str, default: i64) -> i64 {
        self.get(key).map_or(default, |n| n.parse().expect(key))
    }

    fn group(&self) -> String {
        match self.get("group") {
            Some("''") => String::new(),
            Some(group) => group.to_owned(),
            None => "g".to_owned(),
        }
    }
}

/// Runs a script and gives it back with what was seen.
pub(crate) fn run(text: &str) -> String {
    let mut script = Script {
        coordinator: Coordinator::new(config(text), 2),
        clients: BTreeMap::new(),
        names: BTreeMap::new(),
        asked: BTreeMap::new(),
    };
    let mut seen = String::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            writeln!(seen, "{line}").unwrap();
            script.command(command, &mut seen);
            script.print_responses(&mut seen);
        } else if line.starts_with('#') || line.is_empty() {
            writeln!(seen, "{line}").unwrap();
        }
    }
    seen
}

/// `# config key=value …` lines set what differs from Kafka's defaults.
fn config(text: &str) -> GroupConfig {
    let mut config = GroupConfig::default();
    for line in text.lines().filter_map(|l| l.strip_prefix("# config ")) {
        let words = Words::parse(line);
        for (key, value) in words.named {
            let number: u64 = value.parse().expect(key);
            match key {
                "group.initial.rebalance.delay.ms" => {
                    config.group_initial_rebalance_delay_ms = number
                }
                "offsets.retention.ms" => config.offsets_retention_ms = number as i64,
                "group.max.size" => config.group_max_size = number as usize,
                other => panic!("unknown setting {other}"),
            }
        }
    }
    config
}

impl Script {
    fn command(&mut self, line: &str, seen: &mut String) {
        let words = Words::parse(line);
        let subject = words.plain.get(1).copied().unwrap_or("");
        let request = match words.plain[0] {
            "join" => self.join(subject, &words),
            "sync" => self.sync(subject, &words),
            "heartbeat" => self.heartbeat(subject, &words),
            "leave" => self.leave(subject, &words),
            "commit" => self.commit(subject, &words),
            "txn-commit" => self.txn_commit(subject, &words),
            "fetch" => fetch(&words),
            "describe" => GroupRequest::Describe(DescribeGroup {
                group_id: words.group(),
            }),
            "delete" => GroupRequest::Delete(DeleteGroup {
                group_id: words.group(),
            }),
            "delete-offsets" => delete_offsets(&words),
            control => return self.control(control, subject, &words, seen),
        };
        // An answer may come at once: it is asked for by number before it is printed.
        let id = self.coordinator.request(request);
        let who = if subject.contains('=') { "" } else { subject };
        self.asked.insert(id, who.to_owned());
    }

    fn control(&mut self, control: &str, subject: &str, words: &Words<'_>, seen: &mut String) {
        let coordinator = &mut self.coordinator;
        match control {
            "after" => coordinator.advance(milliseconds(subject)),
            "hold" => coordinator.hold = true,
            "complete" => {
                coordinator.hold = false;
                coordinator.complete();
            }
            "refuse" => {
                let all = -1..=136;
                let named = all
                    .filter_map(ErrorCode::from_code)
                    .find(|e| e.name() == subject);
                coordinator.refuse = Some(named.expect("a Kafka error"));
            }
            "accept" => coordinator.refuse = None,
            "fail-over" => {
                let to = words.number("to", 1);
                let kept = words.number("kept", 0);
                coordinator.fail_over(to as usize, kept as usize);
            }
            "end" => {
                let committed = match words.plain.get(2) {
                    Some(&"commit") => true,
                    Some(&"abort") => false,
                    other => panic!("{other:?} is no end of a transaction"),
                };
                coordinator.end_transaction(subject.parse().expect("a producer id"), committed);
            }
            "delete-topic" => coordinator.step(kring_groups::GroupEvent::TopicDeleted {
                topic: subject.to_owned(),
            }),
            "list" => {
                for group in coordinator.engine().list() {
                    writeln!(
                        seen,
                        "{:?} {} {}",
                        group.group_id, group.protocol_type, group.state
                    )
                    .unwrap();
                }
            }
            "committed" => {
                for entry in coordinator.engine().committed_offsets() {
                    let at = entry.committed.offset;
                    writeln!(
                        seen,
                        "{:?} {}-{}@{at}",
                        entry.group_id, entry.topic, entry.partition
                    )
                    .unwrap();
                }
            }
            "log" => writeln!(seen, "{} records", coordinator.log().len()).unwrap(),
            other => panic!("unknown command {other}"),
        }
    }

    fn join(&mut self, name: &str, words: &Words<'_>) -> GroupRequest {
        let client = self.clients.entry(name.to_owned()).or_default();
        client.instance = words.get("instance").map(str::to_owned);
        if words.get("anew").is_some() {
            client.member_id.clear();
        }
        let topics: Vec<&str> = words.get("topics").unwrap_or("t").split(',').collect();
        let protocols = words.get("protocols").unwrap_or("range").split(',');
        let protocols = protocols.map(|protocol| Protocol {
            name: protocol.to_owned(),
            metadata: subscription(&topics),
        });
        let session_timeout_ms = words.get("session").map_or(45_000, milliseconds);
        let rebalance_timeout_ms = words.get("rebalance").map_or(300_000, milliseconds);
        GroupRequest::Join(JoinGroup {
            group_id: words.group(),
            member_id: client.member_id.clone(),
            group_instance_id: client.instance.clone(),
            client_id: name.to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            require_known_member_id: words.get("version").is_none_or(|v| v != "3"),
            supports_skipping_assignment: words.get("version").is_none_or(|v| v == "9"),
            session_timeout_ms: session_timeout_ms as i32,
            rebalance_timeout_ms: rebalance_timeout_ms as i32,
            protocol_type: words.get("type").unwrap_or("consumer").to_owned(),
            protocols: protocols.collect(),
            reason: None,
        })
    }

    fn sync(&mut self, name: &str, words: &Words<'_>) -> GroupRequest {
        let client = self.clients.entry(name.to_owned()).or_default().clone();
        let given = words.get("assign").unwrap_or("").split(',');
        let assignments = given.filter_map(|pair| pair.split_once(':'));
        GroupRequest::Sync(SyncGroup {
            group_id: words.group(),
            generation_id: words.number("generation", client.generation.into()) as i32,
            member_id: client.member_id,
            group_instance_id: client.instance,
            protocol_type: words.get("type").map(str::to_owned),
            protocol_name: words.get("protocol").map(str::to_owned),
            assignments: assignments
                .map(|(to, what)| {
                    let to = self.clients[to].member_id.clone();
                    (to, Bytes::copy_from_slice(what.as_bytes()))
                })
                .collect(),
        })
    }

    fn heartbeat(&mut self, name: &str, words: &Words<'_>) -> GroupRequest {
        let client = self.clients.entry(name.to_owned()).or_default().clone();
        GroupRequest::Heartbeat(Heartbeat {
            group_id: words.group(),
            generation_id: words.number("generation", client.generation.into()) as i32,
            member_id: client.member_id,
            group_instance_id: client.instance,
        })
    }

    fn leave(&mut self, name: &str, words: &Words<'_>) -> GroupRequest {
        let leaving = |name: &str| {
            let known = self.clients.get(name).cloned().unwrap_or_default();
            let member = match words.get("instance") {
                Some(instance) => MemberIdentity {
                    member_id: String::new(),
                    group_instance_id: Some(instance.to_owned()),
                },
                None => MemberIdentity {
                    member_id: known.member_id,
                    group_instance_id: known.instance,
                },
            };
            LeavingMember {
                member,
                reason: None,
            }
        };
        GroupRequest::Leave(LeaveGroup {
            group_id: words.group(),
            members: name.split('+').map(leaving).collect(),
        })
    }

    fn commit(&mut self, name: &str, words: &Words<'_>) -> GroupRequest {
        let client = self.clients.get(name).cloned().unwrap_or(Client {
            generation: -1,
            ..Client::default()
        });
        let repeated = words.number("metadata-bytes", 0) as usize;
        let metadata = words
            .get("metadata")
            .map_or("m".repeat(repeated), str::to_owned);
        GroupRequest::Commit(OffsetCommit {
            group_id: words.group(),
            generation_id: words.number("generation", client.generation.into()) as i32,
            member_id: client.member_id,
            group_instance_id: client.instance,
            retention_ms: words
                .get("retention")
                .map_or(-1, |r| milliseconds(r) as i64),
            topics: vec![committed(words, metadata)],
        })
    }

    /// The client's consumer is the member, its producer has the id of the command.
    fn txn_commit(&mut self, name: &str, words: &Words<'_>) -> GroupRequest {
        let client = self.clients.get(name).cloned().unwrap_or(Client {
            generation: -1,
            ..Client::default()
        });
        GroupRequest::TxnCommit(TxnOffsetCommit {
            group_id: words.group(),
            producer_id: words.number("producer", 1),
            producer_epoch: 0,
            generation_id: words.number("generation", client.generation.into()) as i32,
            member_id: client.member_id,
            group_instance_id: words.get("instance").map(str::to_owned).or(client.instance),
            topics: vec![committed(words, String::new())],
        })
    }

    /// The client's name; of an id it has given up for another, `former-` and its name.
    fn name(&self, member_id: &str) -> String {
        match self.names.get(member_id) {
            None => format!("?{member_id}"),
            Some(name) if self.clients[name].member_id == member_id => name.clone(),
            Some(name) => format!("former-{name}"),
        }
    }

    fn print_responses(&mut self, seen: &mut String) {
        let responses = std::mem::take(&mut self.coordinator.responses);
        for (id, response) in &responses {
            if let GroupResponse::Join(outcome) = response {
                let name = self.asked[id].clone();
                self.names.insert(outcome.member_id.clone(), name.clone());
                let client = self.clients.entry(name).or_default();
                client.member_id.clone_from(&outcome.member_id);
                client.generation = outcome.generation_id;
            }
        }
        for (id, response) in responses {
            let who = self.asked.remove(&id).expect("one answer to each request");
            let line = self.print(&who, response);
            writeln!(seen, "{line}").unwrap();
        }
    }

    fn print(&mut self, who: &str, response: GroupResponse) -> String {
        match response {
            GroupResponse::Join(outcome) => {
                if !outcome.error.is_ok() {
                    return format!("{who} join: {}", outcome.error.name());
                }
                let leader = self.name(&outcome.leader);
                let members: Vec<String> = outcome
                    .members
                    .iter()
                    .map(|m| self.name(&m.member_id))
                    .collect();
                format!(
                    "{who} join: generation {} {}{} leader {leader} members [{}]",
                    outcome.generation_id,
                    outcome.protocol_name.unwrap_or_default(),
                    if outcome.skip_assignment {
                        " skip-assignment"
                    } else {
                        ""
                    },
                    members.join(" "),
                )
            }
            GroupResponse::Sync(outcome) if outcome.error.is_ok() => {
                format!("{who} sync: {:?}", outcome.assignment)
            }
            GroupResponse::Sync(outcome) => format!("{who} sync: {}", outcome.error.name()),
            GroupResponse::Heartbeat(error) => format!("{who} heartbeat: {}", error.name()),
            GroupResponse::Leave(outcome) => {
                let errors: Vec<&str> = outcome.members.iter().map(|m| m.error.name()).collect();
                format!(
                    "{who} leave: {} [{}]",
                    outcome.error.name(),
                    errors.join(" ")
                )
            }
            GroupResponse::Commit(outcome) => {
                let errors = outcome.topics.iter().flat_map(|t| &t.partitions);
                let errors: Vec<&str> = errors.map(|p| p.error.name()).collect();
                format!("{who} commit: {}", errors.join(" "))
            }
            GroupResponse::Fetch(outcome) => {
                let mut line = format!("fetch: {}", outcome.error.name());
                for (topic, partitions) in outcome.topics {
                    for p in partitions {
                        write!(line, " {topic}-{}@{}", p.partition, p.offset).unwrap();
                        if !p.error.is_ok() {
                            write!(line, "({})", p.error.name()).unwrap();
                        }
                        if p.leader_epoch >= 0 || !p.metadata.is_empty() {
                            write!(line, "(epoch {} {:?})", p.leader_epoch, p.metadata).unwrap();
                        }
                    }
                }
                line
            }
            GroupResponse::OffsetDelete(outcome) => {
                let errors = outcome.topics.iter().flat_map(|t| &t.partitions);
                let errors: Vec<&str> = errors.map(|p| p.error.name()).collect();
                format!(
                    "delete-offsets: {} [{}]",
                    outcome.error.name(),
                    errors.join(" ")
                )
            }
            GroupResponse::Describe(group) => {
                let mut line = format!(
                    "describe: {} {} {}/{}",
                    group.error.name(),
                    group.state,
                    group.protocol_type,
                    group.protocol
                );
                for m in group.members {
                    write!(line, " {}={:?}", self.name(&m.member_id), m.assignment).unwrap();
                }
                line
            }
            GroupResponse::Delete(outcome) => format!("delete: {}", outcome.error.name()),
            GroupResponse::ConsumerHeartbeat(_) | GroupResponse::ConsumerDescribe(_) => {
                panic!("no script asks for this")
            }
        }
    }
}

fn fetch(words: &Words<'_>) -> GroupRequest {
    let topics = words.get("partitions").map(|partitions| {
        vec![PartitionsOf {
            topic: words.get("topic").unwrap_or("t").to_owned(),
            partitions: partitions.split(',').map(|p| p.parse().unwrap()).collect(),
        }]
    });
    GroupRequest::Fetch(OffsetFetch {
        group_id: words.group(),
        topics,
        member_epoch: -1,
        require_stable: words.get("stable").is_some(),
        ..OffsetFetch::default()
    })
}

fn committed(words: &Words<'_>, metadata: String) -> TopicCommit {
    TopicCommit {
        topic: words.get("topic").unwrap_or("t").to_owned(),
        topic_id: TopicId([7; 16]),
        partitions: vec![PartitionCommit {
            partition: words.number("partition", 0) as i32,
            offset: words.number("offset", 0),
            leader_epoch: words.number("epoch", -1) as i32,
            metadata: Some(metadata),
        }],
    }
}

fn delete_offsets(words: &Words<'_>) -> GroupRequest {
    GroupRequest::OffsetDelete(OffsetDelete {
        group_id: words.group(),
        topics: vec![PartitionsOf {
            topic: words.get("topic").unwrap_or("t").to_owned(),
            partitions: vec![words.number("partition", 0) as i32],
        }],
    })
}

/// `200ms`, `3s`, `10m`, `2h`, `7d`.
fn milliseconds(text: &str) -> u64 {
    let unit = text
        .find(|c: char| !c.is_ascii_digit())
        .expect("a time with its unit");
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().unwrap();
    number
        * match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            other => panic!("unknown unit {other}"),
        }
}
