//! The broker: owner of the engines, and the order in which it lets them work.
//! What is done with what an engine says is in `route`; what clients ask is in `api`, `produce`, `fetch`.

use std::collections::{BTreeMap, VecDeque};

use kring_controller::quorum::FORGOT_KEY;
use kring_controller::{ClusterDefaults, ClusterImage, Controller, ControllerEvent, Registration};
use kring_groups::{GroupEvent, GroupResponse, Groups};
use kring_io::canary::{self, Canary};
use kring_io::{BrokerId, Now, Random};
use kring_log::{Log, Recovered};
use kring_replication::Replication;
use kring_transactions::{TransactionEvent, TransactionResponse, Transactions};

use crate::api::{delete_records, list_offsets};
use crate::calls::Calls;
use crate::config::BrokerConfig;
use crate::contact::Contact;
use crate::disk_watch::DiskWatch;
use crate::event::{Event, Output, Volume};
use crate::identity::Identity;
use crate::producer_ids::ProducerIds;
use crate::route::controller::Answered;
use crate::route::coordinators::{Coordinators, Place};
use crate::route::peers::PeerMessage;
use crate::route::persist::Persisting;
use crate::route::reads::Reads;
use crate::route::repair::Repairs;
use crate::route::replicas::Replicas;
use crate::session::Sessions;
use crate::shutdown::Shutdown;
use crate::timers::{Part, Timers};
use crate::{admin, dispatch, fetch, image_wait, lag, produce, shutdown, transactions};

/// Events that wait for the end of recovery at most; it takes well under a second.
const EARLY_EVENTS_MAX: usize = 10_000;

/// Keys of the metadata quorum in the log's state.
const CONTROLLER_STATE: &[u8] = b"m/";

/// The id that the disk got when it lost something that was durable. Until then it has that of its
/// data directory.
const DISK_ID: &[u8] = b"n/disk";

/// Something one engine wants of another, done before the step ends.
#[derive(Debug)]
pub(crate) enum Work {
    /// For the metadata quorum.
    Controller(ControllerEvent),
    /// For the group coordinators.
    Groups(GroupEvent),
    /// For the transaction coordinators.
    Transactions(TransactionEvent),
    /// A coordinator's partition may have more to replay.
    Replay(Place),
}

/// A whole broker without sockets, threads, clock or files.
///
/// The driver calls [`Broker::start`] once, [`Broker::step`] for each event, and [`Broker::finish`]
/// after each batch of events; then it carries the [`Output`] out.
pub struct Broker {
    pub(crate) config: BrokerConfig,
    pub(crate) identity: Identity,
    pub(crate) cluster_defaults: ClusterDefaults,
    pub(crate) random: Random,
    pub(crate) log: Log,
    /// None until the log is recovered, which holds its state.
    pub(crate) controller: Option<Controller>,
    pub(crate) empty_image: ClusterImage,
    /// This run has been registered and unfenced: partitions are open.
    pub(crate) opened: bool,
    pub(crate) replicas: Replicas,
    pub(crate) groups: Groups,
    pub(crate) transactions: Transactions,
    pub(crate) coordinators: Coordinators,
    /// Produce requests that wait for their transaction, and those behind them.
    pub(crate) held: produce::Held,
    /// Questions to the coordinators of transactions.
    pub(crate) questions: transactions::Questions,
    pub(crate) guards: transactions::Guards,
    /// Ends of transactions on their way to the high watermark.
    pub(crate) markers: transactions::MarkersUnderWay,
    pub(crate) sessions: Sessions,
    pub(crate) produce: produce::Waiting,
    pub(crate) refusals: produce::Refusals,
    pub(crate) fetch: fetch::Waiting,
    pub(crate) list_offsets: list_offsets::Waiting,
    pub(crate) delete_records: delete_records::Waiting,
    pub(crate) image_wait: image_wait::Waiting,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) controller_calls: Calls<Answered>,
    pub(crate) group_calls: Calls<GroupResponse>,
    pub(crate) transaction_calls: Calls<TransactionResponse>,
    pub(crate) persisting: Persisting,
    pub(crate) contact: Contact,
    pub(crate) disk_watch: DiskWatch,
    pub(crate) lag: lag::Lag,
    pub(crate) reads: Reads,
    pub(crate) repairs: Repairs,
    pub(crate) shutdown: Shutdown,
    pub(crate) timers: Timers,
    pub(crate) work: VecDeque<Work>,
    pub(crate) counters: crate::metrics::Counters,
    pub(crate) volume: Volume,
    /// Voters that have proven to belong to another cluster, and to which.
    pub(crate) other_clusters: BTreeMap<BrokerId, String>,
    early: VecDeque<Event>,
}

