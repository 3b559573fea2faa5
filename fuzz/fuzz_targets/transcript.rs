//! The transcript verifier, and an adversary that has every key but one party's: it takes a genuine transcript, changes what it likes, and
//! signs again whatever it can. That party is never blamed; and where it is the server, or a client whose signature on the survivors
//! is in the file, survivors and sum are the genuine ones. Of clients that signed nothing in the last rounds the adversary may invent
//! what it likes: there are enough others for a session.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use veilsum::{
    ClientId, Party,
    audit::{Check, verify},
    message::{
        Advert, Adverts, Agreement, Body, Bytes, Consistency, Dealing, Delivery, Entry, EntryBody, MaskedInput, Survivors,
    },
};
use veilsum_fuzz::{
    Choices, Forgery, GAMES, flip,
    forge::{ANNOUNCEMENT, Raw, extend, extend_survivors, sign_entry},
    forgeries::{self, PARTIES},
    proofs::{announce, sum_root},
    recorded::{Contents, File, Letter},
};

#[derive(Arbitrary, Debug)]
enum Operation {
    /// Bytes of a list, of packages, of chunks.
    Bytes { part: u8, changes: Vec<(u16, u8)>, cut: u8 },
    /// An entry of a list: gone, of somebody else, over another transcript, beside another attachment, or with other contents.
    Entry { part: u8, place: u8, change: u8, at: u8, by: u8 },
    /// A letter: gone, to somebody else, or with another signature.
    Letter { part: u8, place: u8, change: u8, at: u8, by: u8 },
    /// A client's message: gone, or changed.
    Message { part: u8, place: u8, gone: bool, forgery: Forgery },
    /// A part: gone, twice, somewhere else, or that of another session.
    Part { part: u8, to: u8, change: u8 },
    /// Signs everything again that it has keys for, over what there is now, as if the session had gone so.
    Replay,
    /// Another sum.
    Announce { leaf: u8 },
}

type Keys = forgeries::Adversary<'static, Choices<'static>>;

/// All keys but those of this party.
fn keys(honest: Party) -> Keys {
    Keys { games: &GAMES, honest, rng: Choices(&[]) }
}

struct Adversary {
    keys: Keys,
    file: File,
}

/// The place in a list of that length, if it has any.
fn place(place: u8, len: usize) -> Option<usize> {
    usize::from(place).checked_rem(len)
}

impl Adversary {
    /// `None` where there is nothing to do it to.
    fn play(&mut self, operation: &Operation) -> Option<()> {
        match operation {
            Operation::Bytes { part, changes, cut } => {
                if let Contents::Sent { body: bytes, .. } | Contents::Bytes(bytes) = self.part(*part)? {
                    flip(bytes, changes);
                    bytes.truncate(bytes.len().saturating_sub((*cut).into()));
                }
            }
            Operation::Entry { part, place, change, at, by } => self.change_entry(*part, *place, *change, *at, *by)?,
            Operation::Letter { part, place, change, at, by } => {
                if let Contents::Sent { letters, .. } = self.part(*part)? {
                    change_letter(letters, *place, *change, *at, *by)?;
                }
            }
            Operation::Message { part, place, gone, forgery } => self.change_message(*part, *place, *gone, forgery)?,
            Operation::Part { part, to, change } => self.change_part(*part, *to, *change)?,
            Operation::Replay => self.replay()?,
            Operation::Announce { leaf } => announce(&mut self.file, [*leaf; 32], self.keys.key(Party::Server)),
        }
        Some(())
    }

    fn part(&mut self, part: u8) -> Option<&mut Contents> {
        let place = place(part, self.file.parts.len())?;
        Some(&mut self.file.parts[place].1)
    }

    fn change_part(&mut self, part: u8, to: u8, change: u8) -> Option<()> {
        let parts = &mut self.file.parts;
        let (from, to) = (place(part, parts.len())?, place(to, parts.len())?);
        match change % 4 {
            0 => drop(parts.remove(from)),
            1 => parts.insert(to, parts[from].clone()),
            2 => parts.swap(from, to),
            _ => {
                let other = File::parse(&GAMES[1].transcript()).parts;
                parts[from] = other[to % other.len()].clone();
            }
        }
        Some(())
    }

