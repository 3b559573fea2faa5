//! What only the inside of an implementation sees of a session: every secret, and every value derived from it.
//!
//! The values are derived here from the recorded random bytes with the crate's own primitives; that the protocol puts them where
//! they belong is shown by the messages, which `tests/vectors.rs` reproduces byte by byte.

use std::{collections::BTreeMap, vec::Vec};

use super::{
    json::Node,
    sharing::{coefficients, scalar},
};
use crate::{
    ClientId, Layout, Session,
    crypto::{
        kdf::{Kdf, self_seed},
        kem::{Ciphertext, SecretKey},
        seal::{Binding, EnvelopeKey},
        secret::{Secret, SecretScalar},
        vss::{Kind, Polynomials, Share, lagrange_weights, recover, second_generator_table},
    },
    hash::{Hash, hash},
    label::{self, kdf as labels},
    secagg::upload::ChunkTree,
};

/// A client's secrets, derived from its random bytes.
struct Party {
    id: ClientId,
    index: u32,
    random: Vec<Secret<64>>,
    m: SecretScalar,
    b: SecretScalar,
    channel: SecretKey,
    mask: SecretKey,
    /// Of `m` and of `b`.
    polynomials: [Polynomials; 2],
}

type Parties = BTreeMap<ClientId, Party>;

pub(super) fn session(node: &Node<'_>) {
    let session = Session::decode(&node.get("descriptor").hex("canonical")).unwrap();
    let h1 = node.fixed("h1");
    let joined: Vec<Node<'_>> = node.list("clients").into_iter().filter(|client| client.opt("random").is_some()).collect();
    let parties: Parties = joined.iter().map(|client| party(&session, client)).map(|party| (party.id, party)).collect();
    for client in &joined {
        let party = &parties[&id_of(client)];
        let derived = client.get("derived");
        if derived.opt("coefficients").is_some() {
            dealt(&session, &h1, &parties, party, &derived);
        }
        if derived.opt("shares_held").is_some() {
            received(&session, &parties, party, &derived);
        }
        if derived.opt("root").is_some() {
            let mut root = ChunkTree::new(Layout::new(&session));
            root.update(&client.hex("upload"));
            derived.is("root", &root.root());
        }
    }
    unmasked(&session, &parties, node);
}

fn id_of(client: &Node<'_>) -> ClientId {
    ClientId(client.get("id").number())
}

/// Sections 5 and 8.
fn party(session: &Session, client: &Node<'_>) -> Party {
    let (sid, id, t) = (session.id(), id_of(client), session.threshold_len());
    let random = client.hex("random");
    let random: Vec<Secret<64>> = random.as_chunks().0.iter().map(|draw| Secret::take(&mut draw.clone())).collect();
    let from = |draw: usize| Kdf::new(sid, random[draw].expose());
    let m = from(0).for_client::<64>(labels::MASK_ROOT, id).reduce();
    let b = from(1).for_client::<64>(labels::SELF_SECRET, id).reduce();
    let channel: Secret<32> = from(2).for_client(labels::CHANNEL_KEM, id);
    let mask: Secret<32> = Kdf::new(sid, m.to_secret().expose()).for_client(labels::MASK_KEM, id);
    let derived = client.get("derived");
    let index = session.index(id).unwrap();
    derived.counts("index", index);
    derived.is("m", m.to_secret().expose());
    derived.is("b", b.to_secret().expose());
    derived.is("channel_sk", channel.expose());
    derived.is("mask_sk", mask.expose());
    if session.geometry().is_some() {
        derived.is("error_seed", from(4).for_client::<32>(labels::ERROR_SEED, id).expose());
    }
    let polynomials = [(Kind::MaskRoot, &m), (Kind::SelfSecret, &b)]
        .map(|(kind, secret)| Polynomials::new(sid, id, kind, secret, &random[3], t));
    Party { id, index, random, m, b, channel: SecretKey::from_seed(&channel), mask: SecretKey::from_seed(&mask), polynomials }
}

