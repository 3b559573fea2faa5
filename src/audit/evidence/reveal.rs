//! Shares that a client revealed against the dealings that it had checked and signed for (section 21, kind 3).

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use crate::{
    audit::{Transcript, file::no_attachment},
    codec::{Reader, put_sized},
    error::{ClientFault, ClientId, DecodeError, Error, RoundError},
    hash::Hash,
    mask::Layout,
    message::{Adverts, Body, Delivery, Frame, Reveal, Survivors},
    secagg::{client::read_survivors, server::Dealt, transcript, unmask::Unmasking},
    session::Session,
};

/// Everything that `h3` is made from, and a message over it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RevealProof {
    h1: Hash,
    delivery: Vec<u8>,
    survivors: Vec<u8>,
    message: Vec<u8>,
}

impl RevealProof {
    pub(super) fn new(record: &Transcript, message: &[u8]) -> Result<Self, Error> {
        let adverts = Adverts::decode(ClientId(0), record.body(Adverts::TYPE)?, &[])?;
        Ok(Self {
            h1: transcript::h1(record.session(), &adverts.entries),
            delivery: record.body(Delivery::TYPE)?.to_vec(),
            survivors: record.body(Survivors::TYPE)?.to_vec(),
            message: message.to_vec(),
        })
    }

    /// Whom it blames. Only the revealer can be: it has signed `h3`, which has one preimage, so these are the dealings and the survivors
    /// that it saw.
    pub(super) fn judge(&self, session: &Session) -> Result<Error, Error> {
        let frame = Frame::open(session, &self.message)?;
        if frame.kind != Reveal::TYPE {
            return Err(DecodeError::UnexpectedType { expected: Reveal::TYPE, got: frame.kind }.into());
        }
        let round = self.round(session)?;
        if frame.prev != round.h3 {
            return Err(DecodeError::Mismatch.into());
        }
        if !round.survived(frame.client) {
            return Err(DecodeError::Recipient.into());
        }
        let blame = |fault| Ok(Error::client(frame.client, fault));
        let reveal: Reveal = match frame.decode() {
            Ok(reveal) => reveal,
            Err(e) => return blame(ClientFault::Malformed(e)),
        };
        let shares = match round.shares_of(&reveal) {
            Ok(shares) => shares,
            Err(fault) => return blame(fault),
        };
        let revealed = BTreeMap::from([(frame.client, shares)]);
        if round.liars(session, &revealed).is_empty() { Err(RoundError::Unproven.into()) } else { blame(ClientFault::BadReveal) }
    }

    /// The dealings and the survivors, and the `h3` that they give.
    fn round(&self, session: &Session) -> Result<Unmasking, Error> {
        let delivery = Delivery::decode(ClientId(0), &self.delivery, no_attachment(Delivery::TYPE))?;
        let message = Survivors::decode(ClientId(0), &self.survivors, &[])?;
        // Nobody is to blame for evidence that does not make sense.
        let survivors = read_survivors(session, &message).map_err(|_| DecodeError::Count)?;
        let h2 = transcript::h2(&self.h1, &delivery.dealings);
        let h3 = transcript::h3(&h2, &message.bitmap, &message.entries);
        let dealt = delivery.dealings.into_iter().map(|entry| Ok((entry.client, Dealt::new(entry, session.threshold())?)));
        let dealt = dealt.collect::<Result<BTreeMap<_, _>, ClientFault>>().map_err(|_| DecodeError::Point)?;
        Ok(Unmasking {
            keys: BTreeMap::new(),
            dealt: Arc::new(dealt),
            layout: Layout::new(session),
            sum: None,
            survivors: survivors.into_iter().collect(),
            h3,
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.h1.to_vec();
        [&self.delivery, &self.survivors, &self.message].into_iter().for_each(|part| put_sized(&mut out, part));
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let h1 = reader.array()?;
        let mut part = || Ok(reader.sized()?.to_vec());
        let (delivery, survivors, message) = (part()?, part()?, part()?);
        reader.finish()?;
        Ok(Self { h1, delivery, survivors, message })
    }
}
