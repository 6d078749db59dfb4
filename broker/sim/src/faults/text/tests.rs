//! Every fault is read back from the line it prints.
//! The faults come from the drawing of many seeds, so that a new one cannot be left out.

use std::collections::BTreeSet;

use kring_io::{BrokerId, Instant};

use super::{print, read};
use crate::faults::draw::{self, Menu, Pace};

#[test]
fn a_plan_is_read_back_as_it_was_printed() {
    let brokers: Vec<BrokerId> = (0..3).map(BrokerId).collect();
    let mut names = BTreeSet::new();
    for seed in 0..50 {
        let until = Instant(600_000_000_000);
        let plan = draw::plan(seed, &brokers, Instant(0), until, Pace::STORM, &Menu::all());
        let text = print(&plan);
        names.extend(
            text.lines()
                .filter_map(|line| Some(line.split(' ').nth(1)?.to_owned())),
        );
        assert_eq!(read(&text).as_ref(), Ok(&plan));
    }
    assert_eq!(names.len(), 29, "{names:?}");
}

#[test]
fn a_line_that_is_no_fault_is_named() {
    assert_eq!(
        read("17 melt 0").unwrap_err(),
        "fault `melt 0`: there is no fault `melt`"
    );
    assert_eq!(
        read("17 heal now").unwrap_err(),
        "fault `heal now`: `now` is too much"
    );
    assert_eq!(
        read("17 rot 0 tape bit 1").unwrap_err(),
        "fault `rot 0 tape bit 1`: `tape` is none of journal, checkpoint, segment, meta"
    );
    assert_eq!(read("# nothing\n\n"), Ok(Vec::new()));
}
