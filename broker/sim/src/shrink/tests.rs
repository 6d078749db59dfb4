//! Lists shrink to what a failure needs, within the bound of tries.
//! Nothing is simulated here.

use super::shrink;

#[test]
fn what_is_needed_together_stays() {
    let needed = [3, 40, 41, 99];
    let shrunk = shrink(100, 10_000, |kept| needed.iter().all(|n| kept.contains(n)));
    assert_eq!(shrunk.kept, needed);
    assert!(shrunk.minimal);
    assert!(shrunk.tries < 100, "{} tries", shrunk.tries);
}

#[test]
fn a_run_that_fails_by_itself_needs_nothing() {
    let shrunk = shrink(50, 10, |_| true);
    assert_eq!(shrunk.kept, []);
    assert_eq!(shrunk.tries, 1);
    assert!(shrink(0, 10, |_| true).minimal);
}

#[test]
fn everything_stays_when_everything_is_needed() {
    let shrunk = shrink(9, 1_000, |kept| kept.len() == 9);
    assert_eq!(shrunk.kept, (0..9).collect::<Vec<_>>());
    assert!(shrunk.minimal);
}

#[test]
fn what_is_left_is_minimal_even_where_failing_is_not_monotone() {
    // Fails with 5 and an even number of others, or with 7 alone.
    let fails = |kept: &[usize]| (kept.contains(&5) && kept.len() % 2 == 1) || kept == [7];
    let shrunk = shrink(15, 10_000, fails);
    assert!(fails(&shrunk.kept));
    for index in 0..shrunk.kept.len() {
        let mut rest = shrunk.kept.clone();
        rest.remove(index);
        assert!(!fails(&rest));
    }
}

#[test]
fn tries_are_bounded_and_what_is_left_fails() {
    let mut tries = 0;
    let fails = |kept: &[usize]| kept.contains(&77) && kept.contains(&3);
    let shrunk = shrink(100, 4, |kept| {
        tries += 1;
        fails(kept)
    });
    assert_eq!((tries, shrunk.tries), (4, 4));
    assert!(!shrunk.minimal);
    assert!(fails(&shrunk.kept));
}
