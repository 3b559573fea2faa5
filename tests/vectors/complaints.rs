//! Complaints: what a client that was cheated sends, and what everybody makes of complaints.

use veilsum::{ClientFault, ClientId, Error, Session, secagg::complaint::judge};

use crate::{
    descriptors::descriptor,
    json::Node,
    play::{Player, client_field},
};

pub(crate) fn complaints(section: &Node<'_>) {
    let session = descriptor(&section.get("descriptor"));
    section.list("clients").iter().for_each(|client| drop(awaiting_delivery(&session, client)));
    let wrong: Vec<String> = section.list("cases").iter().filter_map(|case| one(section, &session, case).err()).collect();
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// Uses every value of a client, also of one that never complains.
fn awaiting_delivery(session: &Session, client: &Node<'_>) -> Player {
    let (mut player, _) = Player::join(session, client);
    assert!(player.hear(&client.hex("adverts")).unwrap().is_some());
    player
}

fn one(section: &Node<'_>, session: &Session, case: &Node<'_>) -> Result<(), String> {
    let (name, raw) = (case.get("name").text(), case.hex("complaint"));
    let (row, code) = (case.get("row").number(), case.get("code").number());
    let blames = case.get("blames");
    let blames = (!blames.is_null()).then(|| ClientId(blames.number()));
    let complainer = client_field(&raw).unwrap();
    let (culprit, got) = match judge(session, &raw) {
        Ok(verdict) => {
            assert_eq!(verdict.complainer, complainer, "{name}");
            (Some(verdict.culprit), verdict.fault.code())
        }
        Err(error) => (None, error.code()),
    };
    made(section, session, case, &raw, blames);
    if (culprit, u64::from(got)) != (blames, code) {
        return Err(format!("{name}: {culprit:?} {got}, expected {blames:?} {code}"));
    }
    assert!(rows(blames, complainer, code).contains(&row), "{name}");
    Ok(())
}

/// The complaint that a client makes of a Delivery, byte by byte.
fn made(section: &Node<'_>, session: &Session, case: &Node<'_>, raw: &[u8], dealer: Option<ClientId>) {
    let delivery = case.get("delivery");
    if delivery.is_null() {
        return;
    }
    let me = client_field(raw).unwrap();
    let mut player = awaiting_delivery(session, &section.by_id("clients", "id", me.0).unwrap());
    let failure = player.hear(&delivery.bytes()).unwrap_err();
    assert!(failure.complaint.as_deref() == Some(raw));
    assert_eq!(failure.error, Error::Client { culprit: dealer.unwrap(), fault: ClientFault::BadDealing });
    assert!(failure.ended);
}

/// The rows of section 14 that a verdict can come from.
fn rows(blames: Option<ClientId>, complainer: ClientId, code: u64) -> &'static [u64] {
    match blames {
        None => &[1],
        Some(id) if id == complainer && code == 301 => &[1],
        Some(id) if id == complainer => &[2, 4, 6],
        Some(_) if code == 309 => &[5],
        Some(_) => &[3],
    }
}
