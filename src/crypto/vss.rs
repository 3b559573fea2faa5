//! Pedersen verifiable secret sharing over ristretto255 (section 9).

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, ops::Deref};

use curve25519_dalek::{
    RistrettoPoint, Scalar,
    ristretto::{CompressedRistretto, RistrettoBasepointTable},
    traits::{Identity, VartimeMultiscalarMul},
};
use rand_core::TryCryptoRng;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    kdf::Kdf,
    secret::{Secret, SecretScalar},
};
use crate::{
    error::{ClientId, DecodeError, EnvironmentError},
    hash::{Hash, framed_label, hash},
    label::{self, frame, kdf},
    session::SessionId,
};

/// Which of a client's two secrets is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The mask root `m`.
    MaskRoot = 1,
    /// The self-mask secret `b`.
    SelfSecret = 2,
}

/// Coefficients of this many powers share one multi-scalar multiplication: their scalars stay short, and the batch is long.
const POWERS_PER_PASS: usize = 4;

/// The second generator `P`; nobody knows its logarithm.
pub(crate) fn second_generator() -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&Sha512::digest(framed_label(frame::PEDERSEN)).into())
}

/// A share and its blinding share, of one holder. Secret until revealed. Boxed, so that moving it, or a map that holds it, leaves no
/// copy behind.
pub(crate) struct Share(Box<Scalars>);

/// What a [`Share`] holds.
pub(crate) struct Scalars {
    pub(crate) value: Scalar,
    pub(crate) blinding: Scalar,
}

impl Share {
    pub(crate) fn new(mut value: Scalar, mut blinding: Scalar) -> Self {
        let share = Self(Box::new(Scalars { value, blinding }));
        value.zeroize();
        blinding.zeroize();
        share
    }

    /// Two canonical scalars.
    pub(crate) fn decode(value: &[u8; 32], blinding: &[u8; 32]) -> Result<Self, DecodeError> {
        Ok(Self::new(scalar(value)?, scalar(blinding)?))
    }
}

impl Deref for Share {
    type Target = Scalars;

    fn deref(&self) -> &Scalars {
        &self.0
    }
}

#[cfg(test)]
impl core::ops::DerefMut for Share {
    fn deref_mut(&mut self) -> &mut Scalars {
        &mut self.0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.value.zeroize();
        self.0.blinding.zeroize();
    }
}

impl ZeroizeOnDrop for Share {}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share(..)")
    }
}

fn scalar(bytes: &[u8; 32]) -> Result<Scalar, DecodeError> {
    Option::from(Scalar::from_canonical_bytes(*bytes)).ok_or(DecodeError::Scalar)
}

/// The two polynomials of one dealing; `f_0` is the secret.
pub(crate) struct Polynomials {
    values: Vec<Scalar>,
    blindings: Vec<Scalar>,
}

impl Polynomials {
    /// Polynomials of degree `threshold - 1` with coefficients from `entropy`.
    pub(crate) fn new(
        session: SessionId,
        dealer: ClientId,
        kind: Kind,
        secret: &SecretScalar,
        entropy: &Secret<64>,
        threshold: usize,
    ) -> Self {
        let kdf = Kdf::new(session, entropy.expose());
        let coefficient = |k: usize, part: u8| {
            let k = u32::try_from(k).unwrap_or(u32::MAX).to_le_bytes();
            let wide: Secret<64> = kdf.expand(kdf::VSS, &[&dealer.0.to_le_bytes(), &[kind as u8], &k, &[part]]);
            *wide.reduce().expose()
        };
        // Full capacity at once: growing would leave copies behind.
        let mut values = Vec::with_capacity(threshold);
        values.push(*secret.expose());
        values.extend((1..threshold).map(|k| coefficient(k, 0)));
        let mut blindings = Vec::with_capacity(threshold);
        blindings.extend((0..threshold).map(|k| coefficient(k, 1)));
        Self { values, blindings }
    }

    /// `C_k = f_k G + g_k P`.
    pub(crate) fn commit(&self, second: &RistrettoBasepointTable) -> Vec<[u8; 32]> {
        let halves = self.values.iter().zip(&self.blindings).map(|(f, g)| {
            // Half of each point: compressing a whole batch doubles it again.
            let (mut f, mut g) = (f.div_by_2(), g.div_by_2());
            let point = RistrettoPoint::mul_base(&f) + second * &g;
            f.zeroize();
            g.zeroize();
            point
        });
        let halves: Vec<_> = halves.collect();
        RistrettoPoint::double_and_compress_batch(&halves).into_iter().map(|point| point.to_bytes()).collect()
    }

    /// The share of the holder with this index.
    pub(crate) fn share(&self, index: u32) -> Share {
        let x = Scalar::from(index);
        let at = |coefficients: &[Scalar]| coefficients.iter().rev().fold(Scalar::ZERO, |sum, c| sum * x + c);
        Share::new(at(&self.values), at(&self.blindings))
    }
}

impl Drop for Polynomials {
    fn drop(&mut self) {
        self.values.zeroize();
        self.blindings.zeroize();
    }
}

/// A table that makes multiples of `P` fast.
pub(crate) fn second_generator_table() -> RistrettoBasepointTable {
    RistrettoBasepointTable::create(&second_generator())
}

/// The commitments of one dealing of one secret.
#[derive(Clone, Debug)]
pub(crate) struct Commitments(Vec<RistrettoPoint>);

impl Commitments {
    pub(crate) fn decode(encoded: &[[u8; 32]]) -> Result<Self, DecodeError> {
        let decode = |bytes: &[u8; 32]| CompressedRistretto(*bytes).decompress().ok_or(DecodeError::Point);
        Ok(Self(encoded.iter().map(decode).collect::<Result<_, _>>()?))
    }

