//! The transform in floating point with AVX2 and fused multiply-add: four numbers at once.
//!
//! Residues are integers of any sign, small enough to be exact; a product is reduced by its rounded quotient, with the rounding error
//! of the product itself kept (as in the FFT of FLINT; van der Hoeven, Lecerf and Quintin, "Modular SIMD arithmetic in Mathemagix",
//! 2016, section 3). Bounds, for `q < 2^50`: a product of `|x| <= 4q` by a centred factor is at most `0.85 q`, and so is what goes
//! into a pass; inside of it sums reach `3.4 q < 2^52`.

use alloc::vec::Vec;
use core::arch::x86_64::{
    __m256d, __m256i, _CMP_LT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _mm256_add_epi64, _mm256_add_pd, _mm256_and_pd,
    _mm256_and_si256, _mm256_castpd_si256, _mm256_castsi256_pd, _mm256_cmp_pd, _mm256_fmadd_pd, _mm256_fmsub_pd,
    _mm256_fnmadd_pd, _mm256_mul_pd, _mm256_or_si256, _mm256_permute2f128_pd, _mm256_round_pd, _mm256_set1_epi64x,
    _mm256_set1_pd, _mm256_setzero_pd, _mm256_setzero_si256, _mm256_srli_epi64, _mm256_sub_epi64, _mm256_sub_pd,
    _mm256_unpackhi_pd, _mm256_unpacklo_pd, _mm256_xor_si256,
};

use bytemuck::cast;

use super::{Factors, Table, floats, stages::passes};
use crate::math::{
    crt::Crt,
    field::{Factor, Modulus, SCALE},
};

const LANES: usize = 4;
type Vector = __m256d;
type Scalar = f64;

/// A prime and its inverse in every lane.
#[derive(Clone, Copy)]
struct Field {
    q: Vector,
    inverse: Vector,
}

/// A centred factor `w` for each lane, and `w / q`.
#[derive(Clone, Copy)]
struct Twiddle {
    value: Vector,
    quotient: Vector,
}

impl Field {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    #[allow(clippy::cast_precision_loss, reason = "below 2^50")]
    fn new(modulus: Modulus) -> Self {
        let q = modulus.value() as f64;
        Self { q: _mm256_set1_pd(q), inverse: _mm256_set1_pd(1.0 / q) }
    }
}

/// Numbers of a pass lie in memory as they are.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn load(lanes: &[u64; LANES]) -> Vector {
    cast(*lanes)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store(lanes: &mut [u64; LANES], vector: Vector) {
    *lanes = cast(vector);
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn splat(value: f64, quotient: f64) -> Twiddle {
    Twiddle { value: _mm256_set1_pd(value), quotient: _mm256_set1_pd(quotient) }
}

/// `2^52`: added to an integer below it, the integer is in the low bits.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn magic() -> __m256i {
    _mm256_set1_epi64x(0x4330_0000_0000_0000)
}

/// Integers below `2^52` to floating point.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn enter(integers: &[u64; LANES]) -> Vector {
    let biased = _mm256_castsi256_pd(_mm256_or_si256(cast(*integers), magic()));
    _mm256_sub_pd(biased, _mm256_castsi256_pd(magic()))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn enter_at(numbers: &[u64], start: usize) -> Vector {
    match numbers.get(start..).and_then(<[u64]>::first_chunk) {
        Some(lanes) => enter(lanes),
        None => _mm256_setzero_pd(),
    }
}

/// The residue of a number of any sign.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn residue(field: Field, x: Vector) -> Vector {
    let centered = settle(field, x);
    let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(centered, _mm256_setzero_pd());
    _mm256_add_pd(centered, _mm256_and_pd(negative, field.q))
}

/// Whole numbers below `2^52`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn to_integers(x: Vector) -> [u64; LANES] {
    let biased = _mm256_castpd_si256(_mm256_add_pd(x, _mm256_castsi256_pd(magic())));
    cast(_mm256_xor_si256(biased, magic()))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn leave(field: Field, x: Vector) -> [u64; LANES] {
    to_integers(residue(field, x))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn round(x: Vector) -> Vector {
    _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x)
}

