//! Verifiable secret sharing, step by step (docs/protocol.md, section 9).

use alloc::vec::Vec;

use curve25519_dalek::Scalar;
use rand_core::TryCryptoRng;

use super::Secret;
use crate::{
    crypto::{
        secret::SecretScalar,
        vss::{self, Commitments, Kind, Polynomials, Share, check_batch, lagrange_weights, second_generator_table},
    },
    error::{ClientId, DecodeError, Error},
    session::SessionId,
};

/// A scalar and its blinding scalar, encoded: a share, or a recovered secret.
pub type ScalarPair = [[u8; 32]; 2];

/// Which of a client's two secrets is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedSecret {
    /// The mask root `m`.
    MaskRoot,
    /// The self-mask secret `b`.
    SelfSecret,
}

/// A dealer's two polynomials of one secret.
pub struct Sharing(Polynomials);

impl Sharing {
    /// Polynomials of degree `threshold - 1` whose other coefficients come from 64 bytes.
    ///
    /// # Errors
    /// [`DecodeError::Scalar`] if the secret is not reduced.
    pub fn new(
        session: SessionId,
        dealer: ClientId,
        kind: SharedSecret,
        secret: &[u8; 32],
        mut entropy: [u8; 64],
        threshold: usize,
    ) -> Result<Self, DecodeError> {
        let kind = match kind {
            SharedSecret::MaskRoot => Kind::MaskRoot,
            SharedSecret::SelfSecret => Kind::SelfSecret,
        };
        let secret = SecretScalar::new(decode_scalar(secret)?);
        Ok(Self(Polynomials::new(session, dealer, kind, &secret, &Secret::take(&mut entropy), threshold)))
    }

    /// The commitments to the coefficients.
    #[must_use]
    pub fn commitments(&self) -> Vec<[u8; 32]> {
        self.0.commit(&second_generator_table())
    }

    /// The share of the holder with this index, from 1.
    #[must_use]
    pub fn share(&self, index: u32) -> ScalarPair {
        pair(&self.0.share(index))
    }
}

impl core::fmt::Debug for Sharing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Sharing(..)")
    }
}

/// The second generator `P`, encoded.
#[must_use]
pub fn second_generator() -> [u8; 32] {
    vss::second_generator().compress().to_bytes()
}

/// Whether a share of the holder with this index fits the commitments.
///
/// # Errors
/// [`DecodeError`]: a point that is none, a scalar that is not reduced.
pub fn share_is_good(commitments: &[[u8; 32]], index: u32, share: &ScalarPair) -> Result<bool, DecodeError> {
    Ok(Commitments::decode(commitments)?.admits(index, &decode(share)?))
}

/// The same for shares of several dealings in one batch, as a client does it; a bad one passes with probability 2^-128.
///
/// # Errors
/// [`Error::Decode`] as [`share_is_good`]; [`Error::Environment`] if the generator fails.
pub fn shares_are_good(index: u32, shares: &[(&[[u8; 32]], ScalarPair)], rng: &mut impl TryCryptoRng) -> Result<bool, Error> {
    let row = |(commitments, share): &(&[[u8; 32]], ScalarPair)| Ok((Commitments::decode(commitments)?, decode(share)?));
    let rows = shares.iter().map(row).collect::<Result<Vec<(Commitments, Share)>, DecodeError>>()?;
    let rows: Vec<_> = rows.iter().map(|(commitments, share)| (commitments, share)).collect();
    Ok(check_batch(index, &rows, rng)?)
}

/// Whether a secret and its blinding open the first commitment.
///
/// # Errors
/// As [`share_is_good`].
pub fn opens(commitments: &[[u8; 32]], secret: &ScalarPair) -> Result<bool, DecodeError> {
    Ok(Commitments::decode(commitments)?.opens(&decode(secret)?, &second_generator_table()))
}

/// The weights of the shares of the holders with these indices, which are distinct and not zero.
#[must_use]
pub fn lagrange(indices: &[u32]) -> Vec<[u8; 32]> {
    lagrange_weights(indices).iter().map(Scalar::to_bytes).collect()
}

/// The secret and its blinding, from the shares of the holders with these indices.
///
/// # Errors
/// [`DecodeError::Scalar`] if a scalar is not reduced.
pub fn recover(indices: &[u32], shares: &[ScalarPair]) -> Result<ScalarPair, DecodeError> {
    let shares = shares.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(pair(&vss::recover(&lagrange_weights(indices), shares.iter())))
}

pub(super) fn decode_scalar(bytes: &[u8; 32]) -> Result<Scalar, DecodeError> {
    Ok(Share::decode(bytes, &[0; 32])?.value)
}

fn decode(share: &ScalarPair) -> Result<Share, DecodeError> {
    let [value, blinding] = share;
    Share::decode(value, blinding)
}

fn pair(share: &Share) -> ScalarPair {
    [share.value.to_bytes(), share.blinding.to_bytes()]
}
