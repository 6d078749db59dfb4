//! The frame assembler, fed in pieces of any size: it must give what a reader of the whole would.
//! It knows no request.

use bytes::Bytes;
use kring_edge::FrameAssembler;

use crate::allocation::unproven;

/// Small, so that the cap is met often.
const FRAME_BYTES_MAX: usize = 4_096;

pub(super) fn run(data: &[u8]) {
    let Some((piece_bytes, stream)) = data.split_first() else {
        return;
    };
    let expected = whole(stream);
    let mut frames = Vec::new();
    let mut assembler = FrameAssembler::new(FRAME_BYTES_MAX);
    let mut refused = false;
    'pieces: for mut piece in stream.chunks(usize::from(*piece_bytes).max(1)) {
        loop {
            match assembler.feed(&mut piece) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => {
                    refused = true;
                    break 'pieces;
                }
            }
        }
    }
    assert_eq!((frames, refused), expected, "pieces change nothing");
    unproven(stream.len(), || {
        deliver(usize::from(*piece_bytes).max(1), stream)
    });
}

/// The same, with each frame given away as soon as it is whole.
fn deliver(piece_bytes: usize, stream: &[u8]) {
    let mut assembler = FrameAssembler::new(100 << 20);
    for mut piece in stream.chunks(piece_bytes) {
        while let Ok(Some(frame)) = assembler.feed(&mut piece) {
            drop(frame);
        }
    }
}

/// The frames of a stream, and whether it ends at a claim that is refused.
fn whole(mut stream: &[u8]) -> (Vec<Bytes>, bool) {
    let mut frames = Vec::new();
    while let Some((length, rest)) = stream.split_first_chunk::<4>() {
        let claimed = i32::from_be_bytes(*length);
        let Ok(length) = usize::try_from(claimed) else {
            return (frames, true);
        };
        if length == 0 || length > FRAME_BYTES_MAX {
            return (frames, true);
        }
        if rest.len() < length {
            break;
        }
        frames.push(Bytes::copy_from_slice(&rest[..length]));
        stream = &rest[length..];
    }
    (frames, false)
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let one = [[1, 0, 0, 0, 5].as_slice(), b"hello"].concat();
    let two = [[3, 0, 0, 0, 1, 7, 0, 0, 0, 2].as_slice(), b"ab"].concat();
    let large = vec![9, 0x7f, 0xff, 0xff, 0xff, 0];
    vec![one, two, large]
}
