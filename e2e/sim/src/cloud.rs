//! The whole: brokers, nodes, API server and operator processes in one order of time.
//! It carries every request and answer, and draws how long each takes and what becomes of it.

mod admin;
mod api;
mod operators;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::channel::oneshot;
use kring_admin_client::{Call, Endpoint, Error, Reply};
use kring_io::{BrokerId, Instant, Random};
use kring_reconcile::fake_kubernetes::Answer;
use kring_sim::trace::Trace;
use kring_sim::world::World;

use crate::api_server::ApiServer;
use crate::kubelet::Kubelet;
use crate::operator::Operator;
use crate::port::ApiCall;
use crate::promises::Promises;

/// Pace of controllers, nodes and checks.
const TICK: Duration = Duration::from_millis(100);
/// When the operator dies, counted in its effective writes since the scenario began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Just before this write takes effect.
    Before(u64),
    /// Just after it took effect, without its answer.
    After(u64),
    /// The write is under way for seconds; meanwhile the process is taken for dead and another one
    /// works. When the write arrives, the first process notices that it lost its lease, and ends.
    Late(u64),
    /// The same of an order to the brokers, counted since the scenario began.
    LateOrder(u64),
    /// After every so many writes, again and again.
    Every(u64),
}

/// What goes wrong between the operator and the API server, each as one in so many; 0 is never.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trouble {
    /// Somebody changes the KafkaCluster between a round's read and its write.
    pub(crate) conflict_one_in: u64,
    /// A round reads what was so up to 8 s ago.
    pub(crate) stale_one_in: u64,
    /// An answer is an error, though the request was carried out.
    pub(crate) lost_answer_one_in: u64,
    /// A request is refused with 503 and not carried out.
    pub(crate) refused_one_in: u64,
}

/// How often things happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Reconciles that began.
    pub rounds: u64,
    /// Writes of the operator that changed something.
    pub writes: u64,
    /// Operators that were killed.
    pub operator_kills: u64,
    /// Writes that arrived after another operator had begun.
    pub late_writes: u64,
    /// Those of them that the API server refused, because what they were decided on had changed.
    pub late_refused: u64,
    /// Orders to brokers, each counted when it is first given.
    pub orders: u64,
    /// Orders that arrived after another operator had begun.
    pub late_orders: u64,
    /// Status writes that met another resourceVersion.
    pub conflicts: u64,
    /// Rounds that read the past.
    pub stale_rounds: u64,
    /// Answers that were lost.
    pub lost_answers: u64,
    /// Requests that were refused.
    pub refused: u64,
}

enum Due {
    Tick,
    Start,
    Begin(u64),
    Api(u64, ApiCall, oneshot::Sender<Answer>),
    ApiAnswer(u64, Answer, oneshot::Sender<Answer>),
    Admin(u64, Endpoint, Call, oneshot::Sender<Result<Reply, Error>>),
    AdminAnswer(
        u64,
        Result<Reply, Error>,
        Option<oneshot::Sender<Result<Reply, Error>>>,
    ),
    /// A late write arrives; its process ends with it.
    Late(u64, ApiCall),
    /// The same of an order to a broker.
    LateOrder(u64, Endpoint, Call),
}

struct Process {
    operator: Operator,
    /// When the next round begins, if none is under way.
    next: Option<Instant>,
    began: Instant,
    /// Something changed while a round was under way.
    dirty: bool,
    /// How old what this round reads is.
    lag: Duration,
}

/// A question to a broker that waits for the engine.
struct Question {
    process: u64,
    endpoint: Endpoint,
    broker: BrokerId,
    life: u64,
    until: Instant,
    /// None where nobody waits for the answer.
    sender: Option<oneshot::Sender<Result<Reply, Error>>>,
}

/// The whole.
pub(crate) struct Cloud {
    pub(crate) world: World,
    pub(crate) api: ApiServer,
    pub(crate) kubelet: Kubelet,
    pub(crate) promises: Promises,
    pub(crate) trouble: Trouble,
    pub(crate) crash: Option<Crash>,
    pub(crate) counts: Counts,
    processes: BTreeMap<u64, Process>,
    /// One is on its way: a second would be a second leader, which a lease rules out.
    starting: bool,
    processes_started: u64,
    /// The youngest process that has changed something.
    youngest_writer: u64,
    questions: BTreeMap<u64, Question>,
    questions_asked: u64,
    last_order: Option<(String, Vec<u8>)>,
    touches: u64,
    due: BTreeMap<(Instant, u64), Due>,
    numbered: u64,
    random: Random,
    trace: Trace,
}

