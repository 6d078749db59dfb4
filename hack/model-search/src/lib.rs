//! How the protocol models are searched: whole within their bounds, or until something is broken.
//! The models, their bounds and their mutations lie beside the engines that they search.

#![forbid(unsafe_code)]

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

use stateright::{Checker, Model};

/// The property that each model states with [`State::broken`].
pub const INVARIANTS: &str = "the invariants hold";

/// Threads of a search.
const THREADS: usize = 2;
/// States after which a mutation counts as not caught.
const CAUGHT_WITHIN_STATES: usize = 1_000_000;

/// A state that remembers what was broken on the way to it.
pub trait State {
    /// The invariant, its name first, and how it was broken.
    fn broken(&self) -> Option<&str>;
}

/// Searches every state within the bounds, prints the figures that `cargo xtask models` adds up, and
/// checks that the search met what it was made for.
///
/// # Panics
/// When an invariant is broken, with the way there, or something that must happen never did.
pub fn search<M>(name: &str, search: &str, bounds: M)
where
    M: Model + Send + Sync + 'static,
    M::State: State + Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let started = Instant::now();
    let checker = bounds.checker().threads(THREADS).spawn_dfs().join();
    println!(
        "model={name} search={search} states={} transitions={} depth={} seconds={}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        started.elapsed().as_secs(),
    );
    if let Some(path) = checker.discovery(INVARIANTS) {
        let broken = path.last_state().broken().map(str::to_owned);
        panic!("{broken:?} after {:#?}", path.into_actions());
    }
    checker.assert_properties();
}

/// Which invariant is broken, if any; breadth first, so that the way there is short. One thread finds the same
/// each time: of two, one may take a place far ahead while the machine is busy.
#[must_use]
pub fn caught<M>(bounds: M) -> Option<String>
where
    M: Model + Send + Sync + 'static,
    M::State: State + Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checker = bounds.checker().threads(1);
    let checker = checker.target_state_count(CAUGHT_WITHIN_STATES).spawn_bfs();
    let path = checker.join().discovery(INVARIANTS)?;
    path.last_state().broken().map(str::to_owned)
}