/// `x y`, less `quotient` times `q`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn reduced_product(field: Field, x: Vector, y: Vector, product: Vector, quotient: Vector) -> Vector {
    let low = _mm256_fmsub_pd(x, y, product);
    _mm256_add_pd(_mm256_fnmadd_pd(quotient, field.q, product), low)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn scale(field: Field, x: Vector, w: Twiddle) -> Vector {
    reduced_product(field, x, w.value, _mm256_mul_pd(x, w.value), round(_mm256_mul_pd(x, w.quotient)))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn sum(_: Field, u: Vector, v: Vector) -> Vector {
    _mm256_add_pd(u, v)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn difference(field: Field, u: Vector, v: Vector, w: Twiddle) -> Vector {
    scale(field, _mm256_sub_pd(u, v), w)
}

/// The least number that is congruent to `u`, of either sign.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn settle(field: Field, u: Vector) -> Vector {
    _mm256_fnmadd_pd(round(_mm256_mul_pd(u, field.inverse)), field.q, u)
}

passes!(#[target_feature(enable = "avx2,fma")]);

/// The numbers at even places, and those at odd places.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn unzip(a: Vector, b: Vector) -> (Vector, Vector) {
    let (low, high) = (_mm256_permute2f128_pd::<0x20>(a, b), _mm256_permute2f128_pd::<0x31>(a, b));
    (_mm256_unpacklo_pd(low, high), _mm256_unpackhi_pd(low, high))
}

/// One stage between neighbours. After three of them the eight numbers are in order again.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn near_stage(field: Field, (a, b): (Vector, Vector), w: Twiddle) -> (Vector, Vector) {
    let (u, v) = unzip(a, b);
    (settle(field, sum(field, u, v)), difference(field, u, v, w))
}

