//! Masks on, sum, masks off: with seeds that are there already.

use std::time::Duration;

use veilsum::{
    Bound, ClientId, Identity, Session, SigningIdentity,
    hazmat::Keystreams,
    secagg::{
        shard::{PartialSum, ShardDescriptor, UnmaskPlan},
        upload::{MemorySpool, Spool},
    },
};

use crate::{BITS, CLIENTS, DROPPED, Result, Run, VALUES, check, mean, quantize, quantizer, ring, timed};

pub fn run(values: &[f32]) -> Result<Run> {
    let session = session()?;
    let (mut words, mut wire, mut spools, mut clients) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for client in 1..=CLIENTS - DROPPED {
        let mut spent = Duration::ZERO;
        timed(&mut spent, || -> Result<()> {
            quantize(values, &mut words)?;
            let mut masks = Keystreams::with_capacity(session.id(), CLIENTS as usize);
            masks.push(self_seed(client), false);
            let neighbors = (1..=CLIENTS).filter(|other| *other != client);
            neighbors.for_each(|other| masks.push(pair_seed(client, other), client > other));
            masks.mask(ring(), 0, &words, &mut wire);
            Ok(())
        })?;
        clients.push(spent);
        let mut spool = MemorySpool::default();
        spool.append(&wire)?;
        spools.push(spool);
    }
    let uploads: Vec<(ClientId, &dyn Spool)> =
        (1..).zip(&spools).map(|(id, spool)| (ClientId(id), spool as &dyn Spool)).collect();
    let (plan, mut result) = (plan(&session)?, vec![0.0; VALUES]);
    let mut server = Duration::ZERO;
    timed(&mut server, || -> Result<()> {
        let plan = UnmaskPlan::decode(&plan)?;
        let sum = PartialSum::new(&session, plan.shard().clone(), &uploads)?;
        let sum = sum.unmask(&plan).map_err(veilsum::Error::from)?;
        mean(|position, words| sum.read(position, words), &mut result)
    })?;
    check(values, &result)?;
    clients.sort();
    Ok(Run { client: clients[clients.len() / 2], server, bytes: wire.len() })
}

fn session() -> Result<Session> {
    let key = |seed: u64| {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        SigningIdentity::from_seed(&bytes).public_key()
    };
    let roster = (1..=CLIENTS).map(|id| (ClientId(id), key(id)));
    let bound = Bound::Exact { max_abs: quantizer()?.max_abs() };
    Ok(Session::builder(roster, key(0), VALUES as u64 + 1, BITS, bound).build()?)
}

fn self_seed(client: u64) -> [u8; 32] {
    pair_seed(client, client)
}

fn pair_seed(a: u64, b: u64) -> [u8; 32] {
    let mut seed = [1; 32];
    seed[..8].copy_from_slice(&a.min(b).to_le_bytes());
    seed[8..16].copy_from_slice(&a.max(b).to_le_bytes());
    seed
}

/// What takes the masks off again: those of the survivors' own, and those against who dropped out (docs/protocol.md, section 12.1).
fn plan(session: &Session) -> Result<Vec<u8>> {
    let survivors = 1..=CLIENTS - DROPPED;
    let mut shard = session.encode()[..3].to_vec();
    shard.extend(session.id().0);
    shard.extend([0; 32]);
    shard.extend(0_u64.to_le_bytes());
    shard.extend(session.vector_len().to_le_bytes());
    shard.extend(u32::try_from(CLIENTS - DROPPED)?.to_le_bytes());
    survivors.clone().for_each(|id| shard.extend(id.to_le_bytes()));
    ShardDescriptor::decode(&shard)?;
    let mut plan = u32::try_from(shard.len())?.to_le_bytes().to_vec();
    plan.extend(shard);
    plan.extend(u32::try_from((CLIENTS - DROPPED) * (1 + DROPPED))?.to_le_bytes());
    for client in survivors {
        plan.push(1);
        plan.extend(self_seed(client));
        for dropped in CLIENTS - DROPPED + 1..=CLIENTS {
            plan.push(u8::from(client < dropped));
            plan.extend(pair_seed(client, dropped));
        }
    }
    Ok(plan)
}
