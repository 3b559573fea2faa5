//! What only the inside of an implementation sees of a session: every secret, and every value derived from it.
//!
//! The values are derived here from the recorded random bytes, with the library's own primitives; that the protocol puts them where they
//! belong is shown by the messages, which are reproduced byte by byte.

use std::{collections::BTreeMap, ops::Range};

use veilsum::{
    ClientId, Layout, Ring, Session, SessionId,
    hazmat::{
        Envelope, KEM_CIPHERTEXT_LEN, KemKey, MerkleTree, ScalarPair, SharedSecret, Sharing, derive, encapsulate, hash, recover,
        reduce, self_seed,
    },
};

use super::{
    node::{At, Node, Outcome},
    parts, sharing,
};

/// A client's secrets, derived from its random bytes.
struct Party {
    id: ClientId,
    index: u32,
    random: Vec<[u8; 64]>,
    m: [u8; 32],
    b: [u8; 32],
    channel: KemKey,
    mask: KemKey,
    /// Of `m` and of `b`.
    sharings: [Sharing; 2],
}

type Parties = BTreeMap<u64, Party>;

/// A session, its clients, and where it is in the file.
struct Scene<'a, 'b> {
    session: Session,
    sid: SessionId,
    h1: [u8; 32],
    parties: Parties,
    node: &'a Node<'b>,
}

pub(super) fn session(node: &Node<'_>) -> Outcome {
    let session = Session::decode(&node.get("descriptor")?.hex("canonical")?).at(node)?;
    let joined: Vec<Node<'_>> = node.list("clients")?.into_iter().filter(|client| client.opt("random").is_some()).collect();
    let mut parties = Parties::new();
    for client in &joined {
        let party = party(&session, client)?;
        parties.insert(party.id.0, party);
    }
    let scene = Scene { sid: session.id(), h1: node.fixed("h1")?, session, parties, node };
    for client in &joined {
        scene.client(client)?;
    }
    scene.unmasked()
}

fn id_of(client: &Node<'_>) -> Outcome<ClientId> {
    Ok(ClientId(client.get("id")?.number()?))
}

/// The info of one client, and of an ordered pair (section 5).
fn one(id: ClientId) -> [u8; 8] {
    id.0.to_le_bytes()
}

fn pair(first: ClientId, second: ClientId) -> Vec<u8> {
    [one(first), one(second)].concat()
}

/// Sections 5 and 8.
fn party(session: &Session, client: &Node<'_>) -> Outcome<Party> {
    let (sid, id) = (session.id(), id_of(client)?);
    let random: Vec<[u8; 64]> = client.hex("random")?.as_chunks().0.to_vec();
    let draw = |place: usize| {
        random.get(place).ok_or_else(|| client.fails(format!("more than {place} draws of 64 bytes"), random.len()))
    };
    let m = reduce(derive(sid, draw(0)?, "mask-root", &one(id)));
    let b = reduce(derive(sid, draw(1)?, "self-secret", &one(id)));
    let channel: [u8; 32] = derive(sid, draw(2)?, "channel-kem", &one(id));
    let mask: [u8; 32] = derive(sid, &m, "mask-kem", &one(id));
    let derived = client.get("derived")?;
    let place = session.roster().iter().position(|(other, _)| *other == id).at(client)?;
    let index = u32::try_from(place + 1).at(client)?;
    derived.counts("index", index)?;
    derived.is("m", &m)?;
    derived.is("b", &b)?;
    derived.is("channel_sk", &channel)?;
    derived.is("mask_sk", &mask)?;
    if let Some(seed) = derived.opt("error_seed") {
        seed.same(seed.array()?, derive::<32>(sid, draw(4)?, "error-seed", &one(id)))?;
    }
    let threshold = usize::try_from(session.threshold()).at(client)?;
    let sharing = |kind, secret: &[u8; 32]| Sharing::new(sid, id, kind, secret, *draw(3)?, threshold).at(client);
    let sharings = [sharing(SharedSecret::MaskRoot, &m)?, sharing(SharedSecret::SelfSecret, &b)?];
    let (channel, mask) = (KemKey::from_seed(channel), KemKey::from_seed(mask));
    Ok(Party { id, index, m, b, channel, mask, sharings, random })
}

/// Share and blinding share of `m`, then of `b`, of the holder with this index.
fn scalars(party: &Party, index: u32) -> Vec<[u8; 32]> {
    party.sharings.iter().flat_map(|sharing| sharing.share(index)).collect()
}

impl Scene<'_, '_> {
    fn party(&self, id: &Node<'_>) -> Outcome<&Party> {
        let number = id.number()?;
        self.parties.get(&number).ok_or_else(|| id.fails("a client that has joined", number))
    }