/// The product and the stages within eight numbers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn first_pass(field: Field, twiddles: &Factors<f64>, data: &mut [[u64; 8]], key: &[[u64; 8]]) {
    let pairs = data.len();
    let (v1, q1) = stage(twiddles, 4 * pairs);
    let (v2, q2) = stage(twiddles, 2 * pairs);
    let (v3, q3) = stage(twiddles, pairs);
    let first = v1.as_chunks::<4>().0.iter().zip(q1.as_chunks::<4>().0);
    let second = v2.as_chunks::<2>().0.iter().zip(q2.as_chunks::<2>().0);
    for (((data, key), (w1, w2)), w3) in data.iter_mut().zip(key).zip(first.zip(second)).zip(v3.iter().zip(q3)) {
        let [[a, b], [key_a, key_b]]: [[[u64; 4]; 2]; 2] = [cast(*data), cast(*key)];
        let product = |x: Vector, y: Vector| {
            let product = _mm256_mul_pd(x, y);
            reduced_product(field, x, y, product, round(_mm256_mul_pd(product, field.inverse)))
        };
        let pair = (product(enter(&a), enter(&key_a)), product(enter(&b), enter(&key_b)));
        let pair = near_stage(field, pair, Twiddle { value: cast(*w1.0), quotient: cast(*w1.1) });
        let two = |[x, y]: [f64; 2]| cast([x, y, x, y]);
        let pair = near_stage(field, pair, Twiddle { value: two(*w2.0), quotient: two(*w2.1) });
        let (a, b) = near_stage(field, pair, splat(*w3.0, *w3.1));
        *data = cast([a, b]);
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn inverse_of_product(table: &Table, values: &mut [u64], key: &[u64], _: &[u64]) {
    let field = Field::new(table.modulus);
    first_pass(field, &table.floats, values.as_chunks_mut().0, key.as_chunks().0);
    all_passes(field, &table.floats, values.as_chunks_mut().0, 2);
    values.as_chunks_mut().0.iter_mut().for_each(|lanes| *lanes = leave(field, load(lanes)));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn add_scaled(modulus: Modulus, offset: u64, limbs: &[u64], factors: &[Factor], values: &mut [u64]) {
    let (field, len) = (Field::new(modulus), values.len());
    let offset_lanes = enter(&[offset; LANES]);
    let numbers: Vec<u64> = factors.iter().skip(1).map(|factor| factor.value).collect();
    let floats = floats(modulus, &numbers);
    let (vectors, rest) = values.as_chunks_mut::<LANES>();
    let (first, others) = limbs.split_at(len.min(limbs.len()));
    for (place, (vector, limb)) in vectors.iter_mut().zip(first.as_chunks().0).enumerate() {
        let mut total = _mm256_add_pd(_mm256_add_pd(enter(vector), offset_lanes), enter(limb));
        let mut start = place * LANES;
        for (value, quotient) in floats.values.iter().zip(&floats.quotients) {
            let product = scale(field, enter_at(others, start), splat(*value, *quotient));
            total = _mm256_add_pd(settle(field, total), product);
            start += len;
        }
        *vector = leave(field, total);
    }
    let start = len - rest.len();
    super::portable::add_scaled_from(modulus, offset, limbs, factors, values, start);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn lift(crt: &Crt, residues: &mut [u64]) {
    match crt.primes() {
        1 => {}
        2 => lift_columns::<2>(crt, residues),
        3 => lift_columns::<3>(crt, residues),
        _ => lift_columns::<4>(crt, residues),
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn lift_columns<const P: usize>(crt: &Crt, residues: &mut [u64]) {
    let len = residues.len() / P;
    let inverses = |(modulus, inverses): (&Modulus, &Vec<Factor>)| {
        let values: Vec<u64> = inverses.iter().map(|inverse| inverse.value).collect();
        floats(*modulus, &values)
    };
    let inverses: Vec<Factors<f64>> = crt.moduli.iter().zip(&crt.inverses).map(inverses).collect();
    let mut columns = residues.chunks_exact_mut(len.max(1));
    let mut columns: [&mut [u64]; P] = core::array::from_fn(|_| columns.next().unwrap_or_default());
    for place in 0..len / LANES {
        let mut digits = [_mm256_setzero_pd(); P];
        for (digit, column) in digits.iter_mut().zip(&columns) {
            *digit = enter_at(column, place * LANES);
        }
        let limbs = join(crt, mixed_radix(crt, &inverses, digits));
        for (limb, column) in limbs.into_iter().zip(&mut columns) {
            if let Some(lanes) = column.as_chunks_mut::<LANES>().0.get_mut(place) {
                *lanes = cast(limb);
            }
        }
    }
    super::portable::lift_from::<P>(crt, len / LANES * LANES, residues);
}

/// The digits of [`Crt::lift`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn mixed_radix<const P: usize>(crt: &Crt, inverses: &[Factors<f64>], mut digits: [Vector; P]) -> [Vector; P] {
    for (i, (modulus, inverses)) in crt.moduli.iter().zip(inverses).enumerate().skip(1) {
        let field = Field::new(*modulus);
        let (before, rest) = digits.split_at_mut(i.min(P));
        let Some(digit) = rest.first_mut() else { break };
        for ((other, value), quotient) in before.iter().zip(&inverses.values).zip(&inverses.quotients) {
            *digit = difference(field, *digit, *other, splat(*value, *quotient));
        }
        *digit = residue(field, *digit);
    }
    digits
}

/// `2^104`: the upper part of a product of two numbers below `2^52` is what remains when it is added.
const HIGH: f64 = 20_282_409_603_651_670_423_947_251_286_016.0;
/// `1.5 * 2^52`: integers of either sign added to it are in its low bits.
const LOW: f64 = 6_755_399_441_055_744.0;

/// `high` and `low` with `x y = 2^52 high + low`, the latter of either sign, for integers whose product is below `2^104`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn wide_product(x: Vector, y: Vector) -> (__m256i, __m256i) {
    let (high_bias, low_bias) = (_mm256_set1_pd(HIGH), _mm256_set1_pd(LOW));
    let high = _mm256_fmadd_pd(x, y, high_bias);
    let low = _mm256_fmadd_pd(x, y, _mm256_add_pd(_mm256_sub_pd(high_bias, high), low_bias));
    let integer = |x: Vector, bias: Vector| _mm256_sub_epi64(_mm256_castpd_si256(x), _mm256_castpd_si256(bias));
    (integer(high, high_bias), integer(low, low_bias))
}

/// The limbs of the integer with these digits, by Horner's rule.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn join<const P: usize>(crt: &Crt, digits: [Vector; P]) -> [__m256i; P] {
    let low_bits = _mm256_set1_epi64x((1 << SCALE) - 1);
    // A multiple of 2^52 that makes every carry positive, so that a shift of unsigned numbers does.
    let bias = _mm256_set1_epi64x(1 << 60);
    let mut limbs = [_mm256_setzero_si256(); P];
    for (digit, modulus) in digits.iter().zip(&crt.moduli).rev() {
        let (mut carry, q) = (cast(to_integers(*digit)), Field::new(*modulus).q);
        for limb in &mut limbs {
            let (high, low) = wide_product(enter(&cast(*limb)), q);
            let total = _mm256_add_epi64(_mm256_add_epi64(low, carry), bias);
            *limb = _mm256_and_si256(total, low_bits);
            carry = _mm256_add_epi64(high, _mm256_sub_epi64(_mm256_srli_epi64::<52>(total), _mm256_set1_epi64x(1 << 8)));
        }
    }
    limbs
}
