//! How the C library's allocator treats memory that was freed.
//! It allocates nothing, and is no allocator of our own.

/// Freed memory up to this is kept for the next batch.
const KEPT_BYTES: libc::c_int = 64 << 20;
/// What is larger gets a mapping of its own, which is given back when it is freed.
const MAPPED_BYTES_MIN: libc::c_int = 8 << 20;
/// By how much a heap grows beyond what is asked of it.
const GROWTH_BYTES: libc::c_int = 1 << 20;

/// Keeps what is freed under load, to be used again. Batches come and go by the hundred kilobytes, and by default most
/// of them would be given back to the kernel and faulted in anew, page by page: an eighth of the engine's time.
/// To be called before threads are started.
pub fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    for (setting, value) in [
        (libc::M_MMAP_THRESHOLD, MAPPED_BYTES_MIN),
        (libc::M_TRIM_THRESHOLD, KEPT_BYTES),
        (libc::M_TOP_PAD, GROWTH_BYTES),
    ] {
        // SAFETY: mallopt takes two numbers and changes settings of the allocator, under its own lock; a value that it
        // does not take changes nothing.
        let taken = unsafe { libc::mallopt(setting, value) };
        if taken == 0 {
            tracing::debug!(setting, value, "the allocator refused a setting");
        }
    }
}
