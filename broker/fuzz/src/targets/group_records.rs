//! Records of `__consumer_offsets`, as a coordinator reads them back: those that cannot be read stop the partition, never the broker.
//! It appends none.

use bytes::Bytes;
use kring_groups::{GroupConfig, GroupEvent, GroupOut, Groups, Loaded, LoadedRecord};
use kring_io::{Instant, Now};

/// The first byte is the length of the key.
pub(super) fn run(data: &[u8]) {
    let Some((key_bytes, rest)) = data.split_first() else {
        return;
    };
    let (key, value) = rest.split_at(usize::from(*key_bytes).min(rest.len()));
    let record = LoadedRecord {
        offset: 0,
        key: Bytes::copy_from_slice(key),
        value: (!value.is_empty()).then(|| Bytes::copy_from_slice(value)),
        transaction: None,
    };
    let mut groups = Groups::new(GroupConfig::default(), 1);
    let mut out = GroupOut::default();
    let now = Now {
        mono: Instant(0),
        wall_ms: 1_700_000_000_000,
    };
    let load = GroupEvent::Load {
        partition: 0,
        records: vec![Loaded::Record(record)],
        next_offset: 1,
    };
    groups.step(now, load, &mut out);
    groups.step(
        now,
        GroupEvent::BecomeLeader {
            partition: 0,
            epoch: 0,
        },
        &mut out,
    );
    assert_eq!(
        groups.replayed_to(0),
        1,
        "a record is passed, whatever it says"
    );
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut offset_key = vec![0, 1, 0, 4];
    offset_key.extend_from_slice(b"fuzz");
    offset_key.extend_from_slice(&[0, 1, b't', 0, 0, 0, 0]);
    let offset_value = [
        0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 0x8b, 0, 0, 0, 0, 0,
    ];
    let mut group_key = vec![0, 2, 0, 4];
    group_key.extend_from_slice(b"fuzz");
    let group_value = [
        0, 3, 0, 8, b'c', b'o', b'n', b's', b'u', b'm', b'e', b'r', 0, 0, 0, 1, 0xff, 0xff, 0xff,
        0xff, 0, 0, 1, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let record = |key: &[u8], value: &[u8]| {
        let length = u8::try_from(key.len()).expect("the keys are short");
        [&[length], key, value].concat()
    };
    vec![
        record(&offset_key, &offset_value),
        record(&group_key, &group_value),
        record(&offset_key, &[]),
    ]
}
