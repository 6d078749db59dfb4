//! Random producers, leaders, slow logs, lost markers and moves of the coordinator, against what must hold always:
//! one outcome for a transaction in all its partitions, one holder of an epoch, one answer to a request.

#[path = "random_producers/clients.rs"]
mod clients;
mod harness;
#[path = "random_producers/leaders.rs"]
mod leaders;
#[path = "random_producers/world.rs"]
mod world;

use kring_wire::ErrorCode;
use proptest::prelude::*;
use world::{Action, CLIENTS, World};

fn action() -> impl Strategy<Value = Action> {
    // The one that has its id for itself gets further.
    let client = prop_oneof![0..CLIENTS - 1, Just(CLIENTS - 1)];
    let message = 0usize..8;
    prop_oneof![
        50 => (client.clone(), 0u8..8).prop_map(|(i, choice)| Action::Continue(i, choice)),
        1 => client.prop_map(Action::Crash),
        24 => message.clone().prop_map(Action::Deliver),
        2 => message.clone().prop_map(Action::DeliverAndLoseTheAnswer),
        2 => message.clone().prop_map(Action::DeliverAndDelayTheAnswer),
        1 => message.clone().prop_map(Action::Lose),
        2 => message.clone().prop_map(Action::Fail),
        3 => message.prop_map(Action::AnswerLate),
        4 => (1u64..6_000).prop_map(Action::Advance),
        1 => (6_000u64..70_000).prop_map(Action::Advance),
        1 => Just(Action::Hold),
        4 => Just(Action::CompleteFirst),
        3 => Just(Action::Complete),
        1 => Just(Action::Refuse(ErrorCode::NotEnoughReplicas)),
        1 => Just(Action::Refuse(ErrorCode::NotLeaderOrFollower)),
        3 => Just(Action::Accept),
        1 => (0usize..3, 0usize..6).prop_map(|(to, kept)| Action::FailOver { to, kept }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn transactions_hold_their_promises_whatever_happens(
        epochs_left in prop_oneof![3 => Just(None), 1 => (0i16..4).prop_map(Some)],
        actions in proptest::collection::vec(action(), 1..300),
    ) {
        let mut world = World::new(epochs_left);
        for action in actions {
            world.act(action);
        }
        world.recover();
        world.check_the_end();
    }
}
