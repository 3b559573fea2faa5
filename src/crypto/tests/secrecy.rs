//! Perfect secrecy of Pedersen's sharing (section 9), shown exactly: every choice of every coefficient over a tiny field is counted.
//!
//! The scheme is the one of `vss.rs` with ristretto255 replaced by the subgroup of order `q` of the integers modulo a prime, where all
//! logarithms are known; so what is counted holds against an adversary with any computing power.

use alloc::vec::Vec;

use super::subsets;

/// Field and group: `q` scalars, a generator of order `q` modulo `p`, and a second one, its power.
#[derive(Clone, Copy)]
struct Tiny {
    q: u64,
    p: u64,
    g: u64,
    second: u64,
}

/// `29 = 4 * 7 + 1` and `23 = 2 * 11 + 1`.
const GF_7: Tiny = Tiny { q: 7, p: 29, g: 16, second: 16 * 16 * 16 % 29 };
const GF_11: Tiny = Tiny { q: 11, p: 23, g: 2, second: 32 % 23 };

impl Tiny {
    fn power(self, base: u64, exponent: u64) -> u64 {
        (0..exponent).fold(1, |power, _| power * base % self.p)
    }

    /// All `f G + g P`, at `f * q + g`.
    fn commitments(self) -> Vec<u64> {
        let pairs = (0..self.q).flat_map(|f| (0..self.q).map(move |g| (f, g)));
        pairs.map(|(f, g)| self.power(self.g, f) * self.power(self.second, g) % self.p).collect()
    }

    fn evaluate(self, coefficients: &[u64], x: u64) -> u64 {
        coefficients.iter().rev().fold(0, |sum, c| (sum * x + c) % self.q)
    }

    /// Every list of `len` scalars.
    fn lists(self, len: u32) -> Vec<Vec<u64>> {
        (0..len).fold(Vec::from([Vec::new()]), |lists, _| {
            lists.iter().flat_map(|list| (0..self.q).map(move |next| [&list[..], &[next]].concat())).collect()
        })
    }

    /// What `holders` together see, commitments included: one number for every choice that the dealer has, sorted.
    fn views(self, secret: u64, threshold: u32, holders: &[u32], blinded: bool) -> Vec<u128> {
        let table = self.commitments();
        let (tails, blindings) = (self.lists(threshold - 1), self.lists(threshold));
        let fs: Vec<Vec<u64>> = tails.into_iter().map(|tail| [&[secret][..], &tail].concat()).collect();
        let gs = if blinded { &blindings[..] } else { &blindings[..1] };
        let mut views = Vec::with_capacity(fs.len() * gs.len());
        let shares_of = |list: &Vec<u64>| -> Vec<u64> { holders.iter().map(|x| self.evaluate(list, u64::from(*x))).collect() };
        let g_shares: Vec<Vec<u64>> = gs.iter().map(shares_of).collect();
        for f in &fs {
            let f_shares = shares_of(f);
            for (g, g_shares) in gs.iter().zip(&g_shares) {
                let points = f.iter().zip(g).map(|(f, g)| table[usize::try_from(f * self.q + g).unwrap()]);
                let seen = points.chain(f_shares.iter().copied()).chain(g_shares.iter().copied());
                // Every item is below 32, so no two views have one number.
                views.push(seen.fold(0, |view, item| view << 5 | u128::from(item)));
            }
        }
        views.sort_unstable();
        views
    }
}

/// For every set of `threshold - 1` of 4 holders (those of 3 and fewer are among them), and every secret.
fn the_view_says_nothing(field: Tiny, threshold: u32) {
    for holders in subsets(4, threshold - 1) {
        let first = field.views(0, threshold, &holders, true);
        // Exactly one pair of polynomials for each view that there is: no view is more likely than another.
        assert!(first.windows(2).all(|pair| pair[0] < pair[1]), "{holders:?}");
        for secret in 1..field.q {
            assert!(field.views(secret, threshold, &holders, true) == first, "secret {secret}, holders {holders:?}");
        }
    }
}

#[test]
fn over_7_elements_every_view_of_t_minus_1_holders_is_equally_likely_for_every_secret() {
    (1..=4).for_each(|threshold| the_view_says_nothing(GF_7, threshold));
}

#[test]
fn over_11_elements_every_view_of_t_minus_1_holders_is_equally_likely_for_every_secret() {
    (1..=3).for_each(|threshold| the_view_says_nothing(GF_11, threshold));
}

/// The count can tell: `t` holders see views that no other secret gives.
#[test]
fn the_views_of_t_holders_are_different_for_every_secret() {
    for threshold in 1..=3_u32 {
        for holders in subsets(4, threshold) {
            let all: Vec<_> = (0..7).map(|secret| GF_7.views(secret, threshold, &holders, true)).collect();
            for (secret, views) in all.iter().enumerate() {
                let mut before = all[..secret].iter().flatten();
                assert!(before.all(|view| views.binary_search(view).is_err()), "secret {secret}, holders {holders:?}");
            }
        }
    }
}

/// The count can tell: without blinding (Feldman's scheme) the commitments alone tell secrets apart.
#[test]
fn without_blinding_the_views_differ() {
    for threshold in 1..=4_u32 {
        for holders in subsets(4, threshold - 1) {
            let [zero, one] = [0, 1].map(|secret| GF_7.views(secret, threshold, &holders, false));
            assert!(zero != one, "{holders:?}");
        }
    }
}

#[test]
fn the_tiny_groups_have_the_stated_orders() {
    for field in [GF_7, GF_11] {
        for generator in [field.g, field.second] {
            let powers: Vec<u64> = (1..=field.q).map(|exponent| field.power(generator, exponent)).collect();
            assert_eq!(powers.iter().position(|power| *power == 1), Some(powers.len() - 1), "{generator} modulo {}", field.p);
        }
    }
}
