//! The whole protocol, every party's every step.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rand::{SeedableRng, rngs::StdRng};
use veilsum::{
    Bound, ClientId, Error, Identity, Session, SigningIdentity,
    driver::{Client, ClientStep, Server, ServerStep},
    secagg::upload::MemorySpool,
};

use crate::{BITS, CLIENTS, DROPPED, Result, Run, VALUES, check, mean, quantize, quantizer, timed};

/// A client, with what it has spent and the bytes that it has sent.
struct Party {
    client: Client,
    spent: Duration,
    sent: usize,
}

pub fn run(values: &[f32]) -> Result<Run> {
    let mut rng = StdRng::seed_from_u64(1);
    let host = Arc::new(SigningIdentity::generate(&mut rng)?);
    let identities = (1..=CLIENTS).map(|id| Ok((ClientId(id), Arc::new(SigningIdentity::generate(&mut rng)?))));
    let identities = identities.collect::<Result<BTreeMap<_, _>>>()?;
    // Everybody builds the descriptor alone.
    let descriptor = || -> Result<Session> {
        let roster = identities.iter().map(|(id, identity)| (*id, identity.public_key()));
        let bound = Bound::Exact { max_abs: quantizer()?.max_abs() };
        Ok(Session::builder(roster, host.public_key(), VALUES as u64 + 1, BITS, bound).build()?)
    };
    let mut spent = Duration::ZERO;
    let mut server = timed(&mut spent, || -> Result<_> { Ok(Server::new(&descriptor()?, host.clone())?) })?;
    let mut parties = BTreeMap::new();
    for (id, identity) in &identities {
        let mut joining = Duration::ZERO;
        let join = || -> Result<_> { Ok(Client::join(&descriptor()?, *id, identity.clone(), &mut rng)?) };
        let (client, advert) = timed(&mut joining, join)?;
        timed(&mut spent, || server.receive(&advert))?;
        parties.insert(*id, Party { client, spent: joining, sent: advert.len() });
    }
    let (mut words, mut wire, mut result) = (Vec::new(), Vec::new(), vec![0.0; VALUES]);
    loop {
        let outbox = match timed(&mut spent, || server.close())? {
            ServerStep::Send(outbox) => outbox,
            ServerStep::Sum(sum) => {
                timed(&mut spent, || mean(|position, words| sum.read(position, words), &mut result))?;
                break;
            }
            _ => return Err("an unknown step".into()),
        };
        for (id, party) in &mut parties {
            let Some(message) = outbox.message_for(*id) else { continue };
            match timed(&mut party.spent, || party.client.receive(&message, &mut rng)).map_err(Error::from)? {
                ClientStep::Send(answer) | ClientStep::Done(answer, _) => {
                    party.sent += answer.len();
                    timed(&mut spent, || server.receive(&answer))?;
                }
                ClientStep::GiveInput if id.0 <= CLIENTS - DROPPED => {
                    let header = party.input(values, &mut words, &mut wire)?;
                    timed(&mut spent, || take(&mut server, *id, &wire, &header))?;
                }
                _ => {} // drops out
            }
        }
        parties.retain(|_, party| !party.client.awaits_input());
    }
    check(values, &result)?;
    let mut totals: Vec<_> = parties.values().map(|party| (party.spent, party.sent)).collect();
    totals.sort();
    let (client, bytes) = totals[totals.len() / 2];
    Ok(Run { client, server: spent, bytes })
}

impl Party {
    /// Masks the input; returns the message that releases it.
    fn input(&mut self, values: &[f32], words: &mut Vec<u32>, wire: &mut Vec<u8>) -> Result<Vec<u8>> {
        let Self { client, spent, sent } = self;
        wire.clear();
        let header = timed(spent, || -> Result<_> {
            quantize(values, words)?;
            client.mask(words, wire)?;
            Ok(client.finish()?)
        })?;
        *sent += wire.len() + header.len();
        Ok(header)
    }
}

fn take(server: &mut Server, client: ClientId, wire: &[u8], header: &[u8]) -> Result<()> {
    let mut upload = server.upload(client, MemorySpool::default())?;
    upload.write(wire)?;
    server.accept(&mut upload, header)?;
    Ok(())
}
