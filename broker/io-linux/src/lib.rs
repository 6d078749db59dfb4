//! The real drivers of the seam on Linux: io_uring and posix, and the probe that chooses one.
//! It knows nothing of Kafka; it moves bytes between buffers and files.
//!
//! Both drivers share everything but the way of journal blocks: a table of open files, a small pool
//! of worker threads for whatever may block, and a mailbox that ends the engine's sleep. The
//! io_uring driver sends journal reads and writes through a ring instead of the pool. This is the
//! only crate with `unsafe`, in `uring/` and for one call of `heap.rs`.

mod bounce;
mod choose;
mod clock;
mod errno;
mod fence;
mod file;
mod heap;
mod job;
mod mailbox;
mod pool;
mod posix;
mod probe;
mod table;
mod uring;

pub use choose::{Driver, DriverChoice, open};
pub use clock::Clock;
pub use fence::{FenceError, give_up_calls};
pub use heap::keep_freed_memory;
pub use posix::PosixDisk;
pub use probe::UringDenied;
pub use uring::UringDisk;
