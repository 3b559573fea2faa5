//! An adversary with every key but one party's: whatever it puts together from that party's messages, of this session and another, and
//! from anything that it signs itself, no evidence convicts that party.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(unreachable_pub, missing_debug_implementations, reason = "the fuzz targets use it too")]
#![allow(clippy::redundant_closure_for_method_calls, reason = "the method itself is for one lifetime only")]

use rand::{Rng, RngExt as _, seq::IndexedRandom as _};
use veilsum::{
    ClientId, Identity, Masking, Party,
    message::{Agreement, Body as _, Bytes, Complaint, Delivery, Entry, Message, Survivors},
};

use crate::{
    forge::{
        ADVERT, ADVERTS, AGREEMENT, COMPLAINT, DELIVERY, MASKED_INPUT, REVEAL, Raw, SHARES, SURVIVORS, hash, sign, sign_entry,
    },
    recorded::{ALL, Contents, File, PACKAGES, Recorded, Script},
};

/// Two sessions of the same parties, the first once more as a server that splits views has it, and who is honest. What the adversary
/// does is drawn from `rng`, which may as well be a fuzzer's.
pub struct Adversary<'a, R> {
    pub games: &'a [Recorded; 3],
    pub honest: Party,
    pub rng: R,
}

pub const PARTIES: [Party; 5] = [
    Party::Server,
    Party::Client(ClientId(10)),
    Party::Client(ClientId(20)),
    Party::Client(ClientId(30)),
    Party::Client(ClientId(40)),
];

/// In the third, which is the first but for the survivors, all clients say the same until round 3.
pub fn games() -> [Recorded; 3] {
    let games = [(0, &[(20, 2)][..]), (1, &[(20, 2)]), (0, &[])].map(|(round, leaves)| {
        let mut script = Script::new(Masking::Pairwise, 4, leaves);
        let change = move |builder: veilsum::SessionBuilder| builder.min_honest(2).round(round);
        script.change = &change;
        script.play()
    });
    let early = |message: &&Vec<u8>| [ADVERT, SHARES, MASKED_INPUT].contains(&message[35]);
    assert!(games[0].messages.iter().filter(early).all(|message| games[2].messages.contains(message)));
    games
}

impl<'a, R: Rng> Adversary<'a, R> {
    fn signer(raw: &Raw) -> Party {
        if raw.kind >= ADVERTS { Party::Server } else { Party::Client(raw.client) }
    }