/// Round 1, the dealer's side.
fn dealt(session: &Session, h1: &Hash, parties: &Parties, party: &Party, derived: &Node<'_>) {
    let table = second_generator_table();
    for (name, polynomials) in ["m", "b"].into_iter().zip(&party.polynomials) {
        let node = derived.get("coefficients").get(name);
        coefficients(&node.list("f"), &node.list("g"), &polynomials.commit(&table));
    }
    for node in derived.list("mask_encapsulations") {
        encapsulated(session, party, &parties[&ClientId(node.get("peer").number())], &node);
    }
    let envelopes = derived.list("envelopes");
    let draws = &party.random[if session.geometry().is_some() { 5 } else { 4 }..];
    assert_eq!(envelopes.len(), draws.len(), "one draw for each envelope");
    for (node, draw) in envelopes.iter().zip(draws) {
        let holder = &parties[&ClientId(node.get("holder").number())];
        let coins: Secret<64> = Kdf::new(session.id(), draw.expose()).for_pair(labels::CHANNEL_COINS, party.id, holder.id, &[]);
        node.is("coins", coins.expose());
        let (ciphertext, shared) = holder.channel.public_key().encapsulate(&coins);
        node.is("shared_secret", shared.expose());
        let mask = derived.by_id("mask_encapsulations", "peer", holder.id.0);
        let mask_ct = mask.map(|mask| mask.hex("ciphertext")).unwrap_or_default();
        let binding = Binding {
            session: session.id(),
            h1,
            dealer: party.id,
            holder: holder.id,
            mask_ciphertext: hash(label::hash::MASK_CIPHERTEXT, &[&mask_ct]),
            channel_ciphertext: hash(label::hash::CHANNEL_CIPHERTEXT, &[ciphertext.as_bytes()]),
        };
        let key = EnvelopeKey::derive(&shared, &binding);
        node.is("key", &key.disclose());
        node.is("kc", &key.commitment(&binding));
        node.is("plaintext", &scalars(party, holder.index).concat());
    }
}

/// A mask encapsulation of `low` to `high`.
fn encapsulated(session: &Session, low: &Party, high: &Party, node: &Node<'_>) {
    let root = low.m.to_secret();
    let coins: Secret<64> = Kdf::new(session.id(), root.expose()).for_pair(labels::MASK_COINS, low.id, high.id, &[]);
    node.is("coins", coins.expose());
    let (ciphertext, shared) = high.mask.public_key().encapsulate(&coins);
    node.is("ciphertext", ciphertext.as_bytes());
    node.is("shared_secret", shared.expose());
    node.is("pair_seed", pair_seed(session, low, high, &ciphertext, &shared).expose());
}

fn pair_seed(session: &Session, low: &Party, high: &Party, ciphertext: &Ciphertext, shared: &Secret<32>) -> Secret<32> {
    let ciphertext = hash(label::hash::MASK_CIPHERTEXT, &[ciphertext.as_bytes()]);
    let key = hash(label::hash::MASK_KEY, &[high.mask.public_key().as_bytes()]);
    Kdf::new(session.id(), shared.expose()).for_pair(labels::PAIR_SEED, low.id, high.id, &[&ciphertext, &key])
}

/// The pair seed of two clients, from the secrets of the higher one.
fn seed_by_decapsulation(session: &Session, one: &Party, other: &Party) -> Secret<32> {
    let (low, high) = if one.id < other.id { (one, other) } else { (other, one) };
    let root = low.m.to_secret();
    let coins: Secret<64> = Kdf::new(session.id(), root.expose()).for_pair(labels::MASK_COINS, low.id, high.id, &[]);
    let (ciphertext, _) = high.mask.public_key().encapsulate(&coins);
    pair_seed(session, low, high, &ciphertext, &high.mask.decapsulate(&ciphertext))
}

