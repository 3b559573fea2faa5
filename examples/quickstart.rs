//! A whole session in memory: five clients, one of which drops out. The README shows this file.

#![allow(clippy::cast_possible_truncation, clippy::panic_in_result_fn, reason = "ids are below 6; the assertion is the point")]

use std::sync::Arc;

use veilsum::{
    Bound, ClientId, Error, Identity, Session, SigningIdentity,
    driver::{Client, ClientStep, Server, ServerStep},
    secagg::upload::MemorySpool,
};

fn main() -> Result<(), Error> {
    let mut rng = rand::rng();
    // Everybody knows everybody's identity key and the rules in advance, and builds the descriptor alone.
    let host = Arc::new(SigningIdentity::generate(&mut rng)?);
    let generate = |id| Ok((ClientId(id), Arc::new(SigningIdentity::generate(&mut rng)?)));
    let identities: Vec<_> = (1..=5).map(generate).collect::<Result<_, Error>>()?;
    let roster = identities.iter().map(|(id, identity)| (*id, identity.public_key()));
    let session = Session::builder(roster, host.public_key(), 3, 16, Bound::Exact { max_abs: 1000 }).build()?;

    let mut server = Server::new(&session, host)?;
    let mut clients = Vec::new();
    for (id, identity) in identities {
        let (client, advert) = Client::join(&session, id, identity, &mut rng)?;
        server.receive(&advert)?;
        clients.push((id, client));
    }
    let mut step = server.close()?;
    while let ServerStep::Send(outbox) = step {
        for (id, client) in &mut clients {
            let Some(message) = outbox.message_for(*id) else { continue };
            match client.receive(&message, &mut rng)? {
                ClientStep::Send(answer) | ClientStep::Done(answer, _) => drop(server.receive(&answer)?),
                ClientStep::GiveInput if *id != ClientId(4) => {
                    let (mut upload, mut wire) = (server.upload(*id, MemorySpool::default())?, Vec::new());
                    client.mask(&[id.0 as u32, 10, 100], &mut wire)?; // in pieces of any size
                    upload.write(&wire)?;
                    server.accept(&mut upload, &client.finish()?)?;
                }
                _ => {} // client 4 sends nothing more
            }
        }
        clients.retain(|(_, client)| !client.awaits_input());
        step = server.close()?;
    }
    let ServerStep::Sum(sum) = step else { return Ok(()) };
    let mut words = [0_u32; 3];
    sum.read(0, &mut words)?;
    println!("the sum over {:?} is {words:?}", sum.survivors());
    assert_eq!(words, [1 + 2 + 3 + 5, 40, 400]);
    Ok(())
}
