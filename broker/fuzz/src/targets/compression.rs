//! The four compressions: what comes out never exceeds the cap, and what we compressed comes back.
//! It looks at no record.

use bytes::Bytes;
use kring_wire::Compression;
use kring_wire::compress::{compress, decompress};

/// Cap of what comes out: far above the input, so that a bomb meets it.
const CAP_BYTES: usize = 256 << 10;

const CODECS: [Compression; 4] = [
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

pub(super) fn run(data: &[u8]) {
    let Some((choice, payload)) = data.split_first() else {
        return;
    };
    let codec = CODECS[usize::from(*choice) % CODECS.len()];
    let payload = Bytes::copy_from_slice(payload);
    if let Ok(plain) = decompress(codec, &payload, CAP_BYTES) {
        assert!(plain.len() <= CAP_BYTES, "{codec:?} keeps to the cap");
    }
    let back = decompress(codec, &compress(codec, &payload), payload.len());
    assert!(
        back.is_ok_and(|back| back == payload),
        "{codec:?} gives back what it took"
    );
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let text = b"the same words, the same words, the same words again".as_slice();
    let bomb = vec![0; 100 << 10];
    let inputs = [text, &bomb];
    let of = |(number, codec): (usize, &Compression)| {
        let number = u8::try_from(number).expect("there are four");
        inputs.map(|input| [&[number], compress(*codec, input).as_ref()].concat())
    };
    CODECS.iter().enumerate().flat_map(of).collect()
}
