//! The session descriptor: every rule of section 4 of the protocol, every error and its text, the canonical bytes and the id.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "common/descriptors.rs"]
mod descriptors;

use std::collections::BTreeSet;

use descriptors::{
    BOUND, BOUND_KIND, ENCODING_LEN, SERVER, decode_with, invalid_keys, of, of_five, parties, unusual, unusual_bytes,
};
use sha2::{Digest, Sha512_256};
use veilsum::{
    Bound, ClientId, DEFAULT_CHUNK_LEN, DecodeError, Error, Masking, PROTOCOL_VERSION, ParamsError, Session, SessionBuilder,
};

/// A refusal, and its exact text and number.
#[track_caller]
fn refused(builder: SessionBuilder, error: &ParamsError, code: u16, text: &str) {
    assert_eq!(builder.build().as_ref().unwrap_err(), error);
    assert_eq!(error.to_string(), text);
    assert_eq!(error.code(), code);
    assert_eq!(Error::from(error.clone()).to_string(), format!("bad parameters: {text}"));
}

#[test]
fn a_roster_has_between_two_and_4096_clients() {
    for n in [0, 1, 4097] {
        let text = format!("roster has {n} clients; between 2 and 4096 are supported");
        refused(of(n as u64), &ParamsError::RosterSize { n }, 101, &text);
    }
    assert_eq!(of(2).min_honest(2).build().unwrap().threshold(), 2);
    assert_eq!(of(4096).build().unwrap().threshold(), 4096 - 1365);
}

#[test]
fn an_unsorted_roster_is_sorted_and_gives_the_same_session() {
    let (mut roster, server) = parties(7);
    let sorted = Session::builder(roster.clone(), server, 1000, 24, BOUND).build().unwrap();
    for _ in 0..7 {
        roster.rotate_left(3);
        roster.swap(0, 5);
        let session = Session::builder(roster.clone(), server, 1000, 24, BOUND).build().unwrap();
        assert_eq!(session.id(), sorted.id());
        assert_eq!(session, sorted);
        assert!(session.roster().is_sorted());
        assert_eq!(session.roster(), sorted.roster());
    }
}

#[test]
fn a_repeated_id_is_refused_and_named() {
    let (mut roster, server) = parties(5);
    roster[3].0 = ClientId(20);
    let text = "roster: client 20 is repeated or out of order; sort the roster by id and give each client one entry";
    refused(Session::builder(roster, server, 1000, 24, BOUND), &ParamsError::RosterOrder(ClientId(20)), 102, text);
}

#[test]
fn an_identity_key_is_one_partys_only() {
    let text = |id| format!("roster: client {id} has the identity key of another party; every party needs its own");
    let (mut roster, server) = parties(5);
    roster[4].1 = roster[1].1;
    refused(Session::builder(roster, server, 1000, 24, BOUND), &ParamsError::DuplicateIdentity(ClientId(50)), 103, &text(50));
    let (roster, _) = parties(5);
    for (id, key) in roster.clone() {
        let builder = Session::builder(roster.clone(), key, 1000, 24, BOUND);
        refused(builder, &ParamsError::DuplicateIdentity(id), 103, &text(id.0));
    }
}

#[test]
fn an_identity_key_that_is_weak_or_no_canonical_point_is_refused_and_its_owner_named() {
    for key in invalid_keys() {
        let (mut roster, server) = parties(5);
        let text = "server: not a valid Ed25519 identity key";
        refused(Session::builder(roster.clone(), key, 1000, 24, BOUND), &ParamsError::InvalidIdentity(None), 104, text);
        roster[2].1 = key;
        let (error, text) = (ParamsError::InvalidIdentity(Some(ClientId(30))), "client 30: not a valid Ed25519 identity key");
        refused(Session::builder(roster, server, 1000, 24, BOUND), &error, 104, text);
    }
}

#[test]
fn the_texts_about_thresholds_name_the_numbers_to_change() {
    refused(
        of(5).max_dropouts(2),
        &ParamsError::Consistency { n: 5, c: 1, d: 2, t: 3 },
        105,
        "threshold 3 = 5 clients - max_dropouts 2 must satisfy 2t > n + max_colluders = 6; lower max_dropouts or max_colluders",
    );
    refused(
        of(5).max_colluders(2),
        &ParamsError::TooFewHonest { t: 4, c: 2, min_honest: 3 },
        106,
        "threshold 4 - max_colluders 2 leaves fewer than min_honest 3 (which must be at least 2); \
         add clients, or lower max_colluders or max_dropouts",
    );
    let text = "max_dropouts 5 must be less than the number of clients, 5";
    refused(of(5).max_dropouts(5), &ParamsError::Dropouts { d: 5, n: 5 }, 113, text);
}