    /// Whether this share is good.
    pub(crate) fn admits(&self, index: u32, share: &Share) -> bool {
        check(index, &[(self, share)], &[Scalar::ONE])
    }

    /// Whether a recovered secret and its blinding open the commitment to the secret itself.
    pub(crate) fn opens(&self, secret: &Share, second: &RistrettoBasepointTable) -> bool {
        self.0.first() == Some(&(RistrettoPoint::mul_base(&secret.value) + second * &secret.blinding))
    }

    /// `sum w C_k` for each power: the commitments of the weighted sum of some dealings, all of equally many terms.
    pub(crate) fn combine(dealings: &[&Self], weights: &[Scalar]) -> Self {
        let terms = dealings.iter().map(|dealing| dealing.0.len()).max().unwrap_or(0);
        let column = |k| {
            let terms = dealings.iter().zip(weights).filter_map(|(dealing, weight)| Some((weight, dealing.0.get(k)?)));
            let (weights, points): (Vec<&Scalar>, Vec<&RistrettoPoint>) = terms.unzip();
            RistrettoPoint::vartime_multiscalar_mul(weights, points)
        };
        Self((0..terms).map(column).collect())
    }
}

/// Whether all of these shares of one holder are good, up to a chance of 2^-128.
pub(crate) fn check_batch(
    index: u32,
    dealings: &[(&Commitments, &Share)],
    rng: &mut impl TryCryptoRng,
) -> Result<bool, EnvironmentError> {
    let weight = |_: &(&Commitments, &Share)| {
        let mut bytes = [0; 16];
        rng.try_fill_bytes(&mut bytes).map_err(|_| EnvironmentError::Rng)?;
        Ok(Scalar::from(u128::from_le_bytes(bytes)))
    };
    let weights: Vec<Scalar> = dealings.iter().map(weight).collect::<Result<_, _>>()?;
    Ok(check(index, dealings, &weights))
}

/// 128-bit weights that are known only when `seed` is, which must be a hash of everything that they will weigh (section 13).
pub(crate) fn hashed_weights(seed: &Hash, count: usize) -> Vec<Scalar> {
    let weight = |place: usize| {
        let digest = hash(label::hash::REVEAL_WEIGHT, &[seed, &(place as u64).to_le_bytes()]);
        let low = digest.first_chunk::<16>().copied().unwrap_or_default();
        Scalar::from(u128::from_le_bytes(low))
    };
    (0..count).map(weight).collect()
}

/// `(sum w f) G + (sum w g) P = sum_k i^k (sum w C_k)`.
fn check(index: u32, dealings: &[(&Commitments, &Share)], weights: &[Scalar]) -> bool {
    let dot = |part: fn(&Share) -> Scalar| dealings.iter().zip(weights).map(|((_, share), w)| w * part(share)).sum::<Scalar>();
    let (mut value, mut blinding) = (dot(|share| share.value), dot(|share| share.blinding));
    let left = opening(&value, &blinding);
    value.zeroize();
    blinding.zeroize();
    left == evaluate_commitments(index, dealings, weights)
}

/// Horner's rule over groups of powers; within a group one multi-scalar multiplication with scalars `w i^k`.
fn evaluate_commitments(index: u32, dealings: &[(&Commitments, &Share)], weights: &[Scalar]) -> RistrettoPoint {
    let terms = dealings.iter().map(|(commitments, _)| commitments.0.len()).max().unwrap_or(0);
    let powers: Vec<Scalar> =
        core::iter::successors(Some(Scalar::ONE), |power| Some(power * Scalar::from(index))).take(POWERS_PER_PASS + 1).collect();
    let (Some((step, powers)), passes) = (powers.split_last(), terms.div_ceil(POWERS_PER_PASS)) else {
        return RistrettoPoint::identity();
    };
    (0..passes).rev().fold(RistrettoPoint::identity(), |sum, pass| {
        let (mut scalars, mut points) = (Vec::new(), Vec::new());
        for ((commitments, _), weight) in dealings.iter().zip(weights) {
            let group = commitments.0.iter().skip(pass * POWERS_PER_PASS).take(POWERS_PER_PASS);
            for (point, power) in group.zip(powers) {
                scalars.push(weight * power);
                points.push(point);
            }
        }
        sum * step + RistrettoPoint::vartime_multiscalar_mul(scalars, points)
    })
}

/// `f G + g P`.
fn opening(value: &Scalar, blinding: &Scalar) -> RistrettoPoint {
    RistrettoPoint::mul_base(value) + second_generator() * blinding
}

/// Lagrange's weights at zero for these indices, which are distinct and not zero.
pub(crate) fn lagrange_weights(indices: &[u32]) -> Vec<Scalar> {
    let weight = |i: &u32| {
        let x = Scalar::from(*i);
        let others = indices.iter().filter(|j| *j != i).map(|j| Scalar::from(*j));
        let (over, under) = others.fold((Scalar::ONE, Scalar::ONE), |(over, under), j| (over * j, under * (j - x)));
        over * under.invert()
    };
    indices.iter().map(weight).collect()
}

/// The weighted sum of shares: with [`lagrange_weights`] of the holders' indices, the secret and its blinding.
pub(crate) fn recover<'a>(weights: &[Scalar], shares: impl Iterator<Item = &'a Share> + Clone) -> Share {
    let dot = |part: fn(&Share) -> Scalar| weights.iter().zip(shares.clone()).map(|(w, share)| w * part(share)).sum();
    Share::new(dot(|share| share.value), dot(|share| share.blinding))
}
