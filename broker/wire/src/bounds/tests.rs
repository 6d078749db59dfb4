//! The table against requests written by the Java client, whole, cut and changed.
//! Random bodies are tried as well; none may panic.

use proptest::prelude::*;

use super::*;
use crate::golden;

#[test]
fn every_request_of_the_java_client_passes_in_every_version() {
    let all = golden::requests();
    for request in &all {
        let checked = check(request.api_key, request.version, &request.body);
        assert_eq!(checked, Ok(()), "{} {}", request.api_key, request.version);
    }
    let expected: usize = schemas::APIS
        .iter()
        .map(|api| (api.from..=api.to).count())
        .sum();
    assert_eq!(
        all.len(),
        expected,
        "each API and version of the table is tried"
    );
}

#[test]
fn no_request_passes_when_bytes_are_missing_at_its_end() {
    for request in golden::requests() {
        for len in 0..request.body.len() {
            let cut = &request.body[..len];
            assert!(
                check(request.api_key, request.version, cut).is_err(),
                "{} {} cut to {len}",
                request.api_key,
                request.version
            );
        }
    }
}

#[test]
fn no_changed_byte_makes_the_walk_panic() {
    for request in golden::requests() {
        let mut body = request.body.to_vec();
        for at in 0..body.len() {
            let was = body[at];
            for to in [0, 0x7f, 0x80, 0xff, was ^ 1] {
                body[at] = to;
                let _ = check(request.api_key, request.version, &body);
            }
            body[at] = was;
        }
    }
}

#[test]
fn a_count_that_cannot_fit_names_its_field() {
    // DeleteGroups v0: an array of names.
    let error = check(42, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 1, b'g']).unwrap_err();
    assert_eq!(
        error.to_string(),
        "malformed DeleteGroups request of version 0: GroupsNames claims 2147483647 elements and at most 1 are possible here"
    );
}

#[test]
fn elements_and_unknown_tags_that_would_take_too_much_memory_are_refused() {
    // DeleteGroups v0: 600,000 names of no bytes.
    let names = [&600_000_i32.to_be_bytes()[..], &vec![0; 1_200_000]].concat();
    assert_eq!(
        check(42, 0, &names).unwrap_err().to_string(),
        "malformed DeleteGroups request of version 0: GroupsNames would make the message take more than 16777216 bytes of memory"
    );
    assert_eq!(
        check(
            42,
            0,
            &[&500_000_i32.to_be_bytes()[..], &vec![0; 1_000_000]].concat()
        ),
        Ok(())
    );
    // ApiVersions v3, asked by strangers: two empty names, and tags that take far more than their bytes.
    let tags = |count: u8| [&[1, 1, count][..], &[9, 0].repeat(count.into())].concat();
    assert_eq!(check(18, 3, &tags(100)), Ok(()));
    let many = [&[1, 1, 0x80, 0x08][..], &[9, 0].repeat(1024)].concat();
    assert!(matches!(
        check(18, 3, &many),
        Err(BoundsError::Malformed {
            reason: DecodeError::Memory {
                field: "tagged field",
                ..
            },
            ..
        })
    ));
}

#[test]
fn null_is_refused_where_the_version_does_not_know_it() {
    // Metadata: the list of topics may be null from version 1 on.
    let null = [0xff; 4];
    assert_eq!(check(3, 1, &null), Ok(()));
    assert!(matches!(
        check(3, 0, &null),
        Err(BoundsError::Malformed {
            reason: DecodeError::Null { field: "Topics" },
            ..
        })
    ));
}

#[test]
fn a_known_tag_must_fill_its_length() {
    // Fetch v12 with the cluster id "x" in tag 0, whose content has a byte too many.
    let mut body = vec![0; 4 + 4 + 4 + 4 + 1 + 4 + 4];
    body.extend([1, 1, 1]);
    let tail = body.len();
    body.extend([1, 0, 2, 2, b'x']);
    assert_eq!(check(1, 12, &body), Ok(()));
    body[tail + 2] = 3;
    body.push(0);
    assert!(matches!(
        check(1, 12, &body),
        Err(BoundsError::Malformed {
            reason: DecodeError::TrailingBytes { count: 1 },
            ..
        })
    ));
}

#[test]
fn unknown_keys_and_versions_are_told_apart() {
    assert_eq!(
        check(4, 0, &[]),
        Err(BoundsError::UnknownApi { api_key: 4 })
    );
    assert_eq!(
        check(-1, 0, &[]),
        Err(BoundsError::UnknownApi { api_key: -1 })
    );
    assert_eq!(
        check(3, 99, &[]).unwrap_err().to_string(),
        "Metadata has the versions 0 to 13, not 99"
    );
    assert_eq!(versions(1), Some(4..=18));
    assert_eq!(name(11), Some("JoinGroup"));
}

#[test]
fn the_table_is_in_the_order_that_the_search_expects() {
    assert!(schemas::APIS.is_sorted_by_key(|api| api.key));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn random_bodies_never_panic(
        key in 0i16..95, version in 0i16..19, body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = check(key, version, &body);
    }
}
