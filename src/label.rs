//! Every label of the protocol, in one place, and the protocol's version.

/// The version of the protocol of `docs/protocol.md`.
///
/// This is not the version of the crate: it names the bytes on the wire and under the hashes. It changes when they do.
pub const PROTOCOL_VERSION: u8 = 3;

/// The only suite (section 3).
pub const SUITE: u16 = 0x0001;

/// What every label begins with.
pub(crate) const DOMAIN: &[u8] = b"veilsum/3/";

/// Labels of `H` (section 2).
pub(crate) mod hash {
    pub(crate) const SESSION: &str = "session";
    pub(crate) const BODY: &str = "body";
    pub(crate) const ATTACHMENT: &str = "attachment";
    pub(crate) const PACKAGE: &str = "package";
    pub(crate) const MASK_CIPHERTEXT: &str = "mask-ct";
    pub(crate) const MASK_KEY: &str = "mask-pk";
    pub(crate) const CHANNEL_CIPHERTEXT: &str = "channel-ct";
    pub(crate) const TRANSCRIPT_1: &str = "transcript-1";
    pub(crate) const TRANSCRIPT_2: &str = "transcript-2";
    pub(crate) const TRANSCRIPT_3: &str = "transcript-3";
    pub(crate) const TRANSCRIPT_4: &str = "transcript-4";
    pub(crate) const LEAF: &str = "leaf";
    pub(crate) const NODE: &str = "node";
    pub(crate) const ROOT: &str = "root";
    pub(crate) const LATTICE_A: &str = "lattice-a";
    /// Of all reveals, to weigh them when they are checked; never leaves the server.
    pub(crate) const REVEALS: &str = "reveals";
    pub(crate) const REVEAL_WEIGHT: &str = "reveal-weight";
    /// Of a whole received message, to recognise repeats; never leaves a party.
    pub(crate) const MESSAGE: &str = "message";
}

/// Labels of `KDF` (section 5).
pub(crate) mod kdf {
    pub(crate) const MASK_ROOT: &str = "mask-root";
    pub(crate) const SELF_SECRET: &str = "self-secret";
    pub(crate) const CHANNEL_KEM: &str = "channel-kem";
    pub(crate) const CHANNEL_COINS: &str = "channel-coins";
    pub(crate) const VSS: &str = "vss";
    pub(crate) const MASK_KEM: &str = "mask-kem";
    pub(crate) const MASK_COINS: &str = "mask-coins";
    pub(crate) const PAIR_SEED: &str = "pair-seed";
    pub(crate) const SELF_SEED: &str = "self-seed";
    pub(crate) const ENVELOPE_KEY: &str = "envelope-key";
    pub(crate) const SEAL_KEY: &str = "seal-key";
    pub(crate) const KEY_COMMIT: &str = "key-commit";
    pub(crate) const PRG_BLOCK: &str = "prg-block";
    pub(crate) const ERROR_SEED: &str = "error-seed";
    pub(crate) const LATTICE_KEY: &str = "lattice-key";
    pub(crate) const LATTICE_ERROR: &str = "lattice-error";
    pub(crate) const NOISE_BLOCK: &str = "noise-block";
    pub(crate) const NOISE_SEED: &str = "noise-seed";
    /// Coins of stochastic rounding (docs/privacy.md, section 4).
    pub(crate) const COINS: &str = "dp-coins";
    /// Signs of the rotation.
    pub(crate) const SIGNS: &str = "dp-signs";
}

/// Framed byte strings that are neither hashed with `H` nor derived with `KDF`.
pub(crate) mod frame {
    pub(crate) const SIGNATURE: &str = "signature";
    pub(crate) const ENVELOPE: &str = "envelope";
    pub(crate) const PEDERSEN: &str = "pedersen";
}
