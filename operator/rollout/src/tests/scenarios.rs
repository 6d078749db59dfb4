//! Runs `scenarios/*.txt`: one command a line, `#` begins a comment.
//! A bug first becomes a file there.

use kring_crds::kafka_cluster::SingleReplica;

use super::world::World;

const ROUNDS_MAX: u32 = 500;

#[test]
fn every_scenario_goes_as_written() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 8, "scenarios are missing");
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        run(&name, &std::fs::read_to_string(&file).unwrap());
    }
}

fn run(name: &str, text: &str) {
    let mut world = World::new(3, 6, 3);
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            let place = format!("{name}:{}: {line}", at + 1);
            command(&mut world, line, &place);
        }
    }
}

fn command(world: &mut World, line: &str, place: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| {
        words[at]
            .parse::<i32>()
            .unwrap_or_else(|_| panic!("{place}: number"))
    };
    match words[0] {
        "cluster" => *world = World::new(number(1), number(2), number(3)),
        "template" => world.target = words[1].into(),
        "bad" => {
            world.bad.insert(words[1].into());
        }
        "mute" => {
            world.mute.insert(words[1].into());
        }
        "good" => {
            world.bad.remove(words[1]);
        }
        "freeze" => world.frozen = true,
        "thaw" => world.frozen = false,
        "reasons" => assert_eq!(
            world.status.reasons.join(", "),
            words[1..].join(" "),
            "{place}"
        ),
        "down" => world.hold_down(number(1), true),
        "up" => world.hold_down(number(1), false),
        "lose-disk" => world.lose_disk(number(1)),
        "accept-disk" => world.accept_disk(number(1)),
        "single-replica" => {
            world.policy.single_replica = if words[1] == "ignore" {
                SingleReplica::Ignore
            } else {
                SingleReplica::Block
            };
        }
        "rounds" => (0..number(1)).for_each(|_| world.round(false)),
        "operator-dies" => world.round(true),
        "until" => until(world, &words[1..].join(" "), place),
        "settles" => {
            for _ in 0..ROUNDS_MAX {
                if world.is_settled() {
                    return;
                }
                world.round(false);
            }
            panic!(
                "{place}: {} {:?}",
                world.status.progress, world.status.grant
            );
        }
        "stopped" => {
            let stopped = world
                .stopped
                .iter()
                .map(i32::to_string)
                .collect::<Vec<_>>()
                .join(" ");
            assert_eq!(stopped, words[1..].join(" "), "{place}");
        }
        "warned" => assert!(
            world.warnings.iter().any(|w| w == words[1]),
            "{place}: {:?}",
            world.warnings
        ),
        "stays" => {
            let before = world.status.clone();
            for _ in 0..20 {
                world.round(false);
            }
            assert_eq!(
                world.status, before,
                "{place}: the status changed while nothing did"
            );
        }
        other => panic!("{place}: unknown command {other}"),
    }
}

fn until(world: &mut World, progress: &str, place: &str) {
    for _ in 0..ROUNDS_MAX {
        if world.status.progress == progress {
            return;
        }
        world.round(false);
    }
    panic!(
        "{place}: it is at {:?} {:?}",
        world.status.progress, world.status.grant
    );
}
