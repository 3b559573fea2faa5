//! Keys, shares and envelopes of a client (docs/protocol.md, sections 3, 5, 8, 9, 10).

use rand::{SeedableRng, rngs::StdRng};
use veilsum::{
    ClientId, Identity, SessionId, SigningIdentity,
    hazmat::{self, Envelope, KemKey, SharedSecret, Sharing},
};

use super::{scalar, secret};
use crate::{Case, case, memcheck::clear};

const SESSION: SessionId = SessionId([7; 32]);
const DEALER: ClientId = ClientId(3);
const HOLDER: ClientId = ClientId(5);

pub fn cases() -> Vec<Case> {
    vec![
        case("HKDF", "key material", || hazmat::derive::<64>(SESSION, &secret::<32>(1), "pair-seed", b"info").to_vec()),
        case("scalar from 64 bytes", "the bytes", || hazmat::reduce(secret(2)).to_vec()),
        case("self seed", "the self-mask secret", || hazmat::self_seed(SESSION, &scalar(3), DEALER).unwrap().to_vec()),
        case("X-Wing key pair", "the seed", || KemKey::from_seed(secret(4)).public_key().to_vec()),
        case("X-Wing encapsulation", "the coins", encapsulation),
        case("X-Wing decapsulation", "the key", decapsulation),
        case("Ed25519 key", "the seed", || SigningIdentity::from_seed(&secret(5)).public_key().0.to_vec()),
        case("Ed25519 signature", "the key", signature),
        case("envelope key", "the shared secret", || envelope().key(secret(6)).to_vec()),
        case("envelope commitment", "the key", || envelope().commitment(secret(7)).to_vec()),
        case("sealing", "key and contents", || envelope().seal(secret(8), secret(9)).to_vec()),
        case("opening", "the key", opening),
        case("commitments to a dealing", "secret and coefficients", || sharing().commitments().concat()),
        case("share of a dealing", "secret and coefficients", || sharing().share(2).concat()),
        case("checking a share", "the share", || vec![u8::from(hazmat::share_is_good(&commitments(), 2, &share(2)).unwrap())]),
        case("checking shares in a batch", "the shares", batch),
        case("recovery from shares", "the shares", || {
            hazmat::recover(&[1, 2, 3], &[share(1), share(2), share(3)]).unwrap().concat()
        }),
        case("opening a commitment", "the secret", || {
            let opened = hazmat::recover(&[1, 2, 3], &[share(1), share(2), share(3)]).unwrap();
            vec![u8::from(hazmat::opens(&commitments(), &opened).unwrap())]
        }),
    ]
}

fn envelope() -> Envelope<'static> {
    Envelope {
        session: SESSION,
        h1: [1; 32],
        dealer: DEALER,
        holder: HOLDER,
        mask_ciphertext: &[2; 1120],
        channel_ciphertext: &[3; 1120],
    }
}

fn public_key() -> [u8; hazmat::KEM_PUBLIC_KEY_LEN] {
    KemKey::from_seed([11; 32]).public_key()
}

fn encapsulation() -> Vec<u8> {
    let (ciphertext, shared) = hazmat::encapsulate(&public_key(), secret(12)).unwrap();
    [&ciphertext[..], &shared].concat()
}

/// The whole key is secret, the part of ML-KEM's that is public too: what depends on that alone is in `public.supp`.
fn decapsulation() -> Vec<u8> {
    let (ciphertext, _) = hazmat::encapsulate(&public_key(), [13; 64]).unwrap();
    let mut seed = [11; 32];
    crate::memcheck::poison(&mut seed);
    KemKey::from_seed(seed).decapsulate(&ciphertext).unwrap().to_vec()
}

fn signature() -> Vec<u8> {
    let identity = SigningIdentity::from_seed(&secret(14));
    identity.sign(b"a message").unwrap().to_vec()
}

fn opening() -> Vec<u8> {
    let sealed = envelope().seal([8; 32], [9; 128]);
    let mut key = [8; 32];
    crate::memcheck::poison(&mut key);
    envelope().open(key, &sealed).unwrap().to_vec()
}

fn sharing() -> Sharing {
    Sharing::new(SESSION, DEALER, SharedSecret::MaskRoot, &scalar(15), secret(16), 3).unwrap()
}

fn commitments() -> Vec<[u8; 32]> {
    let mut commitments = sharing().commitments();
    commitments.iter_mut().for_each(|point| clear(point));
    commitments
}

fn share(index: u32) -> [[u8; 32]; 2] {
    sharing().share(index)
}

fn batch() -> Vec<u8> {
    let (commitments, mut rng) = (commitments(), StdRng::seed_from_u64(1));
    let rows = [(&commitments[..], share(2)), (&commitments[..], share(2))];
    vec![u8::from(hazmat::shares_are_good(2, &rows, &mut rng).unwrap())]
}
