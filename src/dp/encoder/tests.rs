use alloc::{vec, vec::Vec};

use rand::{SeedableRng, rngs::StdRng};

use super::*;

fn seed(number: u64) -> EncodingSeed {
    EncodingSeed::generate(&mut StdRng::seed_from_u64(number)).unwrap()
}

fn encoding() -> Encoding {
    Encoding::planner(12, 8, 3, 1000, 1.0, 1.0, 40).bounded().plan().unwrap().encoding().clone()
}

#[test]
fn rounding_that_never_gets_within_the_bound_ends_with_an_error() {
    let encoding = Encoding { l2_squared: 3, ..encoding() };
    let refused = encoding.encoder_without_noise(&vec![0.1_f32; 1000], 1, seed(1)).unwrap_err();
    assert_eq!(refused, InputError::Rounding { attempts: 90 });
}

#[test]
fn noise_beyond_the_bound_is_an_error_with_its_place_and_no_word_is_given() {
    let wide = encoding();
    let sampler = wide.sampler().unwrap();
    let mut integers = vec![0; 1024];
    wide.encoder(&sampler, &vec![0.0_f32; 1000], 1, seed(2)).unwrap().next_integers(&mut integers).unwrap();
    let limit = 2 * integers.iter().map(|integer| integer.unsigned_abs()).max().unwrap() / 3;
    let place = integers.iter().position(|integer| integer.unsigned_abs() > limit).unwrap();
    let narrow = Encoding { max_abs: Some(limit), ..wide };
    let values = vec![0.0_f32; 1000];
    let mut encoder = narrow.encoder(&sampler, &values, 1, seed(2)).unwrap();
    integers.fill(7);
    assert_eq!(encoder.next_integers(&mut integers), Err(InputError::Truncated { position: place as u64 }));
    assert_eq!(integers, [0; 1024]);
    assert_eq!(encoder.next_integers(&mut integers), Err(InputError::WrongState));
}

#[test]
fn bounded_words_stay_within_the_bound_and_do_not_wrap() {
    let encoding = encoding();
    let (sampler, max_abs) = (encoding.sampler().unwrap(), encoding.max_abs.unwrap());
    let values = vec![1.0_f32; 1000];
    let integers = |number| {
        let mut integers = vec![0; 1024];
        encoding.encoder(&sampler, &values, 1, seed(number)).unwrap().next_integers(&mut integers).unwrap();
        integers
    };
    let largest = (0..20).flat_map(integers).map(i64::unsigned_abs).max().unwrap();
    assert!(largest <= max_abs && largest > max_abs / 20, "{largest} of {max_abs}");
    let mut words = vec![0_u64; 1024];
    encoding.encoder(&sampler, &values, 1, seed(3)).unwrap().next_words(&mut words).unwrap();
    assert_eq!(words.iter().map(|word| encoding.ring.centered(*word)).collect::<Vec<_>>(), integers(3));
}

#[test]
fn a_failing_generator_gives_no_seed() {
    struct Failing;
    impl rand_core::TryRng for Failing {
        type Error = core::fmt::Error;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Err(core::fmt::Error)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Err(core::fmt::Error)
        }
        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
            Err(core::fmt::Error)
        }
    }
    impl TryCryptoRng for Failing {}
    assert!(matches!(EncodingSeed::generate(&mut Failing), Err(EnvironmentError::Rng)));
}
