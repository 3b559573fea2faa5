//! Samplers of integer noise.

use std::{collections::VecDeque, convert::Infallible};

use veilsum::dp::{ExactSampler, NOISE_BLOCK, NoiseLaw, NoiseSeed, Rational, Sampler};

use crate::json::{Node, Replay};

fn law(node: &Node<'_>) -> NoiseLaw {
    let ratio = Rational::new(node.get("numerator").number(), node.get("denominator").number()).unwrap();
    let shares = node.get("shares");
    match (node.get("law").text(), shares.is_null()) {
        ("skellam", true) => NoiseLaw::Skellam { variance: ratio },
        ("gaussian", true) => NoiseLaw::DiscreteGaussian { variance: ratio },
        ("laplace", true) => NoiseLaw::DiscreteLaplace { noise_parameter: ratio },
        ("laplace_share", false) => NoiseLaw::LaplaceShare { noise_parameter: ratio, shares: shares.small() },
        other => panic!("{other:?}"),
    }
}

pub(crate) fn bulk(section: &Node<'_>) {
    let seed = NoiseSeed::random(&mut Replay::new(section.hex("seed"))).unwrap();
    for case in section.list("cases") {
        let law = law(&case);
        let sampler = match case.get("sampler").text() {
            "fast" => Sampler::new(law),
            name => {
                assert_eq!(name, "constant_time");
                Sampler::constant_time(law)
            }
        }
        .unwrap();
        for place in case.list("places") {
            let expected: Vec<i64> = place.list("noise").iter().map(Node::signed).collect();
            let (block, offset): (u64, usize) = (place.get("block").number(), place.get("offset").small());
            // Whole blocks up to the end of what is expected: the noise of a place does not depend on how much is asked for.
            let mut values = vec![0; (offset + expected.len()).next_multiple_of(NOISE_BLOCK)];
            sampler.add(&seed, block, &mut values);
            assert_eq!(values[offset..offset + expected.len()], expected, "{law:?}, block {block}");
        }
    }
}

/// A generator of recorded words that knows nothing else.
struct Words(VecDeque<u64>);

impl rand_core::TryRng for Words {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("words have 64 bits")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.pop_front().expect("no more words are taken than recorded"))
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Infallible> {
        panic!("only words are taken")
    }
}

pub(crate) fn exact(section: &Node<'_>) {
    for case in section.items() {
        let law = law(&case);
        let (sampler, mut words) = (ExactSampler::new(law).unwrap(), Words(case.get("words").numbers().into()));
        for row in case.list("draws") {
            let row = row.items();
            let before = words.0.len();
            assert_eq!(sampler.sample(&mut words), row[0].signed(), "{law:?}");
            assert_eq!(before - words.0.len(), row[1].small::<usize>(), "words of one draw of {law:?}");
        }
        assert!(words.0.is_empty());
    }
}