    fn client(&self, client: &Node<'_>) -> Outcome {
        let (party, derived) = (self.party(&client.get("id")?)?, client.get("derived")?);
        if derived.opt("coefficients").is_some() {
            self.dealt(party, &derived)?;
        }
        if derived.opt("shares_held").is_some() {
            self.received(party, &derived)?;
        }
        if derived.opt("root").is_some() {
            let layout = Layout::new(&self.session);
            derived.is("root", &root(&self.session, |range| layout.wire_len(range), &client.hex("upload")?).at(client)?)?;
        }
        Ok(())
    }

    /// Round 1, the dealer's side.
    fn dealt(&self, party: &Party, derived: &Node<'_>) -> Outcome {
        for (name, sharing) in ["m", "b"].into_iter().zip(&party.sharings) {
            let node = derived.get("coefficients")?.get(name)?;
            sharing::coefficients(&node.get("f")?, &node.get("g")?, &sharing.commitments())?;
        }
        for node in derived.list("mask_encapsulations")? {
            self.encapsulated(party, self.party(&node.get("peer")?)?, &node)?;
        }
        let envelopes = derived.list("envelopes")?;
        let draws = party.random.iter().skip(if derived.opt("error_seed").is_some() { 5 } else { 4 });
        derived.get("envelopes")?.same(envelopes.len(), draws.len())?;
        envelopes.iter().zip(draws).try_for_each(|(node, draw)| self.envelope(party, derived, node, draw))
    }

    fn envelope(&self, party: &Party, derived: &Node<'_>, node: &Node<'_>, draw: &[u8; 64]) -> Outcome {
        let holder = self.party(&node.get("holder")?)?;
        let coins: [u8; 64] = derive(self.sid, draw, "channel-coins", &pair(party.id, holder.id));
        node.is("coins", &coins)?;
        let (ciphertext, shared) = encapsulate(&holder.channel.public_key(), coins).at(node)?;
        node.is("shared_secret", &shared)?;
        let mask = derived.find("mask_encapsulations", "peer", holder.id.0)?;
        let mask_ct = mask.map_or(Ok(Vec::new()), |mask| mask.hex("ciphertext"))?;
        let envelope = Envelope {
            session: self.sid,
            h1: self.h1,
            dealer: party.id,
            holder: holder.id,
            mask_ciphertext: &mask_ct,
            channel_ciphertext: &ciphertext,
        };
        let key = envelope.key(shared);
        node.is("key", &key)?;
        node.is("kc", &envelope.commitment(key))?;
        node.is("plaintext", &scalars(party, holder.index).concat())
    }

    /// A mask encapsulation of `low` to `high`.
    fn encapsulated(&self, low: &Party, high: &Party, node: &Node<'_>) -> Outcome {
        let (coins, ciphertext, shared) = self.mask_encapsulation(low, high, node)?;
        node.is("coins", &coins)?;
        node.is("ciphertext", &ciphertext)?;
        node.is("shared_secret", &shared)?;
        node.is("pair_seed", &self.pair_seed(low, high, &ciphertext, &shared))
    }

    #[allow(clippy::type_complexity, reason = "coins, ciphertext, shared secret")]
    fn mask_encapsulation(
        &self,
        low: &Party,
        high: &Party,
        node: &Node<'_>,
    ) -> Outcome<([u8; 64], [u8; KEM_CIPHERTEXT_LEN], [u8; 32])> {
        let coins = derive(self.sid, &low.m, "mask-coins", &pair(low.id, high.id));
        let (ciphertext, shared) = encapsulate(&high.mask.public_key(), coins).at(node)?;
        Ok((coins, ciphertext, shared))
    }

    fn pair_seed(&self, low: &Party, high: &Party, ciphertext: &[u8], shared: &[u8; 32]) -> [u8; 32] {
        let hashes = [hash("mask-ct", &[ciphertext]), hash("mask-pk", &[&high.mask.public_key()])].concat();
        derive(self.sid, shared, "pair-seed", &[pair(low.id, high.id), hashes].concat())
    }

    /// The pair seed of two clients, from the secrets of the higher one.
    fn seed_by_decapsulation(&self, a: &Party, b: &Party, node: &Node<'_>) -> Outcome<[u8; 32]> {
        let (low, high) = if a.id < b.id { (a, b) } else { (b, a) };
        let (_, ciphertext, _) = self.mask_encapsulation(low, high, node)?;
        Ok(self.pair_seed(low, high, &ciphertext, &high.mask.decapsulate(&ciphertext).at(node)?))
    }