/// Share and blinding share of `m`, then of `b`, of the holder with this index.
fn scalars(party: &Party, index: u32) -> [[u8; 32]; 4] {
    let [m, b] = party.polynomials.each_ref().map(|polynomials| polynomials.share(index));
    [m.value, m.blinding, b.value, b.blinding].map(|scalar| scalar.to_bytes())
}

/// Round 2: shares of every dealer, and the seeds of the masks.
fn received(session: &Session, parties: &Parties, party: &Party, derived: &Node<'_>) {
    derived.is("self_seed", self_seed(session.id(), &party.b, party.id).expose());
    for held in derived.list("shares_held") {
        let expected = scalars(&parties[&ClientId(held.get("dealer").number())], party.index);
        assert_eq!(held.list("scalars").iter().map(Node::array).collect::<Vec<[u8; 32]>>(), expected);
    }
    for node in derived.list("pair_seeds") {
        let peer = &parties[&ClientId(node.get("peer").number())];
        node.is("seed", seed_by_decapsulation(session, party, peer).expose());
    }
}

/// What the server learns, from the shares of the `t` survivors with the lowest indices.
fn unmasked(session: &Session, parties: &Parties, node: &Node<'_>) {
    let (derived, survivors) = (node.get("derived"), node.get("u3").numbers());
    let dealers = node.get("u2").numbers();
    let listed = |list: &str, key: &str| derived.list(list).iter().map(|row| row.get(key).number()).collect::<Vec<_>>();
    assert_eq!(listed("recovered", "id"), dealers);
    assert_eq!(listed("self_seeds", "id"), survivors);
    for row in derived.list("recovered") {
        let owner = &parties[&id_of(&row)];
        let (kind, own) = match row.get("secret").text() {
            "m" => (0, &owner.m),
            other => {
                assert_eq!(other, "b");
                (1, &owner.b)
            }
        };
        assert_eq!(kind == 1, survivors.contains(&owner.id.0), "m of a drop-out, b of a survivor");
        let recovered = from_shares(session, parties, node, owner.id, kind);
        assert_eq!((recovered.value, scalar(&row.get("value"))), (*own.expose(), *own.expose()));
    }
    for row in derived.list("self_seeds") {
        let owner = &parties[&id_of(&row)];
        row.is("seed", self_seed(session.id(), &owner.b, owner.id).expose());
    }
    sum_on_the_wire(session, node, &derived);
    let pairs: Vec<_> = derived.list("dropped_pairs");
    let dropped = dealers.iter().filter(|id| !survivors.contains(id)).count();
    assert_eq!(pairs.len(), survivors.len() * dropped);
    for row in pairs {
        let [survivor, gone] = ["survivor", "dropped"].map(|key| &parties[&ClientId(row.get(key).number())]);
        row.is("seed", seed_by_decapsulation(session, survivor, gone).expose());
    }
}

fn sum_on_the_wire(session: &Session, node: &Node<'_>, derived: &Node<'_>) {
    let (layout, mut packed) = (Layout::new(session).plain(), Vec::new());
    layout.ring().pack(&node.get("sum").numbers(), &mut packed);
    derived.is("sum_packed", &packed);
    let mut root = ChunkTree::new(layout);
    root.update(&packed);
    node.is("sum_root", &root.root());
}

/// Recovers the secret of `owner` from what survivors hold in the file.
fn from_shares(session: &Session, parties: &Parties, node: &Node<'_>, owner: ClientId, kind: usize) -> Share {
    let revealers: Vec<u64> = node.get("u3").numbers().into_iter().take(session.threshold_len()).collect();
    let share = |id: &u64| {
        let held = node.by_id("clients", "id", *id).unwrap().get("derived").by_id("shares_held", "dealer", owner.0).unwrap();
        let scalars = held.list("scalars");
        Share::decode(&scalars[2 * kind].array(), &scalars[2 * kind + 1].array()).unwrap()
    };
    let shares: Vec<Share> = revealers.iter().map(share).collect();
    let indices: Vec<u32> = revealers.iter().map(|id| parties[&ClientId(*id)].index).collect();
    recover(&lagrange_weights(&indices), shares.iter())
}