/// A log that may go on without what its disk lost where other brokers have it too.
fn new_log(config: &BrokerConfig, identity: &Identity, seed: u64) -> Log {
    let log = Log::new(config.log.clone(), seed);
    let others = config.voters.iter().any(|(id, _)| *id != identity.broker);
    if others {
        log.salvage(vec![FORGOT_KEY.to_vec(), DISK_ID.to_vec()])
    } else {
        log
    }
}

impl Broker {
    /// A broker that has touched nothing yet. `seed` makes its randomness.
    #[must_use]
    pub fn new(config: BrokerConfig, identity: Identity, seed: u64) -> Broker {
        let mut random = Random::new(seed);
        Broker {
            cluster_defaults: config.cluster_defaults(),
            log: new_log(&config, &identity, random.next_u64()),
            controller: None,
            empty_image: ClusterImage::default(),
            opened: false,
            replicas: Replicas::new(identity.broker, config.replication.clone()),
            groups: Groups::new(config.groups.clone(), random.next_u64()),
            transactions: Transactions::new(config.transactions.clone()),
            coordinators: Coordinators::default(),
            held: produce::Held::default(),
            questions: transactions::Questions::default(),
            guards: transactions::Guards::default(),
            markers: transactions::MarkersUnderWay::default(),
            sessions: Sessions::default(),
            produce: produce::Waiting::default(),
            refusals: produce::Refusals::default(),
            fetch: fetch::Waiting::default(),
            list_offsets: list_offsets::Waiting::default(),
            delete_records: delete_records::Waiting::default(),
            image_wait: image_wait::Waiting::default(),
            producer_ids: ProducerIds::default(),
            controller_calls: Calls::default(),
            group_calls: Calls::default(),
            transaction_calls: Calls::default(),
            persisting: Persisting::default(),
            contact: Contact::default(),
            disk_watch: DiskWatch::default(),
            lag: lag::Lag::default(),
            reads: Reads::default(),
            repairs: Repairs::default(),
            shutdown: Shutdown::default(),
            timers: Timers::default(),
            work: VecDeque::new(),
            counters: crate::metrics::Counters::default(),
            volume: Volume::UNKNOWN,
            other_clusters: BTreeMap::new(),
            early: VecDeque::new(),
            config,
            identity,
            random,
        }
    }

    /// `node.id`.
    #[must_use]
    pub fn id(&self) -> BrokerId {
        self.identity.broker
    }

    /// The log, for whoever reads replicas behind the engine's back, as the simulator's final read
    /// does. What is taken out of it or changed in it, the engine does not learn.
    pub fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// The log, to look at it.
    #[must_use]
    pub fn seen_log(&self) -> &Log {
        &self.log
    }

    /// The replication engine, to look at it.
    #[must_use]
    pub fn seen_replication(&self) -> &Replication {
        self.replicas.engine()
    }

    /// Begins recovery. Client requests may come at once; they wait.
    pub fn start(&mut self, now: Now, out: &mut Output) {
        self.log.start(now, &mut out.effects);
        self.finish(now, out);
    }

    /// Takes one event.
    pub fn step(&mut self, now: Now, event: Event, out: &mut Output) {
        self.note_turn(now);
        match event {
            Event::Disk(done) => self.disk_done(now, done, out),
            Event::Opened { conn, host } => self.sessions.open(conn, host),
            Event::Shutdown => shutdown::begin(self, now, out),
            Event::Volume(volume) => self.volume = volume,
            Event::Wake => {}
            event if self.controller.is_none() => self.wait_for_recovery(event),
            event => self.take(now, event, out),
        }
        self.settle(now, out);
    }

    /// Ends a batch of events: what is due is done, and what was appended goes to the disk.
    pub fn finish(&mut self, now: Now, out: &mut Output) {
        while let Some(part) = self.timers.take_due(now.mono) {
            self.wake(now, part, out);
            self.settle(now, out);
        }
        produce::retry_held(self, now, out);
        transactions::expire(self, now, out);
        produce::expire(self, now, out);
        delete_records::expire(self, now, out);
        image_wait::expire(self, now, out);
        self.retry_replays(now, out);
        shutdown::tick(self, now, out);
        self.watch_disk(now);
        lag::tick(self, now, out);
        self.ask_for_repairs(now, out);
        self.settle(now, out);
        fetch::serve(self, now, out);
        self.finish_replicas(now, out);
        self.settle(now, out);
        self.log.submit(now, &mut out.effects);
        // The log wishes through the effects; the wish is also kept here, because it must be woken then.
        self.timers.wish(Part::Log, out.effects.wake_at);
        let deadlines = [
            self.timers.earliest(),
            self.produce.next_deadline(),
            self.held.next_deadline(),
            self.questions.next_deadline(),
            self.fetch.next_deadline(),
            self.delete_records.next_deadline(),
            self.image_wait.next_deadline(),
            self.coordinators.next_deadline(),
            self.shutdown.next_deadline(),
            self.disk_watch_deadline(now),
            self.repair_deadline(),
            canary::is_on(Canary::DeadlineKept).then_some(now.mono),
        ];
        if let Some(at) = deadlines.into_iter().flatten().min() {
            out.effects.wake_at(at);
        }
    }