impl Cloud {
    /// A cloud at the world's time, with an operator that is about to start.
    pub(crate) fn new(world: World, seed: u64) -> Cloud {
        let mut random = Random::new(seed);
        let now = world.now();
        let mut cloud = Cloud {
            world,
            api: ApiServer::default(),
            kubelet: Kubelet::new(random.next_u64()),
            promises: Promises::default(),
            trouble: Trouble::default(),
            crash: None,
            counts: Counts::default(),
            processes: BTreeMap::new(),
            starting: false,
            processes_started: 0,
            youngest_writer: 0,
            questions: BTreeMap::new(),
            questions_asked: 0,
            last_order: None,
            touches: 0,
            due: BTreeMap::new(),
            numbered: 0,
            random,
            trace: Trace::default(),
        };
        cloud.later(now, Due::Tick);
        cloud.start_after(Duration::ZERO);
        cloud
    }

    /// The hash of everything so far, brokers included.
    pub(crate) fn hash(&self) -> u64 {
        let mut trace = self.trace;
        trace.add(self.now(), 0, 0, &self.world.trace().to_be_bytes());
        trace.value()
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        self.world.now()
    }

    /// Runs until `until`, or until `enough` says so; it is asked at every tick.
    pub(crate) fn run(&mut self, until: Instant, mut enough: impl FnMut(&mut Cloud) -> bool) {
        loop {
            let next = self.due.keys().next().map_or(until, |(at, _)| *at);
            self.world.run(next.min(until), World::has_answers);
            self.take_answers();
            let mut ticked = false;
            while let Some(entry) = self
                .due
                .first_entry()
                .filter(|entry| entry.key().0 <= self.world.now())
            {
                let due = entry.remove();
                ticked |= matches!(due, Due::Tick);
                self.happen(due);
            }
            if (ticked && enough(self)) || self.now() >= until {
                return;
            }
        }
    }

    /// A fault of the world: what is wrong in the next seconds is not the operator's doing.
    pub(crate) fn disturbed(&mut self) {
        self.promises.disturbed(self.now());
    }

    /// Something in Kubernetes changed: watches start rounds.
    pub(crate) fn notify(&mut self) {
        let now = self.now();
        let delays: Vec<(u64, Duration)> = self
            .processes
            .keys()
            .map(|number| (*number, Duration::from_millis(2 + self.random.below(40))))
            .collect();
        for (number, delay) in delays {
            let process = self.processes.get_mut(&number).expect("it was just listed");
            if process.operator.is_busy() {
                process.dirty = true;
            } else {
                self.begin_at(number, now + delay);
            }
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Tick => self.tick(),
            Due::Start => self.start_operator(),
            Due::Begin(number) => self.begin(number),
            Due::Api(number, call, sender) => self.api_call(number, call, sender),
            Due::ApiAnswer(number, answer, sender) => {
                let _ = sender.send(answer);
                self.turn(number);
            }
            Due::Admin(number, endpoint, call, sender) => {
                self.admin_call(number, endpoint, &call, sender);
            }
            Due::AdminAnswer(number, answer, sender) => {
                let _ = sender.map(|sender| sender.send(answer));
                self.turn(number);
            }
            Due::Late(number, call) => {
                if self.processes.contains_key(&number) {
                    self.counts.late_writes += 1;
                    let (status, _) = self.apply(number, &call);
                    self.counts.late_refused += u64::from(status == 409);
                    self.kill(number);
                }
            }
            Due::LateOrder(number, endpoint, call) => {
                if self.processes.contains_key(&number) {
                    self.counts.late_orders += 1;
                    self.ask_broker(number, endpoint, &call, None);
                    self.kill(number);
                }
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        let before = self.api.store.version();
        self.kubelet.tick(now, &mut self.api, &mut self.world);
        self.promises.look(now, &mut self.world);
        if self.trouble.stale_one_in > 0 {
            self.api.remember(now);
        }
        if self.api.store.version() != before {
            self.notify();
        }
        self.give_up_questions();
        let waiting: Vec<u64> = self
            .processes
            .iter()
            .filter(|(_, process)| {
                process.operator.is_busy() && now.since(process.began) > Duration::from_secs(10)
            })
            .map(|(number, _)| *number)
            .collect();
        for number in waiting {
            // Its own time limits may have passed.
            self.turn(number);
        }
        self.later(now + TICK, Due::Tick);
    }

    fn one_in(&mut self, count: u64) -> bool {
        count > 0 && self.random.below(count) == 0
    }

    fn later(&mut self, at: Instant, due: Due) {
        self.numbered += 1;
        self.due.insert((at, self.numbered), due);
    }
}