    fn change_message(&mut self, part: u8, at: u8, gone: bool, forgery: &Forgery) -> Option<()> {
        let keys = keys(self.keys.honest);
        let Contents::Received(messages) = self.part(part)? else { return None };
        let at = place(at, messages.len())?;
        if gone {
            messages.remove(at);
            return Some(());
        }
        let key = keys.key(Party::Client(Raw::parse(&messages[at]).client));
        // Whole messages only: what no longer has the form of a message could not be changed again.
        let forgery = Forgery { resign: forgery.resign && key.is_some(), whole: Vec::new(), ..forgery.clone() };
        messages[at] = forgery.apply(&messages[at], key.unwrap_or(&*GAMES[0].world.clients[&ClientId(10)]));
        Some(())
    }

    fn change_entry(&mut self, part: u8, place: u8, change: u8, at: u8, by: u8) -> Option<()> {
        let spoil = |bytes: &mut [u8]| flip(bytes, &[(at.into(), by)]);
        let by = by.into();
        match part % 4 {
            0 => self.edit::<Adverts, Advert>(place, change, by, |m| &mut m.entries, |advert| spoil(&mut advert.mask_key.0)),
            1 => self.edit::<Delivery, Dealing>(
                place,
                change,
                by,
                |m| &mut m.dealings,
                |dealing| match at % 3 {
                    0 => dealing.mask_root.rotate_left(1),
                    1 => dealing.self_secret.iter_mut().take(1).for_each(|point| spoil(&mut point.0)),
                    _ => dealing.digests.iter_mut().take(1).for_each(|digest| spoil(&mut digest.digest.0)),
                },
            ),
            2 => self.edit::<Survivors, MaskedInput>(
                place,
                change,
                by,
                |m| &mut m.entries,
                |input| match at % 3 {
                    0 => input.vector_len ^= by,
                    1 => input.chunk_len ^= by as u32,
                    _ => spoil(&mut input.root.0),
                },
            ),
            _ => self.edit::<Agreement, Consistency>(place, change, by, |m| &mut m.entries, |_| {}),
        }
    }

    /// Changes an entry, which its client signs if its key is there.
    fn edit<B: Body, E: EntryBody>(
        &mut self,
        at: u8,
        change: u8,
        by: u64,
        entries: fn(&mut B) -> &mut Vec<Entry<E>>,
        alter: impl FnOnce(&mut E),
    ) -> Option<()> {
        let mut message: B = self.list()?;
        let list = entries(&mut message);
        let at = place(at, list.len())?;
        if change % 5 == 0 {
            list.remove(at);
        } else {
            let entry = &mut list[at];
            match change % 5 {
                1 => entry.client.0 ^= by,
                2 => entry.prev.0[1] ^= by as u8,
                3 => entry.attachment_hash.0[1] ^= by as u8,
                _ => alter(&mut entry.body),
            }
            if let Some(key) = self.keys.key(Party::Client(entry.client)) {
                sign_entry(&GAMES[0].session, entry, key);
            }
        }
        *self.sent(B::TYPE)?.0 = message.body();
        Some(())
    }

    fn sent(&mut self, tag: u8) -> Option<(&mut Vec<u8>, &mut Vec<Letter>)> {
        match self.file.parts.iter_mut().find(|(own, _)| *own == tag) {
            Some((_, Contents::Sent { body, letters })) => Some((body, letters)),
            _ => None,
        }
    }

    /// A list of the server's, if it still has the form of one.
    fn list<B: Body>(&mut self) -> Option<B> {
        let attachment: &[u8] = if B::TYPE == Delivery::TYPE { &[0; 4] } else { &[] };
        B::decode(ClientId(0), self.sent(B::TYPE)?.0, attachment).ok()
    }

    fn replay(&mut self) -> Option<()> {
        let h0 = GAMES[0].session.id().0;
        let adverts = self.relist::<Adverts, Advert>(&h0, |m| &mut m.entries)?;
        self.address(Adverts::TYPE, h0, &adverts);
        let h1 = extend(1, &h0, &adverts);
        let dealings = self.relist::<Delivery, Dealing>(&h1, |m| &mut m.dealings)?;
        self.address(Delivery::TYPE, h1, &dealings);
        let h2 = extend(2, &h1, &dealings);
        let inputs = self.relist::<Survivors, MaskedInput>(&h2, |m| &mut m.entries)?;
        let mut survivors: Survivors = self.list()?;
        let ids = GAMES[0].world.ids();
        let bits = ids.iter().enumerate().filter(|(_, id)| inputs.iter().any(|entry| entry.client == **id));
        survivors.bitmap = vec![bits.map(|(bit, _)| 1 << bit).sum()];
        *self.sent(Survivors::TYPE)?.0 = survivors.body();
        self.address(Survivors::TYPE, h2, &dealings);
        let h3 = extend_survivors(&h2, &survivors.bitmap, &inputs);
        self.relist::<Agreement, Consistency>(&h3, |m| &mut m.entries)?;
        self.address(Agreement::TYPE, h3, &inputs);
        self.reveal_again(h3);
        self.address(ANNOUNCEMENT, h3, &inputs);
        Some(())
    }

