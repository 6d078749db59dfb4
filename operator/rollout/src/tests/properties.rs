//! Random interleavings of operator deaths, broker deaths and changed templates.
//! The world checks ROLL-1 and ROLL-2 at each deletion; here it is checked that it always ends.

use proptest::prelude::*;

use super::world::World;

#[derive(Clone, Debug)]
enum Fault {
    Quiet(u8),
    OperatorDies,
    Down(u8),
    Up(u8),
    Template(u8),
    Bad(u8),
    Freeze(bool),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => (1..20_u8).prop_map(Fault::Quiet),
        2 => Just(Fault::OperatorDies),
        1 => any::<u8>().prop_map(Fault::Down),
        2 => any::<u8>().prop_map(Fault::Up),
        1 => (0..3_u8).prop_map(Fault::Template),
        1 => (0..3_u8).prop_map(Fault::Bad),
        1 => any::<bool>().prop_map(Fault::Freeze),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_rollout_is_safe_at_each_step_and_ends_when_the_faults_do(
        brokers in 3..6_i32,
        partitions in 1..9_i32,
        wish in 0..3_i32,
        faults in proptest::collection::vec(fault(), 1..40),
    ) {
        let mut world = World::new(brokers, partitions, 3);
        world.controller_wish = wish;
        let name = |template: u8| char::from(b'b' + template).to_string();
        for fault in faults {
            match fault {
                Fault::Quiet(rounds) => (0..rounds).for_each(|_| world.round(false)),
                Fault::OperatorDies => world.round(true),
                Fault::Down(id) => world.hold_down(i32::from(id) % brokers, true),
                Fault::Up(id) => world.hold_down(i32::from(id) % brokers, false),
                Fault::Freeze(frozen) => world.frozen = frozen,
                Fault::Template(template) => world.target = name(template),
                Fault::Bad(template) => {
                    world.bad.clear();
                    world.bad.insert(name(template));
                }
            }
            world.round(false);
        }
        world.frozen = false;
        world.bad.clear();
        world.target = "z".into();
        for id in world.brokers() {
            world.hold_down(id, false);
        }
        let mut rounds = 0;
        while !world.is_settled() {
            world.round(false);
            rounds += 1;
            prop_assert!(rounds < 1000, "stuck at {} {:?}", world.status.progress, world.status.grant);
        }
        prop_assert_eq!(world.status.done, world.status.total);
    }
}