/// What section 1 says about these numbers, as the code of the error.
fn verdict(n: i64, c: i64, d: i64, min_honest: i64) -> Option<u16> {
    let t = n - d;
    if d >= n {
        Some(113)
    } else if 2 * t <= n + c {
        Some(105)
    } else if t - c < min_honest || min_honest < 2 {
        Some(106)
    } else {
        None
    }
}

#[test]
fn every_choice_of_small_numbers_is_accepted_exactly_if_it_satisfies_the_rules_of_section_1() {
    let mut accepted = 0;
    for n in 2..=9_u32 {
        let (roster, server) = parties(u64::from(n));
        let numbers = (0..=n).flat_map(|c| (0..=n + 1).flat_map(move |d| (0..=n).map(move |honest| (c, d, honest))));
        for (c, d, honest) in numbers {
            let builder = Session::builder(roster.clone(), server, 1000, 24, BOUND);
            let built = builder.max_colluders(c).max_dropouts(d).min_honest(honest).build();
            let expected = verdict(n.into(), c.into(), d.into(), honest.into());
            assert_eq!(built.as_ref().err().map(ParamsError::code), expected, "n {n}, c {c}, d {d}, min_honest {honest}");
            accepted += usize::from(built.is_ok_and(|session| session.threshold() == n - d));
        }
    }
    assert_eq!(accepted, 280);
}

#[test]
fn numbers_near_the_largest_integer_do_not_wrap_into_acceptance() {
    for huge in [u32::MAX, u32::MAX - 1, u32::MAX - 4, 1 << 31] {
        assert!(of(5).max_colluders(huge).build().is_err());
        assert!(of(5).max_dropouts(huge).build().is_err());
        assert!(of(5).min_honest(huge).build().is_err());
    }
}

/// Defaults of section 1: `c = d = floor((n - 1) / 3)`, but `c = 0` for `n = 4`.
#[test]
fn the_defaults_are_valid_for_every_size() {
    let (roster, server) = parties(4096);
    for n in (3..=300).chain([301, 999, 1000, 4095, 4096]) {
        let session = Session::builder(roster[..n].to_vec(), server, 1000, 24, BOUND).build().unwrap();
        let third = u32::try_from((n - 1) / 3).unwrap();
        assert_eq!(session.clients(), n);
        assert_eq!(session.max_dropouts(), third);
        assert_eq!(session.max_colluders(), if n == 4 { 0 } else { third });
        assert_eq!(session.min_honest(), 3);
        assert_eq!(session.threshold(), u32::try_from(n).unwrap() - third);
        assert_eq!(session.chunk_len(), DEFAULT_CHUNK_LEN);
        assert_eq!((session.round(), session.encoding(), *session.context()), (0, &[][..], [0; 32]));
    }
}

#[test]
fn words_have_between_2_and_64_bits() {
    for bits in [0, 1, 65, 128, 255] {
        let text = format!("modulus_bits {bits}: between 2 and 64 are supported");
        refused(of_five(1000, bits, BOUND), &ParamsError::ModulusBits(bits), 107, &text);
    }
    for bits in 2..=64 {
        assert_eq!(of_five(1000, bits, Bound::Tail { max_sum: 1, log2: 1 }).build().unwrap().modulus_bits(), bits);
    }
}

#[test]
fn a_sum_that_could_wrap_is_refused_with_the_bits_that_it_needs() {
    let (roster, server) = parties(12);
    let session = |bits| Session::builder(roster.clone(), server, 1000, bits, Bound::Exact { max_abs: 1 << 20 });
    let what = "12 clients of max_abs 1048576".to_owned();
    let error = ParamsError::Overflow { bits: 24, holds: 8_388_607, what, need: 25 };
    let text = "modulus_bits 24 holds sums up to 8388607; 12 clients of max_abs 1048576 need 25";
    refused(session(24), &error, 108, text);
    assert!(session(25).build().is_ok(), "what is said to be needed is enough");
}

#[test]
fn the_overflow_inequality_is_exact_for_every_word_size() {
    for bits in 4..=64_u8 {
        let holds = u64::MAX >> (65 - bits);
        let tail = |max_sum| of_five(1000, bits, Bound::Tail { max_sum, log2: 40 }).build();
        assert!(tail(holds).is_ok());
        let need = bits + 1;
        let error = ParamsError::Overflow { bits, holds, what: format!("sums up to {}", holds + 1), need };
        assert_eq!(tail(holds + 1).unwrap_err(), error);
        let exact = |max_abs| of_five(1000, bits, Bound::Exact { max_abs }).build();
        assert!(exact(holds / 5).is_ok());
        assert!(matches!(exact(holds / 5 + 1), Err(ParamsError::Overflow { bits: given, .. }) if given == bits));
        assert_eq!(exact(u64::MAX).unwrap_err().code(), 108);
    }
}