    /// A key that the adversary has.
    pub fn key(&self, party: Party) -> Option<&'a dyn Identity> {
        if party == self.honest {
            return None;
        }
        Some(match party {
            Party::Server => &*self.games[0].world.server,
            Party::Client(id) => &**self.games[0].world.clients.get(&id)?,
        })
    }

    /// Some bytes, altered.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        match (bytes.len(), self.rng.random_range(0..4)) {
            (0, _) | (_, 0) => bytes.push(self.rng.random()),
            (len, 1) => bytes.truncate(len - 1),
            (len, _) => {
                let place = self.rng.random_range(0..len);
                bytes[place] ^= 1 << self.rng.random_range(0..8);
            }
        }
    }

    /// A message that was really sent, in either session; or one with altered fields, signed again if the adversary can.
    fn message(&mut self, kind: Option<u8>) -> Raw {
        let here = usize::from(self.rng.random_ratio(1, 8));
        let fits: Vec<_> = self.games[here].messages.iter().filter(|message| kind == Some(message[35])).collect();
        let any = &self.games[here].messages;
        let chosen = fits.choose(&mut self.rng).copied().or_else(|| any.choose(&mut self.rng));
        let mut raw = Raw::parse(chosen.unwrap());
        if self.rng.random_ratio(2, 3) {
            self.alter(&mut raw);
        }
        raw
    }

    fn alter(&mut self, raw: &mut Raw) {
        match self.rng.random_range(0..6) {
            0 => raw.prev[self.rng.random_range(0..32)] ^= 1,
            1 => raw.client = ClientId([10, 20, 30, 40, 50][self.rng.random_range(0..5)]),
            2 => raw.session = self.games[self.rng.random_range(0..2)].session.id().0,
            3 => raw.kind = [1, 2, 3, 4, 6, 7, 0x11, 0x12, 0x14, 0x16, 0x18, 0x20][self.rng.random_range(0..12)],
            4 => {
                let mut body = raw.body.clone();
                self.spoil(&mut body);
                raw.body = body;
            }
            _ => {
                let mut attachment = raw.attachment.clone();
                self.spoil(&mut attachment);
                raw.attachment = attachment;
            }
        }
        let signer = Self::signer(raw);
        match self.key(signer) {
            Some(key) => drop(raw.sign(key)),
            None if self.rng.random_ratio(1, 4) => raw.signature[self.rng.random_range(0..64)] ^= 1,
            None => {}
        }
    }

    fn evidence(&self, kind: u8, contents: &[u8]) -> Vec<u8> {
        [b"veilsum/3/proof\n", &self.games[0].session.id().0[..], &[kind], contents].concat()
    }

    pub fn equivocation(&mut self) -> Vec<u8> {
        let first = self.message(None);
        let second = if self.rng.random_ratio(1, 3) { self.message(None) } else { self.message(Some(first.kind)) };
        let mut both = [first, second].map(|raw| statement(&raw));
        both.sort_unstable();
        self.evidence(2, &both.concat())
    }

    pub fn dealing(&mut self) -> Vec<u8> {
        let delivery = self.message(Some(DELIVERY));
        let Ok(message) = Message::<Delivery>::decode(&delivery.encode()) else { return self.evidence(1, &delivery.encode()) };
        let Delivery { mut dealings, packages } = message.body;
        dealings.iter_mut().for_each(|entry| self.alter_entry(entry));
        let (Some(entry), Some(package)) = (dealings.choose(&mut self.rng), packages.choose(&mut self.rng)) else {
            return self.evidence(1, &[]);
        };
        let (entry, mut package) = (entry.clone(), package.clone());
        if self.rng.random() {
            package.peer = entry.client;
        }
        match self.rng.random_range(0..4) {
            0 => package.sealed.0[9] ^= 1,
            1 => package.key_commitment.0[9] ^= 1,
            2 => package.channel_ciphertext.0[9] ^= 1,
            _ => {}
        }
        let mut key = [0; 32];
        self.rng.fill(&mut key);
        let complaint = Complaint { dealer: entry.client, key: Bytes(key), entry, package };
        let complainer = ClientId([10, 20, 30, 40][self.rng.random_range(0..4)]);
        let game = &self.games[0];
        let Some(key) = self.key(Party::Client(complainer)) else { return self.evidence(1, &delivery.encode()) };
        let signed = sign(&game.session, complainer, message.prev.0, &complaint, key);
        self.evidence(1, &signed)
    }

    /// Other commitments of a dealer that the adversary owns.
    fn alter_entry(&mut self, entry: &mut Entry<veilsum::message::Dealing>) {
        if self.rng.random_ratio(2, 3) {
            return;
        }
        entry.body.mask_root.rotate_left(1);
        entry.body.self_secret.swap(0, 1);
        if let Some(key) = self.key(Party::Client(entry.client)) {
            sign_entry(&self.games[0].session, entry, key);
        }
    }

    pub fn reveal(&mut self) -> Vec<u8> {
        let game = usize::from(self.rng.random_ratio(1, 8));
        let mut file = File::parse(&self.games[game].control());
        let mut h1 = prev(&self.games[game], DELIVERY);
        let mut delivery = Delivery::decode(ClientId(0), file.body(DELIVERY), &[0; 4]).unwrap();
        let mut survivors = Survivors::decode(ClientId(0), file.body(SURVIVORS), &[]).unwrap();
        match self.rng.random_range(0..6) {
            0 => delivery.dealings.iter_mut().for_each(|entry| self.alter_entry(entry)),
            1 => drop(delivery.dealings.remove(self.rng.random_range(0..4))),
            2 => survivors.bitmap[0] ^= 1 << self.rng.random_range(0..4),
            3 => drop(survivors.entries.remove(self.rng.random_range(0..3))),
            4 => h1[3] ^= 1,
            _ => {}
        }
        if self.rng.random() {
            let listed: Vec<u64> = survivors.entries.iter().map(|entry| entry.client.0).collect();
            survivors.bitmap[0] = [10, 20, 30, 40].iter().enumerate().map(|(k, id)| u8::from(listed.contains(id)) << k).sum();
        }
        let mut raw = self.message(Some(REVEAL));
        let h2 = crate::forge::extend(2, &h1, &delivery.dealings);
        // The revealer's own words, or those of one that the adversary owns over the transcript as it is now.
        if let Some(key) = self.key(Self::signer(&raw)) {
            raw.prev = crate::forge::extend_survivors(&h2, &survivors.bitmap, &survivors.entries);
            raw.sign(key);
        }
        let mut contents = h1.to_vec();
        for part in [delivery.body(), survivors.body(), raw.encode()] {
            contents.extend(u32::try_from(part.len()).unwrap().to_le_bytes());
            contents.extend(part);
        }
        self.evidence(3, &contents)
    }

    pub fn transcript(&mut self) -> Vec<u8> {
        let mut files = [0, 1].map(|game| File::parse(&self.games[game].transcript()));
        if let (Party::Client(honest), true) = (self.honest, self.rng.random()) {
            files[0] = self.split(honest);
        }
        for _ in 0..self.rng.random_range(0..4) {
            let [file, other] = &mut files;
            let (mut bytes, place) = (Vec::new(), self.rng.random_range(0..file.parts.len()));
            match self.rng.random_range(0..7) {
                0 => file.parts[place] = other.parts[self.rng.random_range(0..other.parts.len())].clone(),
                1 => drop(file.parts.remove(place)),
                2 => self.resign(file),
                3 => {
                    let mut reveals = Vec::new();
                    for _ in 0..4 {
                        reveals.push(self.message(Some(REVEAL)));
                    }
                    reveals.sort_by_key(|raw| raw.client);
                    reveals.dedup_by_key(|raw| raw.client);
                    if let Some((_, contents)) = file.parts.iter_mut().find(|(tag, _)| *tag == REVEAL) {
                        *contents = Contents::Received(reveals.iter().map(Raw::encode).collect());
                    }
                }
                4 => {
                    let complaint = self.dealing()[49..].to_vec();
                    file.parts.insert(2.min(file.parts.len()), (COMPLAINT, Contents::Received(vec![complaint])));
                }
                kind => {
                    let tag = if kind == 5 { ALL } else { PACKAGES };
                    if let Some((_, Contents::Bytes(own))) = file.parts.iter_mut().find(|(own, _)| *own == tag) {
                        std::mem::swap(own, &mut bytes);
                        self.spoil(&mut bytes);
                        std::mem::swap(own, &mut bytes);
                    }
                }
            }
            if files[0].parts.is_empty() {
                break;
            }
        }
        self.evidence(4, &files[0].encode())
    }

    /// A session in which the server shows the honest client the first game, and everybody else the third: what that client agreed to and
    /// revealed it did in the first.
    pub fn split(&self, honest: ClientId) -> File {
        let (game, mut file) = (&self.games[2], File::parse(&self.games[2].transcript()));
        let mut agreement = Agreement::decode(ClientId(0), file.body(AGREEMENT), &[]).unwrap();
        agreement.entries.retain(|entry| entry.client != honest);
        *file.body(AGREEMENT) = agreement.body();
        file.resign(&game.session, AGREEMENT, prev(game, AGREEMENT), &*game.world.server);
        let real = self.games[0].messages.iter().find(|message| message[35] == REVEAL && Raw::parse(message).client == honest);
        let reveals = file.received(REVEAL);
        let place = reveals.iter().position(|message| Raw::parse(message).client == honest).unwrap();
        reveals.splice(place..=place, real.cloned());
        file
    }

    /// Another body for one of the server's messages, signed again if the adversary is the server.
    fn resign(&mut self, file: &mut File) {
        let sent: Vec<u8> = file.parts.iter().filter(|(_, c)| matches!(c, Contents::Sent { .. })).map(|(tag, _)| *tag).collect();
        let Some(tag) = sent.choose(&mut self.rng).copied().filter(|tag| *tag != DELIVERY) else { return };
        let mut body = file.body(tag).clone();
        self.spoil(&mut body);
        *file.body(tag) = body;
        let prev = prev(&self.games[0], tag);
        if let Some(key) = self.key(Party::Server) {
            file.resign(&self.games[0].session, tag, prev, key);
        }
    }
}

