//! Consumer groups that rebalance and heartbeat, of the classic protocol: how long a round takes, and what it costs.
//! Members consume nothing, and their assignment is so many bytes.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use kring_wire::{DecodeError, Decoder, ErrorCode, encode};

use crate::statistics::Done;
use crate::{call, statistics};

/// Groups of as many members each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grouping {
    pub(crate) groups: usize,
    pub(crate) members: usize,
}

const FIND_COORDINATOR: (i16, i16) = (10, 2);
const HEARTBEAT: (i16, i16) = (12, 2);
const JOIN_GROUP: (i16, i16) = (11, 4);
const SYNC_GROUP: (i16, i16) = (14, 2);
const MEMBER_ID_REQUIRED: i16 = 79;
/// Longer than any turn, so that nobody is given up while the load waits for others.
const SESSION_MS: i32 = 60_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// What a subscription to a topic or two has.
const METADATA_BYTES: usize = 60;
/// What an assignment of some partitions has.
const ASSIGNMENT_BYTES: usize = 100;
/// Heartbeats of each member between two rounds.
const HEARTBEATS: usize = 10;

struct Member {
    stream: TcpStream,
    group: String,
    id: String,
    generation: i32,
    /// All members of the group, where this one leads it.
    led: Vec<String>,
}

/// Rounds for as long as asked, one after the other; all groups at once. Latency is from the first member's request
/// to join until the last one has its assignment. Requests are all that were answered, heartbeats among them.
pub(crate) fn run(
    address: SocketAddr,
    name: &str,
    grouping: Grouping,
    time_max: Duration,
) -> Result<Done, String> {
    let mut members = Vec::with_capacity(grouping.groups * grouping.members);
    for group in 0..grouping.groups {
        for _ in 0..grouping.members {
            members.push(Member::new(address, &format!("{name}-{group}"))?);
        }
    }
    for member in &mut members {
        member.find_coordinator()?;
    }
    let mut done = Done::default();
    // The first round gives the members their ids.
    round(&mut members, 0)?;
    let start = Instant::now();
    for number in 1.. {
        let begun = Instant::now();
        let asked = round(&mut members, number)?;
        statistics::note(&mut done.latency, begun.elapsed());
        done.requests += asked + heartbeats(&mut members)?;
        if start.elapsed() >= time_max {
            break;
        }
    }
    done.elapsed = start.elapsed();
    Ok(done)
}

/// Everybody joins anew and gets an assignment. Gives the number of requests.
fn round(members: &mut [Member], number: u64) -> Result<u64, String> {
    for member in members.iter_mut().filter(|member| member.id.is_empty()) {
        member.ask_to_join(number)?;
        member.joined()?;
    }
    // A group waits for those who were given an id, so that nobody comes too late for the round.
    members
        .iter_mut()
        .try_for_each(|member| member.ask_to_join(number))?;
    members.iter_mut().try_for_each(Member::joined)?;
    members
        .iter_mut()
        .try_for_each(Member::ask_for_assignment)?;
    members.iter_mut().try_for_each(Member::assigned)?;
    Ok(2 * members.len() as u64)
}

fn heartbeats(members: &mut [Member]) -> Result<u64, String> {
    for _ in 0..HEARTBEATS {
        members.iter_mut().try_for_each(Member::ask_to_beat)?;
        members.iter_mut().try_for_each(Member::beaten)?;
    }
    Ok((HEARTBEATS * members.len()) as u64)
}

impl Member {
    fn new(address: SocketAddr, group: &str) -> Result<Member, String> {
        Ok(Member {
            stream: call::connect(address, Duration::from_secs(10))?,
            group: group.to_owned(),
            id: String::new(),
            generation: -1,
            led: Vec::new(),
        })
    }