#[test]
fn a_vector_has_between_one_and_2_to_the_40_words() {
    for len in [0, (1 << 40) + 1, u64::MAX] {
        let text = format!("vector_len {len}: between 1 and 2^40 words are supported");
        refused(of_five(len, 24, BOUND), &ParamsError::VectorLen(len), 109, &text);
    }
    assert!([1, 1 << 40].into_iter().all(|len| of_five(len, 24, BOUND).build().unwrap().vector_len() == len));
}

#[test]
fn a_chunk_is_a_multiple_of_64_words_up_to_2_to_the_24() {
    for len in [0, 1, 32, 63, 65, 96, (1 << 24) + 64, 1 << 25, u32::MAX] {
        let text = format!("chunk_len {len}: must be a multiple of 64 between 64 and 2^24");
        refused(of(5).chunk_len(len), &ParamsError::ChunkLen(len), 110, &text);
    }
    for len in [64, 128, 192, 1 << 24] {
        assert_eq!(of(5).chunk_len(len).build().unwrap().chunk_len(), len);
    }
}

#[test]
fn an_encoding_has_at_most_1024_bytes() {
    let text = "encoding has 1025 bytes; at most 1024 are allowed";
    refused(of(5).encoding([7; 1025]), &ParamsError::EncodingLen(1025), 111, text);
    assert_eq!(of(5).encoding([7; 1024]).build().unwrap().encoding(), [7; 1024]);
}

#[test]
fn a_bound_is_not_zero() {
    let text = "bound: the largest absolute value must be at least 1, and a tail bound needs a probability of at most 2^-1";
    let bounds = [Bound::Exact { max_abs: 0 }, Bound::Tail { max_sum: 0, log2: 40 }, Bound::Tail { max_sum: 5, log2: 0 }];
    for bound in bounds {
        refused(of_five(1000, 24, bound), &ParamsError::Bound, 112, text);
    }
    let smallest = Bound::Tail { max_sum: 1, log2: 1 };
    assert_eq!(of_five(1000, 24, smallest).build().unwrap().bound(), smallest);
}

#[test]
fn the_encoding_is_that_of_the_specification_and_decodes_to_the_same_session() {
    let session = unusual().build().unwrap();
    assert_eq!(hex::encode(session.encode()), hex::encode(unusual_bytes()));
    let decoded = Session::decode(&unusual_bytes()).unwrap();
    assert_eq!(decoded.encode(), unusual_bytes());
    assert_eq!(decoded, session);
    assert_eq!(format!("{decoded:?}"), format!("{session:?}"));
    assert_eq!((decoded.threshold(), decoded.bound(), decoded.round()), (5, session.bound(), 0x1122_3344_5566_7788));
}

#[test]
fn the_session_id_is_the_framed_hash_of_the_encoding() {
    let session = unusual().build().unwrap();
    let (label, encoding) = (b"veilsum/3/session", unusual_bytes());
    let mut hasher = Sha512_256::new();
    for part in [&label[..], &encoding] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    assert_eq!(session.id().0[..], hasher.finalize()[..]);
    assert_eq!(session.id().to_string(), hex::encode(session.id().0));
}

#[test]
fn a_descriptor_that_ends_early_or_late_is_refused() {
    let bytes = unusual_bytes();
    for len in 0..bytes.len() {
        let error = Session::decode(&bytes[..len]).unwrap_err();
        assert!(matches!(error, Error::Decode(DecodeError::Truncated | DecodeError::Count)), "{len} bytes: {error}");
    }
    for tail in [&[0][..], &[1], &[0; 64], &bytes] {
        assert_eq!(Session::decode(&[&bytes, tail].concat()).unwrap_err(), DecodeError::Trailing.into());
    }
}

#[test]
fn a_reserved_value_is_refused() {
    for (got, kind) in [(0, 0), (2, 3), (255, 255)] {
        assert_eq!(decode_with(0, &[got]).unwrap_err(), DecodeError::Version { expected: PROTOCOL_VERSION, got }.into());
        let suite = u16::from(got);
        assert_eq!(decode_with(1, &suite.to_le_bytes()).unwrap_err(), DecodeError::Suite { expected: 1, got: suite }.into());
        assert_eq!(decode_with(3, &[got]).unwrap_err(), DecodeError::Value.into(), "masking");
        assert_eq!(decode_with(4, &[got]).unwrap_err(), DecodeError::Value.into(), "graph");
        assert_eq!(decode_with(BOUND_KIND, &[kind]).unwrap_err(), DecodeError::Value.into(), "kind of bound");
    }
    assert_eq!(decode_with(1, &[1, 1]).unwrap_err(), DecodeError::Suite { expected: 1, got: 0x0101 }.into());
    assert_eq!(decode_with(BOUND_KIND, &[1]).unwrap_err(), DecodeError::Value.into(), "an exact bound has no probability");
}