    /// A list whose entries are signed over `prev` by all whose keys are there.
    fn relist<B: Body, E: EntryBody + Clone>(
        &mut self,
        prev: &[u8; 32],
        entries: fn(&mut B) -> &mut Vec<Entry<E>>,
    ) -> Option<Vec<Entry<E>>> {
        let mut message: B = self.list()?;
        for entry in entries(&mut message) {
            if let Some(key) = self.keys.key(Party::Client(entry.client)) {
                entry.prev = Bytes(*prev);
                sign_entry(&GAMES[0].session, entry, key);
            }
        }
        *self.sent(B::TYPE)?.0 = message.body();
        Some(entries(&mut message).clone())
    }

    /// Sends a list to these clients.
    fn address<E>(&mut self, tag: u8, prev: [u8; 32], to: &[Entry<E>]) {
        let Some(key) = self.keys.key(Party::Server) else { return };
        let Some((_, letters)) = self.sent(tag) else { return };
        let new = to.iter().map(|entry| {
            let old = letters.iter().find(|letter| letter.recipient == entry.client.0);
            let attachment_hash = old.map_or((tag == Delivery::TYPE).then_some([0; 32]), |letter| letter.attachment_hash);
            Letter { recipient: entry.client.0, attachment_hash, signature: [0; 64] }
        });
        *letters = new.collect();
        self.file.resign(&GAMES[0].session, tag, prev, key);
    }

    fn reveal_again(&mut self, h3: [u8; 32]) {
        let keys = keys(self.keys.honest);
        for (_, contents) in &mut self.file.parts {
            let Contents::Received(messages) = contents else { continue };
            for message in messages {
                let mut raw = Raw::parse(message);
                if let Some(key) = keys.key(Party::Client(raw.client)) {
                    raw.prev = h3;
                    *message = raw.sign(key);
                }
            }
        }
    }

    fn check(&self, check: &Check) {
        let honest = self.keys.honest;
        let report = match verify(&GAMES[0].session, &mut &self.file.encode()[..], check) {
            Ok(report) => report,
            Err(finding) => return assert_ne!(finding.culprit(), Some(honest), "{finding}"),
        };
        let blamed = report.complaints.iter().map(|verdict| verdict.culprit).chain(report.liars.iter().copied());
        assert!(blamed.into_iter().all(|id| Party::Client(id) != honest), "{report:?}");
        let bound = match honest {
            Party::Client(id) => report.agreed.contains(&id),
            _ => !report.survivors.is_empty(),
        };
        if bound {
            assert_eq!(report.survivors, GAMES[0].sum.as_ref().expect("a whole session").survivors());
        }
        if bound && (report.complete() || (honest == Party::Server && report.sum_root.is_some())) {
            assert_eq!(report.sum_root, Some(sum_root(&GAMES[0])));
        }
    }
}

fn change_letter(letters: &mut Vec<Letter>, at: u8, change: u8, byte: u8, by: u8) -> Option<()> {
    let at = place(at, letters.len())?;
    match change % 4 {
        0 => drop(letters.remove(at)),
        1 => letters[at].recipient ^= u64::from(by),
        2 => letters[at].signature[usize::from(byte) % 64] ^= by,
        _ => letters[at].attachment_hash.iter_mut().for_each(|hash| hash[usize::from(byte) % 32] ^= by),
    }
    Some(())
}

// Begins with the session as it was, or as a server that showed the honest client fewer survivors than the others would hand it out.
fuzz_target!(|input: (u8, bool, bool, Vec<Operation>)| {
    let (honest, full, split, operations) = input;
    let keys = keys(PARTIES[usize::from(honest) % PARTIES.len()]);
    let file = match keys.honest {
        Party::Client(honest) if split => keys.split(honest),
        _ => File::parse(&GAMES[0].transcript()),
    };
    let mut adversary = Adversary { keys, file };
    for operation in operations.iter().take(8) {
        let _ = adversary.play(operation);
    }
    adversary.check(if full { &Check::Full } else { &Check::Present });
});