    fn take(&mut self, now: Now, event: Event, out: &mut Output) {
        match event {
            Event::Request { id, frame } => dispatch::request(self, now, id, frame, out),
            Event::Taken(request) => self.fetch.taken(request),
            Event::Closed(conn) => {
                self.sessions.close(conn);
                self.produce.close(conn);
                self.held.close(conn);
                self.fetch.close(conn);
                self.list_offsets.close(conn);
                self.delete_records.close(conn);
            }
            Event::OtherCluster { from, cluster_id } => {
                self.other_cluster(from, cluster_id, out);
            }
            Event::PeerConnected(peer) => {
                self.other_clusters.remove(&peer);
                self.step_controller(now, ControllerEvent::PeerConnected(peer), out);
                self.replicas_connected(now, peer, out);
            }
            Event::Peer { from, message } => match PeerMessage::parse(message) {
                Some(PeerMessage::Controller(bytes)) => {
                    self.step_controller(now, ControllerEvent::Message { from, bytes }, out);
                }
                Some(PeerMessage::Replication(bytes)) => {
                    self.replicas_message(now, from, bytes, out);
                }
                Some(PeerMessage::Transactions(bytes)) => {
                    transactions::message(self, now, from, &bytes, out);
                }
                Some(PeerMessage::Lag(bytes)) => lag::message(self, from, &bytes, out),
                None => tracing::warn!(%from, "peer message of an unknown kind dropped"),
            },
            Event::Admin { id, request } => admin::handle(self, now, id, request, out),
            Event::Disk(_)
            | Event::Opened { .. }
            | Event::Volume(_)
            | Event::Wake
            | Event::Shutdown => {
                unreachable!("taken by step")
            }
        }
    }

    fn wait_for_recovery(&mut self, event: Event) {
        if self.early.len() < EARLY_EVENTS_MAX {
            self.early.push_back(event);
        } else {
            tracing::warn!("event dropped: too many wait for the end of recovery");
        }
    }

    /// The log can be used: the quorum gets its stored state, and everybody who waited is heard.
    pub(crate) fn recovered(&mut self, now: Now, recovered: Recovered, out: &mut Output) {
        tracing::info!(
            clean = recovered.clean,
            salvaged = recovered.salvaged,
            replayed_bytes = recovered.replayed_bytes,
            duration_us = recovered.duration_us,
            "log recovered"
        );
        let registration = self.registration(recovered);
        let controller = Controller::new(
            self.config.controller_config(self.identity.broker),
            registration,
            self.random.next_u64(),
            self.log.state_range(CONTROLLER_STATE),
            now,
        );
        match controller {
            Ok(controller) => self.controller = Some(controller),
            Err(error) => {
                out.fatal = Some(error.to_string());
                return;
            }
        }
        self.step_controller(now, ControllerEvent::CaughtUp, out);
        while let Some(event) = self.early.pop_front() {
            self.take(now, event, out);
        }
    }

    fn registration(&self, recovered: Recovered) -> Registration {
        let stored = self.log.state_value(DISK_ID);
        let stored = stored.and_then(|id| id.as_ref().try_into().ok());
        let disk_id = stored.unwrap_or(self.identity.disk_id);
        Registration {
            broker: self.identity.broker,
            incarnation: self.identity.incarnation,
            disk_id,
            version: self.identity.version.clone(),
            rack: self.config.broker_rack.clone(),
            listeners: self.identity.listeners.clone(),
            peer_address: self.identity.peer_address.clone(),
            clean_start: recovered.clean,
            journal_intact: !recovered.salvaged,
        }
    }

    fn wake(&mut self, now: Now, part: Part, out: &mut Output) {
        match part {
            Part::Controller => self.step_controller(now, ControllerEvent::Wake, out),
            Part::Groups => self.step_groups(now, GroupEvent::Wake, out),
            Part::Transactions => self.step_transactions(now, TransactionEvent::Wake, out),
            Part::Replication => self.replicas_wake(now, out),
            Part::Log => self.wake_log(now, out),
        }
    }

    /// Lets the engines answer each other until none has anything to say.
    fn settle(&mut self, now: Now, out: &mut Output) {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Controller(event) => self.step_controller(now, event, out),
                Work::Groups(event) => self.step_groups(now, event, out),
                Work::Transactions(event) => self.step_transactions(now, event, out),
                Work::Replay(place) => self.replay(now, place, out),
            }
        }
    }
}