    /// Waits until the group has a coordinator that answers.
    fn find_coordinator(&mut self) -> Result<(), String> {
        const OF_GROUP: i8 = 0;
        let until = Instant::now() + PATIENCE;
        loop {
            call::ask(&mut self.stream, FIND_COORDINATOR, |buf| {
                encode::string(buf, false, Some(&self.group));
                buf.put_i8(OF_GROUP);
            })?;
            let found = self.error(FIND_COORDINATOR)?;
            // A coordinator is named before it has read its log: only a heartbeat tells.
            self.ask_to_beat()?;
            let loaded = self.error(HEARTBEAT)?;
            let unknown = ErrorCode::UnknownMemberId.code();
            if found == 0 && loaded == unknown {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!(
                    "group {} has no coordinator: {found}, {loaded}",
                    self.group
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// With other metadata than before, so that the group rebalances.
    fn ask_to_join(&mut self, round: u64) -> Result<(), String> {
        let (group, id) = (&self.group, &self.id);
        call::ask(&mut self.stream, JOIN_GROUP, |buf| {
            encode::string(buf, false, Some(group));
            buf.put_i32(SESSION_MS);
            buf.put_i32(SESSION_MS);
            encode::string(buf, false, Some(id));
            encode::string(buf, false, Some("consumer"));
            encode::array(buf, false, Some(1));
            encode::string(buf, false, Some("range"));
            bytes(buf, &metadata(round));
        })
    }

    fn joined(&mut self) -> Result<(), String> {
        let mut read = call::answer(&mut self.stream, JOIN_GROUP)?;
        let error = self
            .take_generation(&mut read)
            .map_err(|e| format!("JoinGroup: {e}"))?;
        self.taken("JoinGroup", error, &[0, MEMBER_ID_REQUIRED])
    }

    fn take_generation(&mut self, read: &mut Decoder) -> Result<i16, DecodeError> {
        read.i32("throttle")?;
        let error = read.i16("error")?;
        self.generation = read.i32("generation")?;
        read.nullable_string("protocol", false)?;
        read.string("leader", false)?;
        self.id = read.string("member", false)?.to_string();
        self.led.clear();
        for _ in 0..read.array("members", false, 6)? {
            self.led.push(read.string("member", false)?.to_string());
            read.nullable_bytes("metadata", false)?;
        }
        Ok(error)
    }

    fn ask_for_assignment(&mut self) -> Result<(), String> {
        let (group, id, generation, led) = (&self.group, &self.id, self.generation, &self.led);
        call::ask(&mut self.stream, SYNC_GROUP, |buf| {
            encode::string(buf, false, Some(group));
            buf.put_i32(generation);
            encode::string(buf, false, Some(id));
            encode::array(buf, false, Some(led.len()));
            for member in led {
                encode::string(buf, false, Some(member));
                bytes(buf, &[7; ASSIGNMENT_BYTES]);
            }
        })
    }

    fn assigned(&mut self) -> Result<(), String> {
        let error = self.error(SYNC_GROUP)?;
        self.taken("SyncGroup", error, &[0])
    }

    fn ask_to_beat(&mut self) -> Result<(), String> {
        let (group, id, generation) = (&self.group, &self.id, self.generation);
        call::ask(&mut self.stream, HEARTBEAT, |buf| {
            encode::string(buf, false, Some(group));
            buf.put_i32(generation);
            encode::string(buf, false, Some(id));
        })
    }

    fn beaten(&mut self) -> Result<(), String> {
        let error = self.error(HEARTBEAT)?;
        self.taken("Heartbeat", error, &[0])
    }

    /// Error code of an answer that begins with throttle and error.
    fn error(&mut self, api: (i16, i16)) -> Result<i16, String> {
        let mut read = call::answer(&mut self.stream, api)?;
        let mut error = || {
            read.i32("throttle")?;
            read.i16("error")
        };
        error().map_err(|e: DecodeError| format!("API key {}: {e}", api.0))
    }

    fn taken(&self, what: &str, error: i16, allowed: &[i16]) -> Result<(), String> {
        if allowed.contains(&error) {
            return Ok(());
        }
        let name = ErrorCode::from_code(error);
        Err(format!(
            "{what} of a member of {} was answered with {name:?} ({error})",
            self.group
        ))
    }
}

fn metadata(round: u64) -> [u8; METADATA_BYTES] {
    let mut metadata = [0; METADATA_BYTES];
    metadata[..8].copy_from_slice(&round.to_be_bytes());
    metadata
}

fn bytes(buf: &mut BytesMut, content: &[u8]) {
    encode::bytes_len(buf, false, Some(content.len()));
    buf.put_slice(content);
}
