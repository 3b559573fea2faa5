//! The transform with AVX-512 and its multiply-add of 52-bit integers: eight numbers at once.

use core::arch::x86_64::{
    __m512i, _mm_cvtsi64_si128, _mm512_add_epi64, _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_broadcast_i64x4,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_min_epu64, _mm512_permutex2var_epi64, _mm512_set1_epi64,
    _mm512_setr_epi64, _mm512_setzero_si512, _mm512_srl_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
};

use bytemuck::cast;

use super::{Table, stages::passes};
use crate::math::{
    crt::Crt,
    field::{Factor, Modulus, SCALE},
};

const LANES: usize = 8;
type Vector = __m512i;
type Scalar = u64;

/// A prime in every lane.
#[derive(Clone, Copy)]
struct Field {
    q: Vector,
    double: Vector,
    /// `2^52 - q`: what is multiplied by it is taken away, modulo `2^52`.
    negative: Vector,
    low_bits: Vector,
}

/// A factor for each lane.
#[derive(Clone, Copy)]
struct Twiddle {
    value: Vector,
    quotient: Vector,
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn all(value: u64) -> Vector {
    _mm512_set1_epi64(value.cast_signed())
}

impl Field {
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn new(modulus: Modulus) -> Self {
        let q = modulus.value();
        Self { q: all(q), double: all(2 * q), negative: all((1 << SCALE) - q), low_bits: all((1 << SCALE) - 1) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn load(lanes: &[u64; LANES]) -> Vector {
    cast(*lanes)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn load_at(numbers: &[u64], start: usize) -> Vector {
    match numbers.get(start..).and_then(<[u64]>::first_chunk) {
        Some(lanes) => load(lanes),
        None => all(0),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn store(lanes: &mut [u64; LANES], vector: Vector) {
    *lanes = cast(vector);
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn splat(value: u64, quotient: u64) -> Twiddle {
    Twiddle { value: all(value), quotient: all(quotient) }
}

/// `x w` for numbers below `2^52`: below `2q`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn scale(field: Field, x: Vector, w: Twiddle) -> Vector {
    let zero = _mm512_setzero_si512();
    let quotient = _mm512_madd52hi_epu64(zero, x, w.quotient);
    let product = _mm512_madd52lo_epu64(zero, x, w.value);
    _mm512_and_si512(_mm512_madd52lo_epu64(product, quotient, field.negative), field.low_bits)
}

/// `u + v` for numbers below `2q`: below `2q`. A number that would become negative wraps and loses the comparison.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn sum(field: Field, u: Vector, v: Vector) -> Vector {
    let sum = _mm512_add_epi64(u, v);
    _mm512_min_epu64(sum, _mm512_sub_epi64(sum, field.double))
}

/// `(u - v) w` for numbers below `2q`: below `2q`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn difference(field: Field, u: Vector, v: Vector, w: Twiddle) -> Vector {
    scale(field, _mm512_add_epi64(u, _mm512_sub_epi64(field.double, v)), w)
}

/// Sums are reduced already.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn settle(_: Field, u: Vector) -> Vector {
    u
}

passes!(#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]);

/// The numbers at even places, and those at odd places.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn unzip(a: Vector, b: Vector) -> (Vector, Vector) {
    let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    (_mm512_permutex2var_epi64(a, even, b), _mm512_permutex2var_epi64(a, odd, b))
}

/// One stage between neighbours. After four of them the sixteen numbers are in order again.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn near_stage(field: Field, (a, b): (Vector, Vector), w: Twiddle) -> (Vector, Vector) {
    let (u, v) = unzip(a, b);
    (sum(field, u, v), difference(field, u, v, w))
}

/// The product and the stages within sixteen numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn first_pass(field: Field, table: &Table, data: &mut [[u64; 16]], key: &[[u64; 16]], quotients: &[[u64; 16]]) {
    let pairs = data.len();
    let (v1, q1) = stage(&table.twiddles, 8 * pairs);
    let (v2, q2) = stage(&table.twiddles, 4 * pairs);
    let (v3, q3) = stage(&table.twiddles, 2 * pairs);
    let (v4, q4) = stage(&table.twiddles, pairs);
    let first = v1.as_chunks::<8>().0.iter().zip(q1.as_chunks::<8>().0);
    let second = v2.as_chunks::<4>().0.iter().zip(q2.as_chunks::<4>().0);
    let third = v3.as_chunks::<2>().0.iter().zip(q3.as_chunks::<2>().0);
    let twiddles = first.zip(second).zip(third).zip(v4.iter().zip(q4));
    for (((data, key), quotients), (((w1, w2), w3), w4)) in data.iter_mut().zip(key).zip(quotients).zip(twiddles) {
        let [[a, b], [key_a, key_b], [quotient_a, quotient_b]]: [[[u64; 8]; 2]; 3] = [cast(*data), cast(*key), cast(*quotients)];
        let a = scale(field, load(&a), Twiddle { value: load(&key_a), quotient: load(&quotient_a) });
        let b = scale(field, load(&b), Twiddle { value: load(&key_b), quotient: load(&quotient_b) });
        let pair = near_stage(field, (a, b), Twiddle { value: load(w1.0), quotient: load(w1.1) });
        let four = |w: &[u64; 4]| _mm512_broadcast_i64x4(cast(*w));
        let pair = near_stage(field, pair, Twiddle { value: four(w2.0), quotient: four(w2.1) });
        let two = |w: &[u64; 2]| _mm512_broadcast_i32x4(cast(*w));
        let pair = near_stage(field, pair, Twiddle { value: two(w3.0), quotient: two(w3.1) });
        let (a, b) = near_stage(field, pair, splat(*w4.0, *w4.1));
        *data = cast([a, b]);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn inverse_of_product(table: &Table, values: &mut [u64], key: &[u64], quotients: &[u64]) {
    let field = Field::new(table.modulus);
    first_pass(field, table, values.as_chunks_mut().0, key.as_chunks().0, quotients.as_chunks().0);
    all_passes(field, &table.twiddles, values.as_chunks_mut().0, 2);
}

/// The residue of a number below `2^(bits + 14)`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn residue(field: Field, modulus: Modulus, x: Vector) -> Vector {
    let high = _mm512_srl_epi64(x, _mm_cvtsi64_si128(i64::from(modulus.bits())));
    let low = _mm512_and_si512(x, all(modulus.mask()));
    canonical(field, _mm512_madd52lo_epu64(low, high, all(modulus.gap())))
}

/// The residue of a number below `2q`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn canonical(field: Field, x: Vector) -> Vector {
    _mm512_min_epu64(x, _mm512_sub_epi64(x, field.q))
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn add_scaled(modulus: Modulus, offset: u64, limbs: &[u64], factors: &[Factor], values: &mut [u64]) {
    let (field, len) = (Field::new(modulus), values.len());
    let (vectors, rest) = values.as_chunks_mut::<LANES>();
    let (first, others) = limbs.split_at(len.min(limbs.len()));
    let scales = factors.get(1..).unwrap_or_default();
    for (place, (vector, limb)) in vectors.iter_mut().zip(first.as_chunks().0).enumerate() {
        let mut total = _mm512_add_epi64(_mm512_add_epi64(load(vector), all(offset)), load(limb));
        let mut start = place * LANES;
        for factor in scales {
            total = _mm512_add_epi64(total, scale(field, load_at(others, start), splat(factor.value, factor.quotient)));
            start += len;
        }
        store(vector, residue(field, modulus, total));
    }
    let start = len - rest.len();
    super::portable::add_scaled_from(modulus, offset, limbs, factors, values, start);
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn lift(crt: &Crt, residues: &mut [u64]) {
    match crt.primes() {
        1 => {}
        2 => lift_columns::<2>(crt, residues),
        3 => lift_columns::<3>(crt, residues),
        _ => lift_columns::<4>(crt, residues),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn lift_columns<const P: usize>(crt: &Crt, residues: &mut [u64]) {
    let len = residues.len() / P;
    let mut columns = residues.chunks_exact_mut(len.max(1));
    let mut columns: [&mut [u64]; P] = core::array::from_fn(|_| columns.next().unwrap_or_default());
    for place in 0..len / LANES {
        let mut digits = [all(0); P];
        for (digit, column) in digits.iter_mut().zip(&columns) {
            *digit = load_at(column, place * LANES);
        }
        let limbs = lift_vectors(crt, digits);
        for (limb, column) in limbs.into_iter().zip(&mut columns) {
            if let Some(lanes) = column.as_chunks_mut().0.get_mut(place) {
                store(lanes, limb);
            }
        }
    }
    super::portable::lift_from::<P>(crt, len / LANES * LANES, residues);
}

/// As [`Crt::lift`].
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn lift_vectors<const P: usize>(crt: &Crt, mut digits: [Vector; P]) -> [Vector; P] {
    for (i, (modulus, inverses)) in crt.moduli.iter().zip(&crt.inverses).enumerate().skip(1) {
        let field = Field::new(*modulus);
        let (before, rest) = digits.split_at_mut(i.min(P));
        let Some(digit) = rest.first_mut() else { break };
        for (other, inverse) in before.iter().zip(inverses) {
            *digit = difference(field, *digit, *other, splat(inverse.value, inverse.quotient));
        }
        *digit = canonical(field, *digit);
    }
    let (zero, low_bits) = (all(0), all((1 << SCALE) - 1));
    let mut limbs = [zero; P];
    for (digit, modulus) in digits.iter().zip(&crt.moduli).rev() {
        let (mut carry, q) = (*digit, all(modulus.value()));
        for limb in &mut limbs {
            let low = _mm512_madd52lo_epu64(carry, *limb, q);
            carry = _mm512_madd52hi_epu64(_mm512_srli_epi64::<{ SCALE }>(low), *limb, q);
            *limb = _mm512_and_si512(low, low_bits);
        }
    }
    limbs
}
