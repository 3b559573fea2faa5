use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::dp::Mechanism;

fn encoding() -> Encoding {
    let planner = Encoding::planner(12, 8, 3, 1000, 1.5, 2.0, 32).weights(Weights { max: 7, unit: 0.1 });
    planner.rotation_seed([9; 32]).mechanism(Mechanism::DiscreteGaussian).plan().unwrap().encoding().for_round(5)
}

#[test]
fn the_description_has_its_fields_where_the_document_says() {
    let (encoding, bytes) = (encoding(), encoding().describe());
    assert_eq!(bytes.len(), 121);
    assert_eq!((bytes[0], &bytes[1..9], &bytes[9..17]), (2, &1000_u64.to_le_bytes()[..], &1.5_f64.to_le_bytes()[..]));
    assert_eq!(bytes[17..25], encoding.scale.to_le_bytes());
    assert_eq!((bytes[25], bytes[26], bytes[27]), (32, 10, 1));
    assert_eq!((bytes[28..36].to_vec(), bytes[36]), (encoding.l2_squared.to_le_bytes().to_vec(), 2));
    assert_eq!((&bytes[53..57], &bytes[57..61], &bytes[61..65]), (&[12, 0, 0, 0][..], &[5, 0, 0, 0][..], &[7, 0, 0, 0][..]));
    assert_eq!((&bytes[65..73], &bytes[73..81]), (&0.1_f64.to_le_bytes()[..], &[0; 8][..]));
    assert_eq!((&bytes[81..89], &bytes[89..121]), (&5_u64.to_le_bytes()[..], &[9; 32][..]));
}

#[test]
fn other_bytes_are_refused() {
    let bytes = encoding().describe();
    assert_eq!(Encoding::from_description(&bytes), Ok(encoding()));
    for len in 0..bytes.len() {
        assert!(Encoding::from_description(&bytes[..len]).is_err());
    }
    assert_eq!(Encoding::from_description(&[&bytes[..], &[0]].concat()), Err(PrivacyError::Description(DecodeError::Trailing)));
    let changed = |place: usize, value: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[place..place + value.len()].copy_from_slice(value);
        Encoding::from_description(&bytes)
    };
    let refused: Vec<(usize, &[u8])> = vec![
        (0, &[1]),
        (1, &[0; 8]),
        (9, &[0; 8]),
        (17, &[0; 8]),
        // A scale by which no value could be divided.
        (17, &[1, 0, 0, 0, 0, 0, 0, 0]),
        (25, &[1]),
        (26, &[5]),
        (26, &[17]),
        (26, &[255]),
        (27, &[2]),
        (36, &[0]),
        (36, &[4]),
        (37, &[0; 8]),
        (45, &[0; 8]),
        (57, &[13]),
        (57, &[0]),
        (61, &[0]),
        (73, &[1]),
    ];
    for (place, value) in refused {
        assert!(changed(place, value).is_err(), "{place} {value:?}");
    }
}

#[test]
fn laplace_shares_are_as_many_as_the_least_number_of_honest_survivors() {
    let planner = Encoding::planner(12, 8, 3, 10, 1.0, 1.0, 32).mechanism(Mechanism::DiscreteLaplaceShares);
    let encoding = planner.plan().unwrap().encoding().clone();
    let mut bytes = encoding.describe();
    assert_eq!((bytes.len(), bytes[36]), (121, 3));
    assert_eq!(Encoding::from_description(&bytes).as_ref(), Ok(&encoding));
    let NoiseLaw::LaplaceShare { noise_parameter, shares: 5 } = encoding.law else { panic!() };
    assert_eq!(bytes[37..53], [noise_parameter.numerator(), noise_parameter.denominator()].map(u64::to_le_bytes).concat());
    bytes[57] = 4;
    assert!(matches!(Encoding::from_description(&bytes).unwrap().law, NoiseLaw::LaplaceShare { shares: 4, .. }));
    let uneven = Encoding { law: NoiseLaw::LaplaceShare { noise_parameter, shares: 6 }, ..encoding.clone() };
    assert!(matches!(uneven.check(), Err(PrivacyError::Parameter { knob: "shares", .. })));
    let whole = Encoding { law: NoiseLaw::DiscreteLaplace { noise_parameter }, ..encoding };
    assert!(matches!(whole.check(), Err(PrivacyError::Parameter { knob: "mechanism", .. })));
}

#[test]
fn a_norm_bound_below_what_rounding_needs_is_refused_and_a_fraction_has_to_be_in_lowest_terms() {
    let low = Encoding { l2_squared: encoding().l2_squared - 1, ..encoding() };
    assert!(matches!(Encoding::from_description(&low.describe()), Err(PrivacyError::Parameter { knob: "l2_squared", .. })));
    let mut bytes = encoding().describe();
    let read = |bytes: &[u8], place: usize| u64::from_le_bytes(bytes[place..place + 8].try_into().unwrap());
    let doubled = [read(&bytes, 37) * 2, read(&bytes, 45) * 2].map(u64::to_le_bytes).concat();
    bytes[37..53].copy_from_slice(&doubled);
    assert_eq!(Encoding::from_description(&bytes), Err(PrivacyError::Description(DecodeError::Value)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_is_read_is_refused_or_has_exactly_these_bytes(changes in prop::collection::vec((0..121_usize, any::<u8>()), 1..4)) {
        let mut bytes = encoding().describe();
        changes.into_iter().for_each(|(place, byte)| bytes[place] = byte);
        if let Ok(encoding) = Encoding::from_description(&bytes) {
            prop_assert_eq!(encoding.describe(), bytes);
            prop_assert!(encoding.log2_wrap(1) <= 0.0);
            prop_assert!(encoding.release().l1 > 0);
        }
    }
}