fn prev(game: &Recorded, kind: u8) -> [u8; 32] {
    game.messages.iter().map(|message| Raw::parse(message)).find(|raw| raw.kind == kind).unwrap().prev
}

/// Section 21: what a signature is about.
fn statement(raw: &Raw) -> Vec<u8> {
    let hashes = [hash("body", &[&raw.body]), hash("attachment", &[&raw.attachment])].concat();
    [&[raw.kind][..], &raw.client.0.to_le_bytes(), &raw.prev, &hashes, &raw.signature].concat()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use rand::{SeedableRng as _, rngs::StdRng};
    use veilsum::audit::Evidence;

    use super::*;

    /// Forges evidence of one kind many times; some must convict those whose keys the adversary has, or the forger is no good.
    fn never_convicts(cases: u32, forge: fn(&mut Adversary<'_, StdRng>) -> Vec<u8>) {
        let (convictions, games) = (Cell::new(0), games());
        let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
        proptest!(config, |(honest in 0..PARTIES.len(), seed: u64)| {
            let mut adversary = Adversary { games: &games, honest: PARTIES[honest], rng: StdRng::seed_from_u64(seed) };
            let evidence = Evidence::decode(&forge(&mut adversary));
            if let Ok(verdict) = evidence.and_then(|evidence| evidence.verify(&games[0].session)) {
                prop_assert_ne!(verdict.culprit, PARTIES[honest], "{}", verdict.error);
                convictions.set(convictions.get() + 1);
            }
        });
        assert!(convictions.get() > cases / 50, "{} of {cases} convict", convictions.get());
    }

    #[test]
    fn forged_equivocation_never_convicts_an_honest_party() {
        never_convicts(2000, |adversary| adversary.equivocation());
    }

    #[test]
    fn forged_complaints_never_convict_an_honest_party() {
        never_convicts(1000, |adversary| adversary.dealing());
    }

    #[test]
    fn forged_reveals_never_convict_an_honest_party() {
        never_convicts(1000, |adversary| adversary.reveal());
    }

    #[test]
    fn forged_transcripts_never_convict_an_honest_party() {
        never_convicts(500, |adversary| adversary.transcript());
    }
}
