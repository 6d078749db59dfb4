//! The suite that every driver of the [`Disk`] seam passes: one function per promise.
//! It asserts what `disk.rs` says and nothing about speed; faults beyond power loss are the simulator's own tests.
//!
//! A driver's test file implements [`Fixture`] and calls [`crate::conformance_tests!`] with an
//! expression that makes one on an empty data directory.

mod files;
mod flight;
mod names;
mod script;

pub use files::*;
pub use flight::*;
pub use names::*;
pub use script::Script;

use crate::Disk;

/// A driver under test, on a data directory of its own that starts empty.
pub trait Fixture {
    /// The driver.
    fn disk(&mut self) -> &mut dyn Disk;

    /// Loses power, as far as the fixture can make it: what was not durable may vanish, no file
    /// is open afterwards, and [`Fixture::disk`] is a new driver on the same directory.
    fn crash(&mut self);
}

/// Makes one `#[test]` per promise; `$fixture` is an expression that gives a new [`Fixture`].
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:expr) => {
        $crate::conformance_tests!(@each $fixture;
            what_was_written_is_read,
            a_read_is_short_at_the_end_of_the_file,
            parts_are_written_one_after_the_other,
            large_gathering_writes_continue_within_a_page,
            a_new_length_cuts_or_adds_zeros,
            opening_tells_the_length,
            a_durable_write_survives_a_crash,
            synced_writes_survive_a_crash,
            an_unsynced_sector_is_old_or_new_after_a_crash,
            a_missing_file_is_not_found,
            entries_are_listed_in_the_order_of_their_names,
            renaming_replaces_the_target,
            removing_takes_whole_directories_and_forgives_missing_ones,
            a_synced_rename_survives_a_crash,
            unaligned_journal_operations_are_refused,
            operations_on_files_that_are_not_open_are_refused,
            many_operations_complete_exactly_once,
            closing_waits_for_operations_under_way,
            a_wake_before_the_wait_is_not_lost,
            a_wait_ends_at_its_timeout,
        );
    };
    (@each $fixture:expr; $($promise:ident,)*) => {
        $(
            #[test]
            fn $promise() {
                $crate::conformance::$promise(&mut $fixture);
            }
        )*
    };
}