    /// Round 2: shares of every dealer, and the seeds of the masks.
    fn received(&self, party: &Party, derived: &Node<'_>) -> Outcome {
        derived.is("self_seed", &self_seed(self.sid, &party.b, party.id).at(derived)?)?;
        for held in derived.list("shares_held")? {
            let expected = held.get("scalars")?;
            expected.same(expected.arrays()?, scalars(self.party(&held.get("dealer")?)?, party.index))?;
        }
        for node in derived.list("pair_seeds")? {
            let peer = self.party(&node.get("peer")?)?;
            node.is("seed", &self.seed_by_decapsulation(party, peer, &node)?)?;
        }
        Ok(())
    }

    /// What the server learns, from the shares of the `t` survivors with the lowest indices.
    fn unmasked(&self) -> Outcome {
        let (derived, survivors) = (self.node.get("derived")?, self.node.get("u3")?.numbers()?);
        let dealers = self.node.get("u2")?.numbers()?;
        for (list, ids) in [("recovered", &dealers), ("self_seeds", &survivors)] {
            let listed: Outcome<Vec<u64>> = derived.list(list)?.iter().map(|row| row.get("id")?.number()).collect();
            derived.get(list)?.same(&listed?, ids)?;
        }
        for row in derived.list("recovered")? {
            self.recovered(&row, &survivors)?;
        }
        for row in derived.list("self_seeds")? {
            let owner = self.party(&row.get("id")?)?;
            row.is("seed", &self_seed(self.sid, &owner.b, owner.id).at(&row)?)?;
        }
        self.sum_on_the_wire(&derived)?;
        let pairs = derived.list("dropped_pairs")?;
        let dropped = dealers.iter().filter(|id| !survivors.contains(id)).count();
        derived.get("dropped_pairs")?.same(pairs.len(), survivors.len() * dropped)?;
        for row in pairs {
            let (survivor, gone) = (self.party(&row.get("survivor")?)?, self.party(&row.get("dropped")?)?);
            row.is("seed", &self.seed_by_decapsulation(survivor, gone, &row)?)?;
        }
        Ok(())
    }

    fn recovered(&self, row: &Node<'_>, survivors: &[u64]) -> Outcome {
        let (owner, secret) = (self.party(&row.get("id")?)?, row.get("secret")?);
        let (name, own) = if survivors.contains(&owner.id.0) { ("b", &owner.b) } else { ("m", &owner.m) };
        secret.same(secret.text()?, name)?;
        row.is("value", own)?;
        let [value, _] = self.recombined(owner.id, usize::from(name == "b"))?;
        row.is("value", &value)
    }

    /// Recovers a secret of `owner` from what survivors hold in the file.
    fn recombined(&self, owner: ClientId, kind: usize) -> Outcome<ScalarPair> {
        let threshold = usize::try_from(self.session.threshold()).at(self.node)?;
        let (mut indices, mut shares) = (Vec::new(), Vec::new());
        for id in self.node.get("u3")?.numbers()?.into_iter().take(threshold) {
            let client = self.node.by_id("clients", "id", id)?;
            let held = client.get("derived")?.by_id("shares_held", "dealer", owner.0)?;
            let scalars: Vec<[u8; 32]> = held.get("scalars")?.arrays()?;
            shares.push(*scalars.as_chunks().0.get(kind).at(&held)?);
            indices.push(self.party(&client.get("id")?)?.index);
        }
        recover(&indices, &shares).at(self.node)
    }

    fn sum_on_the_wire(&self, derived: &Node<'_>) -> Outcome {
        let ring = Ring::new(self.session.modulus_bits()).at(derived)?;
        let packed = parts::packed(ring, &self.node.get("sum")?.numbers()?);
        derived.is("sum_packed", &packed)?;
        let root = root(&self.session, |range| ring.packed_len(range.end - range.start), &packed);
        self.node.is("sum_root", &root.at(self.node)?)
    }
}

/// The root of a vector on the wire; `None` if it has not as many bytes as its chunks.
fn root(session: &Session, wire_len: impl Fn(&Range<u64>) -> u64, mut wire: &[u8]) -> Option<[u8; 32]> {
    let (layout, mut tree) = (Layout::new(session), MerkleTree::new());
    for index in 0..layout.chunks() {
        let (chunk, rest) = wire.split_at_checked(usize::try_from(wire_len(&layout.chunk(index))).ok()?)?;
        tree.push(chunk);
        wire = rest;
    }
    wire.is_empty().then(|| tree.root(session.vector_len(), session.chunk_len()))
}
