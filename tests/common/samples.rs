//! One real message of every type, from a session of three.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use veilsum::{
    ClientId, Session,
    message::{Bytes, Complaint, Delivery, Message},
};

use crate::{
    common::{Feed, World, record},
    forge::{DELIVERY, SHARES, sign},
};

pub struct Samples {
    pub world: World,
    pub session: Session,
    /// By type.
    pub messages: BTreeMap<u8, Vec<u8>>,
}

/// Messages to and from client 20, which has a client below it and one above.
pub fn samples() -> Samples {
    let mut world = World::new(3, 1);
    let session = world.builder(70, 20).build().unwrap();
    let inputs = world.inputs(&session);
    let mut record = record(&mut world, &session, &inputs, &Feed::default());
    let me = ClientId(20);
    let announcement = record.sum.announce().unwrap().0.message_for(me).unwrap();
    let mine = |message: &Vec<u8>| message[36..44] == me.0.to_le_bytes();
    let all = record.messages.into_iter().chain([announcement]).filter(mine);
    let mut messages: BTreeMap<u8, Vec<u8>> = all.map(|message| (message[35], message)).collect();
    let complaint = complain(&session, &messages[&DELIVERY], &world);
    messages.insert(complaint[35], complaint);
    assert_eq!(messages.len(), 11);
    assert!(messages.contains_key(&SHARES));
    Samples { world, session, messages }
}

/// What the recipient of a delivery says if it complains about its first dealer, whose envelope key it makes up.
pub fn complain(session: &Session, delivery: &[u8], world: &World) -> Vec<u8> {
    let Message { client, prev, body, .. } = Message::<Delivery>::decode(delivery).unwrap();
    let package = body.packages[0].clone();
    let entry = body.dealings.into_iter().find(|entry| entry.client == package.peer).unwrap();
    let complaint = Complaint { dealer: package.peer, key: Bytes([0x5a; 32]), entry, package };
    sign(session, client, prev.0, &complaint, &*world.clients[&client])
}

/// Calls a macro with every type of message and its type byte.
#[macro_export]
macro_rules! for_each_message_type {
    ($call:ident) => {
        $call!(Advert, 0x01);
        $call!(Adverts, 0x11);
        $call!(Shares, 0x02);
        $call!(Delivery, 0x12);
        $call!(Complaint, 0x03);
        $call!(MaskedInput, 0x04);
        $call!(Survivors, 0x14);
        $call!(Consistency, 0x06);
        $call!(Agreement, 0x16);
        $call!(Reveal, 0x07);
        $call!(Announcement, 0x18);
    };
}
