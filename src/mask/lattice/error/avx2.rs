//! A search in registers: a step is a permutation within registers of four thresholds and a choice between them, so no index touches
//! memory.

use core::arch::x86_64::{
    __m256i, _mm_cvtsi64_si128, _mm256_add_epi32, _mm256_add_epi64, _mm256_and_si256, _mm256_blendv_pd, _mm256_castpd_si256,
    _mm256_castsi256_pd, _mm256_cmpeq_epi64, _mm256_or_si256, _mm256_permutevar8x32_epi32, _mm256_set1_epi64x,
    _mm256_setzero_si256, _mm256_shuffle_epi32, _mm256_sll_epi64, _mm256_srli_epi32, _mm256_srli_epi64, _mm256_sub_epi64,
    _mm256_testz_si256, _mm256_xor_si256,
};

use bytemuck::cast;

use super::{OFFSET, tree::TREE};

/// As the portable scan.
#[target_feature(enable = "avx2")]
pub(super) fn add_errors(integers: &[u64], limbs: &mut [u64], shift: u32) -> bool {
    let tree: [__m256i; 16] = cast(TREE);
    let places = _mm_cvtsi64_si128(i64::from(shift));
    let mut ties = _mm256_setzero_si256();
    let (vectors, rest) = integers.as_chunks::<4>();
    let (limbs, limbs_rest) = limbs.as_chunks_mut::<4>();
    for (integers, limb) in vectors.iter().zip(limbs) {
        let error = sample(&tree, cast(*integers), &mut ties);
        *limb = cast(_mm256_add_epi64(cast(*limb), _mm256_sll_epi64(error, places)));
    }
    let ties = _mm256_testz_si256(ties, ties) == 0;
    super::scan(rest, limbs_rest, shift) | ties
}

/// A search under way, in four lanes.
struct Search<'a> {
    half: __m256i,
    /// Twice the number of the node within its level, in either half of a lane.
    twice: __m256i,
    ties: &'a mut __m256i,
}

impl Search<'_> {
    /// Goes on to a child: the sign of the result says to which. Both sides of the difference are below 2^63.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn step(&mut self, threshold: __m256i) -> __m256i {
        let difference = _mm256_sub_epi64(threshold, self.half);
        *self.ties = _mm256_or_si256(*self.ties, _mm256_cmpeq_epi64(difference, _mm256_setzero_si256()));
        let sign = _mm256_srli_epi32::<31>(_mm256_shuffle_epi32::<0xf5>(difference));
        let next = _mm256_add_epi32(self.twice, sign);
        self.twice = _mm256_add_epi32(next, next);
        difference
    }

    /// The thresholds that the last two steps choose among four.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn look_up(&self, four: __m256i) -> __m256i {
        _mm256_permutevar8x32_epi32(four, _mm256_or_si256(self.twice, _mm256_set1_epi64x(1 << 32)))
    }
}

/// `right` where the sign is set, else `left`.
#[inline]
#[target_feature(enable = "avx2")]
fn choose(sign: __m256i, left: __m256i, right: __m256i) -> __m256i {
    let [left, right, sign] = [_mm256_castsi256_pd(left), _mm256_castsi256_pd(right), _mm256_castsi256_pd(sign)];
    _mm256_castpd_si256(_mm256_blendv_pd(left, right, sign))
}

/// `e + OFFSET` for each integer; lanes that met their own number in the table are noted in `ties`.
#[inline]
#[target_feature(enable = "avx2")]
fn sample(tree: &[__m256i; 16], integers: __m256i, ties: &mut __m256i) -> __m256i {
    let [_, root, left, right, ..] = TREE;
    let all = |value: u64| _mm256_set1_epi64x(value.cast_signed());
    let [_, third, a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *tree;
    let mut search = Search { half: _mm256_srli_epi64::<1>(integers), twice: _mm256_setzero_si256(), ties };
    let first = search.step(all(root));
    let second = search.step(choose(first, all(left), all(right)));
    let third = search.step(search.look_up(third));
    let at = |search: &Search<'_>, quarter: [__m256i; 2], sign: __m256i| {
        choose(sign, search.look_up(quarter[0]), search.look_up(quarter[1]))
    };
    let fourth = at(&search, [a, b], first);
    search.step(fourth);
    let fifth = choose(first, at(&search, [c, d], second), at(&search, [e, f], second));
    search.step(fifth);
    let lower = choose(second, at(&search, [g, h], third), at(&search, [i, j], third));
    let upper = choose(second, at(&search, [k, l], third), at(&search, [m, n], third));
    search.step(choose(first, lower, upper));
    let size = _mm256_srli_epi64::<33>(search.twice);
    let sign = _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_and_si256(integers, all(1)));
    _mm256_add_epi64(_mm256_sub_epi64(_mm256_xor_si256(size, sign), sign), all(OFFSET))
}
