//! The rules of transactions, one test each, against a coordinator with a log that does as it is told.
//! Faults at any moment are in `random_producers`.

#[path = "rules/actor.rs"]
mod actor;
#[path = "rules/add.rs"]
mod add;
#[path = "rules/end.rs"]
mod end;
#[path = "rules/end_raising_epochs.rs"]
mod end_raising_epochs;
mod harness;
#[path = "rules/init.rs"]
mod init;
#[path = "rules/markers.rs"]
mod markers;
#[path = "rules/storing.rs"]
mod storing;
#[path = "rules/time.rs"]
mod time;
