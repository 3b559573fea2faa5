//! The rounds of a transcript: lists, signatures, complaints, shares (section 20.2 up to the announcement).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use super::{
    file::{Reader, no_attachment, tag},
    report::{Finding, Part, Report},
};
use crate::{
    crypto::{kem::Ciphertext, sign::Signed, vss::Share},
    error::{ClientFault, ClientId, DecodeError, Error, RoundError, ServerFault},
    hash::{Hash, hash},
    label,
    mask::{Layout, Seeds},
    message::{
        Adverts, Agreement, Announcement, Body, Complaint, Delivery, Entry, EntryBody, Frame, MaskedInput, Package, Reveal,
        Survivors,
    },
    secagg::{
        check_each, check_threshold,
        client::{check_dimensions, check_holders, distinct_keys, read_survivors},
        complaint::judge_frame,
        keys::PublicKeys,
        server::Dealt,
        transcript,
        unmask::{Revealed, Unmasking},
    },
    session::Session,
};

/// What the rounds settle: all that the sum depends on but the uploads.
pub(super) struct Settled {
    /// Ascending, with the signed root of each upload.
    pub(super) uploads: Vec<(ClientId, Hash)>,
    /// Of the masks that are on the sum of the uploads.
    pub(super) seeds: Seeds,
    pub(super) sum_root: Hash,
}

/// Round 1: the dealings, by dealer.
type Dealings = BTreeMap<ClientId, Dealt>;

/// Reads all rounds that are there; nothing if they do not lead to a sum.
pub(super) fn settle(session: &Session, file: &mut Reader<'_>, report: &mut Report) -> Result<Option<Settled>, Finding> {
    let mut rounds = Rounds { session, file, report };
    let Some((h1, keys)) = rounds.part(Part::Adverts, Adverts::TYPE, Rounds::adverts)? else { return Ok(None) };
    let Some((h2, dealt)) = rounds.part(Part::Delivery, Delivery::TYPE, |r| r.delivery(&h1, &keys))? else { return Ok(None) };
    if rounds.tag(Part::Complaints)? == Complaint::TYPE {
        rounds.part(Part::Complaints, Complaint::TYPE, |r| r.complaints(&h1, &dealt))?;
    }
    let Some((h3, inputs)) = rounds.part(Part::Survivors, Survivors::TYPE, |r| r.survivors(&h2, &dealt))? else {
        return Ok(None);
    };
    let survivors = inputs.iter().map(|entry| entry.client).collect();
    let layout = Layout::new(session);
    let mut round = Unmasking { keys, dealt: Arc::new(dealt), layout, sum: None, survivors, h3 };
    if rounds.part(Part::Agreement, Agreement::TYPE, |r| r.agreement(&round))?.is_none() {
        return Ok(None);
    }
    let Some(secrets) = rounds.part(Part::Reveals, Reveal::TYPE, |r| r.reveals(&round))? else { return Ok(None) };
    let packages = rounds.part(Part::Packages, tag::PACKAGES, |r| r.packages(&mut round))?;
    packages
        .ok_or(DecodeError::UnexpectedType { expected: tag::PACKAGES, got: tag::END })
        .map_err(Finding::at(Part::Packages))?;
    let seeds = secrets.map(|secrets| round.seeds(session.id(), &secrets, |id| round.survived(id)));
    let seeds = seeds.transpose().map_err(Finding::at(Part::Packages))?;
    let Some(sum_root) = rounds.part(Part::Announcement, Announcement::TYPE, |r| r.announcement(&round))? else {
        return Ok(None);
    };
    // Too few shares are nothing that is wrong, unless a sum was announced.
    let seeds = seeds.ok_or_else(|| rounds.too_few()).map_err(Finding::at(Part::Reveals))?;
    let uploads = inputs.iter().map(|entry| (entry.client, entry.body.root.0)).collect();
    Ok(Some(Settled { uploads, seeds, sum_root }))
}

