//! Stochastic rounding to integers and their exact norm (docs/privacy.md, section 4.3).

use multiversion::multiversion;

/// 1.5 * 2^52: adding and subtracting it rounds to the nearest integer below 2^51, and its low bits then hold that integer.
const MAGIC: f64 = 6_755_399_441_055_744.0;
/// Sums of squares below this are exact in `f64`, with every partial sum.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Lanes of a sum.
const LANES: usize = 16;

/// Rounds `values * factor`, up where the coin is below the fraction. Returns the exact sum of the squares of the integers.
///
/// What is not a number, or at least 2^51, becomes an integer with a square above 2^100.
pub(super) fn round(values: &[f64], factor: f64, coins: &[u32], integers: &mut [i64]) -> u128 {
    let sum = round_and_sum(values, factor, coins, integers);
    if sum < EXACT {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an integer below 2^53")]
        let sum = sum as u64;
        return u128::from(sum);
    }
    let square = |integer: &i64| u128::from(integer.unsigned_abs()).pow(2);
    integers.iter().fold(0, |sum: u128, integer| sum.saturating_add(square(integer)))
}

#[multiversion(targets("x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx+avx2+bmi1+bmi2+fma"))]
fn round_and_sum(values: &[f64], factor: f64, coins: &[u32], integers: &mut [i64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let ((values, rest), (coins, rest_coins), (integers, rest_integers)) =
        (values.as_chunks::<LANES>(), coins.as_chunks::<LANES>(), integers.as_chunks_mut::<LANES>());
    for ((values, coins), integers) in values.iter().zip(coins).zip(integers) {
        for (((value, coin), integer), lane) in values.iter().zip(coins).zip(integers).zip(&mut lanes) {
            let rounded = one(*value * factor, *coin);
            *lane += rounded * rounded;
            *integer = to_integer(rounded);
        }
    }
    for (((value, coin), integer), lane) in rest.iter().zip(rest_coins).zip(rest_integers).zip(&mut lanes) {
        let rounded = one(*value * factor, *coin);
        *lane += rounded * rounded;
        *integer = to_integer(rounded);
    }
    lanes.iter().sum()
}

/// `floor(value)`, or one more if `(coin + 1/2) / 2^32` is below the fraction.
#[inline(always)]
fn one(value: f64, coin: u32) -> f64 {
    let nearest = (value + MAGIC) - MAGIC;
    let floor = nearest - if nearest > value { 1.0 } else { 0.0 };
    // A number in [1, 2) with the coin as its fraction, and half a unit of the coin.
    let coin = f64::from_bits(0x3ff0_0000_0008_0000 | u64::from(coin) << 20) - 1.0;
    floor + if coin < value - floor { 1.0 } else { 0.0 }
}

#[inline(always)]
#[allow(clippy::cast_possible_wrap, reason = "bits")]
fn to_integer(integral: f64) -> i64 {
    ((integral + MAGIC).to_bits() as i64).wrapping_sub(MAGIC.to_bits() as i64)
}

#[cfg(test)]
mod tests;
