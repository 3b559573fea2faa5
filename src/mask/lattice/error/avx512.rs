//! The table as a search tree in registers: a step of the search is a permutation of registers, so no index touches memory.

use core::arch::x86_64::{
    __m512i, _mm_cvtsi64_si128, _mm512_add_epi64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64, _mm512_permutex2var_epi64,
    _mm512_permutexvar_epi64, _mm512_set1_epi64, _mm512_shldi_epi64, _mm512_sll_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
    _mm512_test_epi64_mask,
};

use bytemuck::cast;

use super::{OFFSET, TABLE};

/// Node `h` of level `l` (`2^l <= h < 2^(l+1)`) holds the threshold that splits its part of the table; its children are `2h` and
/// `2h + 1`. What is missing of 63 thresholds is zero, which no number is below.
static TREE: [[u64; 8]; 8] = tree();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn tree() -> [[u64; 8]; 8] {
    let (mut tree, mut node) = ([[0; 8]; 8], 1);
    while node < 64_usize {
        let level = node.ilog2();
        let count = ((2 * (node - (1 << level)) + 1) << 5) >> level;
        if count <= TABLE.len() {
            tree[node / 8][node % 8] = TABLE[count - 1];
        }
        node += 1;
    }
    tree
}

#[target_feature(enable = "avx512f,avx512vbmi2")]
pub(super) fn add_errors(integers: &[u64], limbs: &mut [u64], bits: u32) {
    let tree: [__m512i; 8] = cast(TREE);
    let shift = _mm_cvtsi64_si128(i64::from(bits));
    for (integers, limb) in integers.as_chunks::<8>().0.iter().zip(limbs.as_chunks_mut::<8>().0) {
        let error = sample(&tree, cast(*integers));
        *limb = cast(_mm512_add_epi64(cast(*limb), _mm512_sll_epi64(error, shift)));
    }
    let start = integers.len() / 8 * 8;
    super::add_errors_portable(integers.get(start..).unwrap_or_default(), limbs.get_mut(start..).unwrap_or_default(), bits);
}

/// `e + OFFSET` for each integer.
#[inline]
#[target_feature(enable = "avx512f,avx512vbmi2")]
fn sample(tree: &[__m512i; 8], integers: __m512i) -> __m512i {
    let half = _mm512_srli_epi64::<1>(integers);
    let one = _mm512_set1_epi64(1);
    let [top, fourth, fifth_a, fifth_b, sixth_a, sixth_b, sixth_c, sixth_d] = *tree;
    let mut node = one;
    // To the child whose lowest bit is the sign of the difference: both sides are below 2^63.
    let step = |node: __m512i, threshold: __m512i| _mm512_shldi_epi64::<1>(node, _mm512_sub_epi64(half, threshold));
    for _ in 0..3 {
        node = step(node, _mm512_permutexvar_epi64(node, top));
    }
    node = step(node, _mm512_permutexvar_epi64(node, fourth));
    node = step(node, _mm512_permutex2var_epi64(fifth_a, node, fifth_b));
    let (low, high) = (_mm512_permutex2var_epi64(sixth_a, node, sixth_b), _mm512_permutex2var_epi64(sixth_c, node, sixth_d));
    let right = _mm512_test_epi64_mask(node, _mm512_set1_epi64(16));
    node = step(node, _mm512_mask_blend_epi64(right, low, high));
    // The leaf is 64 more than the size of the error, so it is the offset error if the sign is positive.
    let negative = _mm512_test_epi64_mask(integers, one);
    let twice = _mm512_set1_epi64(2 * OFFSET.cast_signed());
    _mm512_mask_sub_epi64(node, negative, twice, node)
}