struct Rounds<'a, 'b, 'c> {
    session: &'a Session,
    file: &'b mut Reader<'c>,
    report: &'b mut Report,
}

impl Rounds<'_, '_, '_> {
    /// Reads one part, unless the file ends here.
    fn part<T>(&mut self, part: Part, tag: u8, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<Option<T>, Finding> {
        if self.tag(part)? == tag::END {
            return Ok(None);
        }
        let contents = || {
            self.file.expect(tag)?;
            read(self)
        };
        let contents = contents().map_err(Finding::at(part))?;
        self.file.next();
        self.report.reached = part;
        Ok(Some(contents))
    }

    /// Of what comes, where `part` may.
    fn tag(&mut self, part: Part) -> Result<u8, Finding> {
        self.file.tag().map_err(Finding::at(part))
    }

    /// A message of the server as all its recipients got it, each of whom has a signature. Whatever is wrong with the contents is then
    /// the server's fault.
    fn sent<B: Body>(&mut self, prev: &Hash) -> Result<(B, Vec<ClientId>), Error> {
        let (body, count) = (self.file.sized()?, self.file.u32()?);
        if count == 0 || count as usize > self.session.clients() {
            return Err(DecodeError::Count.into());
        }
        // Once, however many letters there are.
        let (body_hash, mut recipients) = (hash(label::hash::BODY, &[&body]), Vec::new());
        for _ in 0..count {
            let recipient = self.letter::<B>(prev, &body_hash, recipients.last())?;
            recipients.push(recipient);
        }
        let message = B::decode(ClientId(0), &body, no_attachment(B::TYPE)).map_err(ServerFault::Malformed)?;
        Ok((message, recipients))
    }

    /// Whom one letter is for: a client of the roster, after the last one.
    fn letter<B: Body>(&mut self, prev: &Hash, body_hash: &Hash, last: Option<&ClientId>) -> Result<ClientId, Error> {
        let client = self.file.client()?;
        let nothing = || Ok(hash(label::hash::ATTACHMENT, &[&[]]));
        let attachment_hash = if B::TYPE == Delivery::TYPE { self.file.array() } else { nothing() }?;
        let signature = self.file.array()?;
        if last.is_some_and(|last| *last >= client) {
            return Err(DecodeError::Order.into());
        }
        if self.session.index(client).is_none() {
            return Err(DecodeError::Recipient.into());
        }
        let message = Signed::message(self.session.id(), B::TYPE, client, prev, body_hash, &attachment_hash);
        if !Signed::verify_message(&message, self.session.server_key(), &signature) {
            return Err(DecodeError::Signature.into());
        }
        self.report.signatures += 1;
        Ok(client)
    }

    /// A list that the server forwarded, as every client checks it.
    fn check_list<B: EntryBody>(
        &mut self,
        entries: &[Entry<B>],
        member: impl Fn(ClientId) -> bool,
        prev: &Hash,
    ) -> Result<(), ServerFault> {
        check_each(self.session, entries, member, Some(prev))?;
        self.report.signatures += entries.len() as u64;
        check_threshold(self.session, entries.len())
    }

    fn adverts(&mut self) -> Result<(Hash, BTreeMap<ClientId, PublicKeys>), Error> {
        let (session, h0) = (self.session, self.session.h0());
        let (Adverts { entries }, recipients) = self.sent(&h0)?;
        self.check_list(&entries, |id| session.index(id).is_some(), &h0)?;
        let keys = distinct_keys(&entries)?;
        check_recipients(&recipients, keys.keys())?;
        self.report.advertised = recipients;
        Ok((transcript::h1(session, &entries), keys))
    }

    fn delivery(&mut self, h1: &Hash, keys: &BTreeMap<ClientId, PublicKeys>) -> Result<(Hash, Dealings), Error> {
        let (Delivery { dealings, .. }, recipients) = self.sent(h1)?;
        self.check_list(&dealings, |id| keys.contains_key(&id), h1)?;
        check_holders(&dealings, keys.keys().copied())?;
        let h2 = transcript::h2(h1, &dealings);
        let dealt = dealings.into_iter().map(|entry| {
            let client = entry.client;
            let dealt = Dealt::new(entry, self.session.threshold());
            dealt.map(|dealt| (client, dealt)).map_err(|fault| ServerFault::EntryContents(client, fault))
        });
        let dealt: Dealings = dealt.collect::<Result<_, _>>()?;
        check_recipients(&recipients, dealt.keys())?;
        self.report.dealt = recipients;
        Ok((h2, dealt))
    }

    /// Messages of clients, ascending, each handed to `take` when it is known to be its sender's, over `prev`, and of the right type.
    fn received<B: Body>(
        &mut self,
        prev: &Hash,
        member: impl Fn(ClientId) -> bool,
        mut take: impl FnMut(&mut Self, &Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (count, mut last) = (self.file.u32()?, None);
        if count == 0 {
            return Err(DecodeError::Count.into());
        }
        for _ in 0..count {
            let message = self.file.sized()?;
            let frame = Frame::open(self.session, &message)?;
            self.report.signatures += 1;
            if last.is_some_and(|last| last >= frame.client) {
                return Err(DecodeError::Order.into());
            }
            if frame.kind != B::TYPE {
                return Err(DecodeError::UnexpectedType { expected: B::TYPE, got: frame.kind }.into());
            }
            if !member(frame.client) {
                return Err(DecodeError::Recipient.into());
            }
            if frame.prev != *prev {
                return Err(DecodeError::Mismatch.into());
            }
            take(self, &frame)?;
            last = Some(frame.client);
        }
        Ok(())
    }

    fn complaints(&mut self, h1: &Hash, dealt: &Dealings) -> Result<(), Error> {
        self.received::<Complaint>(
            h1,
            |id| dealt.contains_key(&id),
            |rounds, frame| {
                let (verdict, proof) = judge_frame(rounds.session, frame);
                rounds.report.complaints.push(verdict);
                let counts = |entry| dealt.get(&verdict.culprit).is_some_and(|dealt| dealt.entry == entry);
                if proof.is_some_and(counts) { Err(Error::client(verdict.culprit, verdict.fault)) } else { Ok(()) }
            },
        )
    }

    fn survivors(&mut self, h2: &Hash, dealt: &Dealings) -> Result<(Hash, Vec<Entry<MaskedInput>>), Error> {
        let (message, recipients) = self.sent::<Survivors>(h2)?;
        let survivors = read_survivors(self.session, &message)?;
        self.check_list(&message.entries, |id| dealt.contains_key(&id), h2)?;
        check_dimensions(&Layout::new(self.session), &message.entries)?;
        check_recipients(&recipients, dealt.keys())?;
        let complained = self.report.complaints.iter().map(|verdict| verdict.complainer);
        if let Some(client) = complained.into_iter().find(|client| survivors.contains(client)) {
            return Err(Error::client(client, ClientFault::NotInRound));
        }
        self.report.dropped = dealt.keys().filter(|id| !survivors.contains(id)).copied().collect();
        self.report.survivors = survivors.into_iter().collect();
        Ok((transcript::h3(h2, &message.bitmap, &message.entries), message.entries))
    }

    fn agreement(&mut self, round: &Unmasking) -> Result<(), Error> {
        let (Agreement { entries }, recipients) = self.sent(&round.h3)?;
        self.check_list(&entries, |id| round.survived(id), &round.h3)?;
        check_recipients(&recipients, &round.survivors)?;
        self.report.agreed = entries.iter().map(|entry| entry.client).collect();
        Ok(())
    }

    /// The secrets that the shares give, as the server recovers them; none if there are too few. Who revealed bad shares is on the record,
    /// whether or not they were needed.
    fn reveals(&mut self, round: &Unmasking) -> Result<Option<Vec<Share>>, Error> {
        let mut revealed = Revealed::new();
        self.received::<Reveal>(
            &round.h3,
            |id| round.survived(id),
            |_, frame| {
                let blame = |fault| Error::client(frame.client, fault);
                let reveal: Reveal = frame.decode().map_err(|e| blame(ClientFault::Malformed(e)))?;
                revealed.insert(frame.client, round.shares_of(&reveal).map_err(blame)?);
                Ok(())
            },
        )?;
        self.report.revealed = revealed.keys().copied().collect();
        self.report.liars = round.liars(self.session, &revealed);
        let enough = |revealed: &Revealed| revealed.len() >= self.session.threshold_len();
        // First of all shares: lies that cancel spoil nothing, and the server does not see them.
        if enough(&revealed)
            && let Some(secrets) = round.recover(self.session, &revealed)
        {
            return Ok(Some(secrets));
        }
        revealed.retain(|id, _| self.report.liars.binary_search(id).is_err());
        match self.report.liars.first() {
            // Good shares always recover; a liar passes for good with a chance of 2^-128.
            _ if enough(&revealed) => Ok(Some(round.recover(self.session, &revealed).ok_or_else(|| self.too_few())?)),
            Some(liar) => Err(Error::client(*liar, ClientFault::BadReveal)),
            None => Ok(None),
        }
    }

    /// The packages of all opened pairs, as their dealers signed them.
    fn packages(&mut self, round: &mut Unmasking) -> Result<(), Error> {
        let pairs = opened_pairs(round.dealt.keys(), |id| round.survived(id));
        if self.file.u32()? as usize != pairs.len() {
            return Err(DecodeError::Count.into());
        }
        let dealt = Arc::make_mut(&mut round.dealt);
        for pair in pairs {
            let (dealer, package) = self.file.package()?;
            let dealing = dealt.get_mut(&dealer).filter(|_| (dealer, package.peer) == pair).ok_or(DecodeError::Count)?;
            check_package(dealer, dealing, &package)?;
            dealing.packages.insert(package.peer, package);
        }
        Ok(())
    }

    fn too_few(&self) -> RoundError {
        let good = self.report.revealed.len() - self.report.liars.len();
        RoundError::TooFewClients { remaining: u32::try_from(good).unwrap_or(u32::MAX), threshold: self.session.threshold() }
    }

    fn announcement(&mut self, round: &Unmasking) -> Result<Hash, Error> {
        let (Announcement { sum_root }, recipients) = self.sent(&round.h3)?;
        check_recipients(&recipients, &round.survivors)?;
        self.report.sum_root = Some(sum_root.0);
        self.report.transcript = Some(transcript::h4(&round.h3, &sum_root.0));
        Ok(sum_root.0)
    }
}

/// Pairs of which exactly one survived, the lower id first.
pub(super) fn opened_pairs<'a>(
    dealt: impl Iterator<Item = &'a ClientId> + Clone,
    survived: impl Fn(ClientId) -> bool,
) -> BTreeSet<(ClientId, ClientId)> {
    let pairs = dealt.clone().flat_map(|low| dealt.clone().map(|high| (*low, *high)));
    pairs.filter(|(low, high)| low < high && survived(*low) != survived(*high)).collect()
}

fn check_package(dealer: ClientId, dealing: &Dealt, package: &Package) -> Result<(), Error> {
    let digest = dealing.entry.body.digests.iter().find(|digest| digest.holder == package.peer);
    if digest.map(|digest| digest.digest.0) != Some(package.digest(dealer, package.peer)) {
        return Err(DecodeError::Mismatch.into());
    }
    for ciphertext in [Some(&package.channel_ciphertext), package.mask_ciphertext.as_ref()].into_iter().flatten() {
        Ciphertext::decode(&ciphertext.0).map_err(|e| Error::client(dealer, ClientFault::Malformed(e)))?;
    }
    Ok(())
}

fn check_recipients<'a>(got: &[ClientId], expected: impl IntoIterator<Item = &'a ClientId>) -> Result<(), DecodeError> {
    if expected.into_iter().eq(got) { Ok(()) } else { Err(DecodeError::Count) }
}
