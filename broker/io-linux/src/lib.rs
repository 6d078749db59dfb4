//! The real drivers of the seam on Linux: io_uring and posix, and the probe that chooses one.
//! It knows nothing of Kafka; it moves bytes between buffers and files.

