//! A search in registers: a step is a permutation of registers, so no index touches memory.

use core::arch::x86_64::{
    __m512i, _mm_cvtsi64_si128, _mm512_add_epi64, _mm512_cmpeq_epi64_mask, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64,
    _mm512_min_epu64, _mm512_permutex2var_epi64, _mm512_permutexvar_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_shldi_epi64, _mm512_sll_epi64, _mm512_srli_epi64, _mm512_sub_epi64, _mm512_test_epi64_mask,
};

use bytemuck::cast;

use super::{OFFSET, tree::TREE};

/// As the portable scan.
#[target_feature(enable = "avx512f,avx512vbmi2")]
pub(super) fn add_errors(integers: &[u64], limbs: &mut [u64], shift: u32) -> bool {
    let tree: [__m512i; 8] = cast(TREE);
    let places = _mm_cvtsi64_si128(i64::from(shift));
    let mut least = _mm512_set1_epi64(-1);
    let (vectors, rest) = integers.as_chunks::<8>();
    let (limbs, limbs_rest) = limbs.as_chunks_mut::<8>();
    for (integers, limb) in vectors.iter().zip(limbs) {
        let error = sample(&tree, cast(*integers), &mut least);
        *limb = cast(_mm512_add_epi64(cast(*limb), _mm512_sll_epi64(error, places)));
    }
    let ties = _mm512_cmpeq_epi64_mask(least, _mm512_setzero_si512()) != 0;
    super::scan(rest, limbs_rest, shift) | ties
}

/// `e + OFFSET` for each integer; the least difference to a threshold met on the way goes to `least`.
#[inline]
#[target_feature(enable = "avx512f,avx512vbmi2")]
fn sample(tree: &[__m512i; 8], integers: __m512i, least: &mut __m512i) -> __m512i {
    let half = _mm512_srli_epi64::<1>(integers);
    let one = _mm512_set1_epi64(1);
    let [top, fourth, fifth_a, fifth_b, sixth_a, sixth_b, sixth_c, sixth_d] = *tree;
    // To the child whose lowest bit is the sign of the difference: both sides are below 2^63. A difference of zero is the least.
    let mut step = |node: __m512i, threshold: __m512i| {
        let difference = _mm512_sub_epi64(threshold, half);
        *least = _mm512_min_epu64(*least, difference);
        _mm512_shldi_epi64::<1>(node, difference)
    };
    let node = step(one, _mm512_permutexvar_epi64(one, top));
    let node = step(node, _mm512_permutexvar_epi64(node, top));
    let node = step(node, _mm512_permutexvar_epi64(node, top));
    let node = step(node, _mm512_permutexvar_epi64(node, fourth));
    let node = step(node, _mm512_permutex2var_epi64(fifth_a, node, fifth_b));
    let (low, high) = (_mm512_permutex2var_epi64(sixth_a, node, sixth_b), _mm512_permutex2var_epi64(sixth_c, node, sixth_d));
    let right = _mm512_test_epi64_mask(node, _mm512_set1_epi64(16));
    let node = step(node, _mm512_mask_blend_epi64(right, low, high));
    // The leaf is 64 more than the size of the error.
    let base = OFFSET.cast_signed();
    let positive = _mm512_add_epi64(node, _mm512_set1_epi64(base - 64));
    let negative = _mm512_test_epi64_mask(integers, one);
    _mm512_mask_sub_epi64(positive, negative, _mm512_set1_epi64(base + 64), node)
}
