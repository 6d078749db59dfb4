//! Waiting with a limit, where `kubectl wait` cannot say what is waited for.
//! It polls; nothing here is measured.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(500);

/// Asks `look` until it answers something; gives up after `limit` and says what was seen last.
///
/// # Errors
/// The last thing that `look` said instead of an answer.
pub fn until<T, E: Display>(
    what: &str,
    limit: Duration,
    look: impl FnMut() -> Result<T, E>,
) -> Result<T, String> {
    until_every(INTERVAL, what, limit, look)
}

/// The same with another interval, for what passes quickly.
///
/// # Errors
/// The last thing that `look` said instead of an answer.
pub fn until_every<T, E: Display>(
    interval: Duration,
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<T, E>,
) -> Result<T, String> {
    let began = Instant::now();
    loop {
        match look() {
            Ok(answer) => return Ok(answer),
            Err(seen) if began.elapsed() > limit => {
                return Err(format!(
                    "waited {} s for {what}; last seen: {seen}",
                    limit.as_secs()
                ));
            }
            Err(_) => thread::sleep(interval),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thing_seen_is_in_the_error() {
        let mut looks = 0;
        let outcome = until("three", Duration::from_millis(600), || {
            looks += 1;
            Err::<(), _>(looks)
        });
        assert!(outcome.unwrap_err().contains("last seen: "));
        assert_eq!(until("now", Duration::ZERO, || Ok::<_, String>(7)), Ok(7));
    }
}
