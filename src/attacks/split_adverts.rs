//! "Every header carries ITS h1": a split view of round 0.

use alloc::vec::Vec;

use super::stage::{Stage, ids};
use crate::{
    ClientId, Error, ServerFault,
    crypto::{seal::EnvelopeKey, vss::Kind},
    error::ClientFault,
    message::{Complaint, Frame},
    mutant::{self, Mutant},
    secagg::complaint::{Verdict, judge},
};

const VICTIM: ClientId = ClientId(10);

/// How many holders' shares of both of the victim's secrets the adversary has, and whom the server's judge convicts.
#[derive(Debug, PartialEq, Eq)]
struct Haul {
    holders: usize,
    convicted: Vec<ClientId>,
}

/// The server and two colluders, one of whom advertises twice; the server shows the second advert to two honest clients only.
///
/// The two reach another h1 than the rest, and h1 is part of what an envelope is bound to. Given the victim's dealing, which was made over
/// the other h1, they decrypt with the right key (it fits the key commitment) and the wrong associated data, so they find the
/// contents bad. A client that did not compare h1 first would complain: accuse an honest dealer, be convicted itself by anyone who judges
/// the complaint, and disclose the key of an honest envelope. So the server reads both shares of the victim's `m` and `b` of
/// each such holder, something that no run of the protocol reveals. With the colluders' own it has `c + d` holders: one short of the
/// threshold here, and the reserve that `2t > n + c` leaves for everything else is spent.
fn attack() -> Result<Haul, Error> {
    let (colluders, deceived) = (ids(&[6, 7]), ids(&[4, 5]));
    let mut stage = Stage::new(7, &colluders);
    let joined = stage.join_all();
    let truth = stage.seen.adverts.clone();
    stage.join(colluders[1]);
    let split = core::mem::replace(&mut stage.seen.adverts, truth.clone());
    let mut dealt = super::stage::Per::new();
    for (id, state) in joined {
        dealt.insert(id, stage.deal(id, state, if deceived.contains(&id) { &split } else { &truth })?);
    }
    for id in ids(&[1, 2, 3, 6, 7]) {
        let state = stage.deliver(id, dealt.remove(&id).unwrap(), &ids(&[1, 2, 3, 6, 7]))?;
        stage.upload(id, state);
    }
    let mut shares = stage.shares_of(VICTIM);
    let mut convicted = Vec::new();
    for id in deceived {
        let everybody = stage.everybody();
        let failure = stage.deliver(id, dealt.remove(&id).unwrap(), &everybody).unwrap_err();
        let Some(complaint) = failure.complaint else { return Err(failure.error) };
        assert_eq!(failure.error, Error::client(VICTIM, ClientFault::BadDealing));
        let Verdict { culprit, .. } = judge(&stage.session, &complaint).unwrap();
        convicted.push(culprit);
        let complaint: Complaint = Frame::open(&stage.session, &complaint).unwrap().decode().unwrap();
        let pair = stage.unseal(VICTIM, id, &EnvelopeKey::disclosed(complaint.key.0)).unwrap();
        shares.iter_mut().zip(pair).for_each(|(shares, share)| drop(shares.insert(id, share)));
    }
    for (kind, shares) in [Kind::MaskRoot, Kind::SelfSecret].into_iter().zip(&shares) {
        let commitments = stage.commitments(VICTIM, kind);
        assert!(shares.iter().all(|(id, share)| commitments.admits(stage.session.index(*id).unwrap(), share)));
    }
    assert_eq!(shares[0].len() + 1, stage.session.threshold_len());
    Ok(Haul { holders: shares[0].len(), convicted })
}

#[test]
fn a_split_view_of_adverts_would_turn_honest_complaints_against_honest_dealers() {
    assert_eq!(attack().unwrap_err(), ServerFault::EntryTranscript(VICTIM).into());
    let haul = mutant::with(&[Mutant::AnyFirstTranscript], attack).unwrap();
    assert_eq!(haul, Haul { holders: 4, convicted: ids(&[4, 5]) });
}
