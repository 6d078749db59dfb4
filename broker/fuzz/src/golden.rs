//! Every request in every version, as the classes of the Java client write it.
//! `broker/wire/tests/golden` prints them.

use kring_wire::bounds;

/// A request.
pub struct Golden {
    /// Which API.
    pub api_key: i16,
    /// Which version of it.
    pub version: i16,
    /// What follows the header.
    pub body: Vec<u8>,
}

impl Golden {
    /// The request with a header that has no client id.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = header(self.api_key, self.version);
        frame.extend_from_slice(&self.body);
        frame
    }
}

/// A header without a client id.
#[must_use]
pub fn header(api_key: i16, version: i16) -> Vec<u8> {
    let mut header = [api_key.to_be_bytes(), version.to_be_bytes()].concat();
    // Correlation id 7, client id null.
    header.extend_from_slice(&[0, 0, 0, 7, 0xff, 0xff]);
    if bounds::is_flexible(api_key, version) == Some(true) {
        header.push(0);
    }
    header
}

/// All requests.
///
/// # Panics
/// When the file of this crate's neighbour is not what it says.
#[must_use]
pub fn requests() -> Vec<Golden> {
    let lines = include_str!("../../wire/tests/golden/requests.txt").lines();
    let golden = lines.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse().expect("a number");
        Golden {
            api_key: number(1),
            version: number(2),
            body: unhex(words[3]),
        }
    });
    golden.collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("digits");
            u8::from_str_radix(pair, 16).expect("two hexadecimal digits")
        })
        .collect()
}
