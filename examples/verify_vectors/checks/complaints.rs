//! Complaints: what a client that was cheated sends, and what everybody makes of complaints.

use veilsum::{ClientFault, ClientId, Error, Session, secagg::complaint::judge};

use super::{
    context::Context,
    descriptors::descriptor,
    node::{At, Node, Outcome},
    play::{Player, client_field},
    tally::Tally,
};

pub(crate) fn complaints(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    let session = descriptor(&group.get("descriptor")?)?;
    for client in group.list("clients")? {
        // Also of one that never complains.
        tally.case(&client, || awaiting_delivery(&session, &client).map(drop));
    }
    for case in group.list("cases")? {
        tally.case(&case, || one(group, &session, &case));
    }
    Ok(())
}

fn awaiting_delivery(session: &Session, client: &Node<'_>) -> Outcome<Player> {
    let (mut player, _) = Player::join(session, client)?;
    let answer = player.hear_good(client, &client.hex("adverts")?)?;
    client.holds(answer.is_some(), "a client that sends Shares")?;
    Ok(player)
}

fn one(group: &Node<'_>, session: &Session, case: &Node<'_>) -> Outcome {
    let (raw, row, code) = (case.hex("complaint")?, case.get("row")?, case.get("code")?.number()?);
    let blames = case.get("blames")?.number_or_null()?.map(ClientId);
    let complainer = client_field(&raw).at(case)?;
    let (culprit, got) = match judge(session, &raw) {
        Ok(verdict) => {
            case.same(complainer, verdict.complainer)?;
            (Some(verdict.culprit), verdict.fault.code())
        }
        Err(error) => (None, error.code()),
    };
    case.same((blames, code), (culprit, got.into()))?;
    row.holds(rows(blames, complainer, code).contains(&row.number()?), "a row that this verdict can come from")?;
    made(group, session, case, &raw, blames)
}

/// The complaint that a client makes of a Delivery, byte by byte.
fn made(group: &Node<'_>, session: &Session, case: &Node<'_>, raw: &[u8], dealer: Option<ClientId>) -> Outcome {
    let delivery = case.get("delivery")?;
    if delivery.is_null() {
        return Ok(());
    }
    let client = group.by_id("clients", "id", client_field(raw).at(case)?.0)?;
    let failure = awaiting_delivery(session, &client)?.hear(&delivery.bytes()?).err().at(&delivery)?;
    case.is("complaint", failure.complaint.as_deref().unwrap_or_default())?;
    let expected = Error::Client { culprit: dealer.at(case)?, fault: ClientFault::BadDealing };
    delivery.same((expected, true), (failure.error, failure.ended))
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
