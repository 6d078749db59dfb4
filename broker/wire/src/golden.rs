//! Messages written by the Java client's own classes, for tests.
//! `tests/golden/Golden.java` prints them.

use bytes::Bytes;

pub(crate) struct Golden {
    pub(crate) api_key: i16,
    pub(crate) version: i16,
    pub(crate) body: Bytes,
}

fn read(text: &str) -> Vec<Golden> {
    text.lines()
        .map(|line| {
            let mut words = line.split(' ').skip(1);
            let mut number = || words.next().unwrap().parse().unwrap();
            Golden {
                api_key: number(),
                version: number(),
                body: unhex(words.next().unwrap()),
            }
        })
        .collect()
}

/// Every request of a broker's listener in every version.
pub(crate) fn requests() -> Vec<Golden> {
    read(include_str!("../tests/golden/requests.txt"))
}

/// Produce and Fetch responses in every version.
pub(crate) fn responses() -> Vec<Golden> {
    read(include_str!("../tests/golden/responses.txt"))
}

/// A batch of 100 records in each compression, in the order of the codecs' numbers.
pub(crate) fn batches() -> Vec<Bytes> {
    let text = include_str!("../tests/golden/batches.txt");
    text.lines().map(unhex).collect()
}

pub(crate) fn unhex(text: &str) -> Bytes {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