#[test]
fn a_count_that_does_not_fit_what_follows_is_refused() {
    for huge in [1000, u32::MAX / 40, u32::MAX] {
        assert_eq!(decode_with(5, &huge.to_le_bytes()).unwrap_err(), DecodeError::Count.into());
        assert_eq!(decode_with(ENCODING_LEN, &huge.to_le_bytes()).unwrap_err(), DecodeError::Truncated.into());
    }
}

#[test]
fn decoding_checks_the_rules_and_does_not_sort() {
    let (second, third) = (9 + 40, 9 + 80);
    assert_eq!(decode_with(third, &[5]).unwrap_err(), ParamsError::RosterOrder(ClientId(5)).into());
    assert_eq!(decode_with(third, &[20]).unwrap_err(), ParamsError::RosterOrder(ClientId(20)).into());
    let key: [u8; 32] = unusual_bytes()[second + 8..third].try_into().unwrap();
    assert_eq!(decode_with(SERVER, &key).unwrap_err(), ParamsError::DuplicateIdentity(ClientId(20)).into());
    assert_eq!(decode_with(SERVER, &[0; 32]).unwrap_err(), ParamsError::InvalidIdentity(None).into());
    assert_eq!(decode_with(BOUND_KIND - 1, &[65]).unwrap_err(), ParamsError::ModulusBits(65).into());
}

#[test]
fn any_changed_byte_is_refused_or_gives_another_session_with_these_bytes() {
    let (original, bytes, mut accepted) = (unusual().build().unwrap(), unusual_bytes(), 0);
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << bit;
            if let Ok(session) = Session::decode(&changed) {
                assert_eq!(session.encode(), changed);
                assert_ne!(session.id(), original.id());
                accepted += 1;
            }
        }
    }
    assert!(accepted > 8 * (15 + 8 + 16 + 32 + 32), "at least every change of the last five fields");
}

#[test]
fn every_field_changes_the_session_id() {
    let (mut roster, server) = parties(6);
    let (_, spare) = roster.pop().unwrap();
    let with = |roster: &[_], server| Session::builder(roster.to_vec(), server, 1000, 24, BOUND);
    let (mut other_id, mut other_key) = (roster.clone(), roster.clone());
    (other_id[4].0, other_key[4].1) = (ClientId(51), spare);
    let builders = [
        of(5),
        with(&other_id, server),
        with(&other_key, server),
        with(&roster, spare),
        with(&roster[..4], server),
        of_five(1001, 24, BOUND),
        of_five(1000, 25, BOUND),
        of_five(1000, 24, Bound::Exact { max_abs: 101 }),
        of_five(1000, 24, Bound::Tail { max_sum: 100, log2: 40 }),
        of_five(1000, 24, Bound::Tail { max_sum: 100, log2: 41 }),
        of(5).max_colluders(0),
        of(5).max_dropouts(0),
        of(5).min_honest(2),
        of(5).chunk_len(64),
        of(5).encoding([0]),
        of(5).encoding([0, 0]),
        of(5).round(1),
        of(5).attempt([1; 16]),
        of(5).context([1; 32]),
        of(5).previous([1; 32]),
    ];
    let sessions: Vec<_> = builders.iter().map(|builder| builder.clone().build().unwrap()).collect();
    let ids: BTreeSet<_> = sessions.iter().map(Session::id).collect();
    assert_eq!(ids.len(), builders.len());
    for (i, one) in sessions.iter().enumerate() {
        assert!(sessions.iter().enumerate().all(|(j, other)| (one == other) == (i == j)), "equal exactly if the id is");
    }
}

#[test]
fn a_session_is_recommended_lattice_masks_from_16_clients_and_32768_words_on() {
    assert!(matches!(Masking::recommended(16, 1 << 15, 20), Masking::Lattice(_)));
    assert_eq!(Masking::recommended(15, 1 << 15, 20), Masking::Pairwise);
    assert_eq!(Masking::recommended(16, (1 << 15) - 1, 20), Masking::Pairwise);
}

#[test]
fn a_session_prints_its_id_and_its_descriptor() {
    let session = of(5).round(77).build().unwrap();
    let id = session.id();
    assert_eq!(format!("{id}"), hex::encode(id.0));
    assert_eq!(format!("{id:?}"), format!("SessionId({})", hex::encode(id.0)));
    let text = format!("{session:?}");
    assert!(text.starts_with(&format!("Session {{ id: {id:?}, descriptor: ")) && text.contains("round: 77"), "{text}");
}
