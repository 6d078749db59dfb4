//! Frames come out whole whatever the pieces, and memory follows bytes.
//! Sockets are the concern of the tests in `tests/`.

use proptest::prelude::*;

use super::*;

fn stream(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        bytes.extend_from_slice(&(frame.len() as i32).to_be_bytes());
        bytes.extend_from_slice(frame);
    }
    bytes
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..12),
        cuts in prop::collection::vec(1_usize..97, 1..40),
    ) {
        let bytes = stream(&frames);
        let mut rest = bytes.as_slice();
        let mut assembler = FrameAssembler::new(300);
        let mut got = Vec::new();
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let cut = (*cuts.next().unwrap()).min(rest.len());
            let (mut piece, after) = rest.split_at(cut);
            rest = after;
            while let Some(frame) = assembler.feed(&mut piece).unwrap() {
                got.push(frame.to_vec());
            }
            prop_assert!(piece.is_empty());
        }
        prop_assert!(!assembler.within_frame());
        prop_assert_eq!(got, frames);
    }

    #[test]
    fn garbage_is_refused_or_waits_with_bounded_memory(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        let mut assembler = FrameAssembler::new(1 << 20);
        let mut rest = bytes.as_slice();
        while let Ok(Some(_)) = assembler.feed(&mut rest) {}
        prop_assert!(assembler.holds() <= GROWTH_BYTES_MIN + 2 * bytes.len());
    }
}

#[test]
fn a_large_claim_gets_memory_only_as_bytes_arrive() {
    let mut assembler = FrameAssembler::new(100 << 20);
    let head = (100_i32 << 20).to_be_bytes();
    assert_eq!(assembler.feed(&mut head.as_slice()), Ok(None));
    let mut sent = 0;
    while sent < 1 << 20 {
        let piece = [1; 7777];
        sent += piece.len();
        assert_eq!(assembler.feed(&mut piece.as_slice()), Ok(None));
        assert!(assembler.holds() <= GROWTH_BYTES_MIN + 2 * sent);
    }
}

#[test]
fn a_length_below_one_or_above_the_cap_is_refused_with_both_numbers() {
    for claimed in [0, -1, i32::MIN] {
        let refused = FrameAssembler::new(100).feed(&mut claimed.to_be_bytes().as_slice());
        assert_eq!(refused, Err(FrameError::NotPositive { claimed }));
    }
    let http = FrameAssembler::new(104_857_600).feed(&mut b"GET / HTTP/1.1".as_slice());
    let said = http.unwrap_err().to_string();
    assert!(
        said.contains("1195725856") && said.contains("104857600"),
        "{said}"
    );
}
