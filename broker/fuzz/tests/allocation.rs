//! Every request in every version, cut, changed and with counts that claim too much: memory follows the bytes received.
//! What is answered is the concern of other tests; a counting allocator watches here.

#![allow(missing_docs, reason = "tests")]

use std::collections::BTreeSet;

use bytes::Bytes;
use kring_edge::FrameAssembler;
use kring_fuzz::allocation::unproven;
use kring_fuzz::golden::{self, Golden};
use kring_fuzz::targets::look_at_request;
use kring_wire::{RequestHeader, bounds};

/// Largest frame of a broker with default settings.
const FRAME_BYTES_MAX: usize = 100 << 20;
/// Places in a body that get a false count.
const PLACES_MAX: usize = 64;
/// Elements that a false count claims, in a body with few and in one with many bytes behind it.
const FEW: u32 = 500;
const FEW_BYTES: usize = 12 << 10;
const MANY: u32 = 900_000;
const MANY_BYTES: usize = 4 << 20;
/// Tags that nobody knows in one section; Kafka allows 10,000.
const TAGS: u32 = 9_000;

/// What stands behind a false count: elements of the fewest bytes, of classic and compact fields,
/// and with a tag that nobody knows.
const FILLS: [&[u8]; 4] = [&[0], &[1], &[1, 0], &[1, 1, 100, 0]];

fn filled(fill: &[u8], bytes: usize) -> Vec<u8> {
    fill.iter().copied().cycle().take(bytes).collect()
}

/// A count as classic and as compact arrays have it.
fn counts(count: u32) -> [Vec<u8>; 2] {
    [count.to_be_bytes().to_vec(), uvarint(count + 1)]
}

fn uvarint(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A tag section of `count` tags that nobody knows, without content.
fn tags(count: u32) -> Vec<u8> {
    let tags = (0..count).flat_map(|tag| [uvarint(1_000 + tag), vec![0]].concat());
    uvarint(count).into_iter().chain(tags).collect()
}

/// Takes a body as the broker does: in a frame, header first.
fn take(request: &Golden, body: &[u8]) -> bool {
    let header = golden::header(request.api_key, request.version);
    let frame = [&header[..], body].concat();
    unproven(frame.len(), || {
        let mut frame = Bytes::copy_from_slice(&frame);
        let read = RequestHeader::parse(&mut frame).expect("the header is whole");
        let _ = bounds::check(read.api_key, read.api_version, &frame);
    });
    look_at_request(request.api_key, request.version, body);
    bounds::check(request.api_key, request.version, body).is_ok()
}

#[test]
fn requests_that_are_cut_or_changed_take_what_their_bytes_allow() {
    for request in golden::requests() {
        let mut body = request.body.clone();
        for length in 0..body.len() {
            take(&request, &body[..length]);
        }
        for at in 0..body.len() {
            let was = std::mem::replace(&mut body[at], 0xff);
            take(&request, &body);
            body[at] = 0x7f;
            take(&request, &body);
            body[at] = was;
        }
    }
}

#[test]
fn requests_that_claim_more_than_they_bring_take_what_their_bytes_allow() {
    let mut taken = BTreeSet::new();
    let mut refused = 0;
    let few_of = FILLS.map(|fill| filled(fill, FEW_BYTES));
    let many_of = FILLS.map(|fill| filled(fill, MANY_BYTES));
    let tags = tags(TAGS);
    for request in golden::requests() {
        let mut tried = BTreeSet::new();
        let places = request.body.len();
        for at in (0..places).step_by(places.div_ceil(PLACES_MAX).max(1)) {
            let before = &request.body[..at];
            take(&request, &[before, &tags].concat());
            for (fill, (small, large)) in few_of.iter().zip(&many_of).enumerate() {
                for (form, (few, many)) in counts(FEW).iter().zip(counts(MANY)).enumerate() {
                    let fits = take(&request, &[before, few, small].concat());
                    if fits && tried.insert((fill, form)) {
                        taken.insert(request.api_key);
                        let passes = take(&request, &[before, &many[..], large].concat());
                        refused += usize::from(!passes);
                    }
                }
            }
        }
    }
    // Most requests have an array; those that fit in few bytes are too much in many.
    assert!(taken.len() > 20, "{taken:?}");
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_frame_holds_at_most_twice_what_has_arrived_while_it_grows_and_when_it_is_whole() {
    let sent = vec![7; 3 << 20];
    for claimed in [100, 70_000, 3 << 20, FRAME_BYTES_MAX] {
        for piece in [1, 100, 5_000, 64 << 10] {
            let arrives = claimed.min(sent.len()).min(2_000 * piece);
            // Ends at every stage, because memory at the end hides that of the way there.
            for arrived in [0, 1, 63, 70_000, 131_072, 131_073, 1 << 20, arrives] {
                if arrived > arrives {
                    continue;
                }
                unproven(4 + arrived, || {
                    let mut assembler = FrameAssembler::new(FRAME_BYTES_MAX);
                    let claim = u32::try_from(claimed).expect("below 2 GiB").to_be_bytes();
                    let mut whole = assembler.feed(&mut claim.as_slice());
                    for mut piece in sent[..arrived].chunks(piece) {
                        whole = assembler.feed(&mut piece);
                    }
                    let whole = whole.expect("the claim is allowed");
                    assert_eq!(
                        whole.map(|frame| frame.len()),
                        (arrived == claimed).then_some(claimed)
                    );
                });
            }
        }
    }
}

#[test]
fn a_read_into_the_frame_holds_no_more_than_one_that_is_fed() {
    for arrived in [1, 4_000, 5_000, 131_072, 1 << 20] {
        unproven(4 + arrived, || {
            let mut assembler = FrameAssembler::new(FRAME_BYTES_MAX);
            let claim = (90_u32 << 20).to_be_bytes();
            assert_eq!(
                assembler.feed(&mut [&claim[..], b"x"].concat().as_slice()),
                Ok(None)
            );
            while assembler.received() < arrived {
                let mut room = assembler.room();
                let bytes = bytes::BufMut::remaining_mut(&room);
                bytes::BufMut::put_bytes(&mut room, 7, bytes.min(1_000));
                assert!(assembler.holds() <= 2 * assembler.received() + 4_096);
            }
        });
    }
}
