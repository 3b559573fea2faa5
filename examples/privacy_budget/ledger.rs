//! What an exported ledger says.

use std::error::Error;

use serde_json::{Map, Value, json};
use veilsum::account::{Accountant, Ledger, PldAccountant, RdpAccountant, ZCdpAccountant, calibrate};

use crate::cli::print;

/// Prints what has been spent and what is left.
pub(crate) fn report(text: &str, as_json: bool) -> Result<(), Box<dyn Error>> {
    let ledger: Ledger = serde_json::from_str(text)?;
    let (budget, relation) = (ledger.budget(), ledger.relation());
    let spent = ledger.spent()?;
    // What an accountant can not know is said in its place.
    let by = |mut accountant: Box<dyn Accountant>| -> Value {
        let epsilon = ledger.replay(accountant.as_mut()).and_then(|()| accountant.epsilon(budget.delta));
        epsilon.map_or_else(|error| json!(error.to_string()), |epsilon| json!(epsilon))
    };
    let spent_by = [
        ("zCDP".to_owned(), by(Box::new(ZCdpAccountant::new(relation)))),
        ("RDP".to_owned(), by(Box::new(RdpAccountant::new(relation)))),
        ("PLD".to_owned(), by(Box::new(PldAccountant::new(relation)))),
    ];
    let (remaining, left) = ((budget.epsilon - spent).max(0.0), rounds_left(&ledger));
    if as_json {
        let summary = json!({
            "relation": relation, "rounds": ledger.rounds().len(), "budget": budget, "spent": spent, "remaining": remaining,
            "rounds_left_like_the_last": left, "spent_by": spent_by.into_iter().collect::<Map<_, _>>(),
        });
        print(&format!("{}\n", serde_json::to_string_pretty(&summary)?));
        return Ok(());
    }
    let by: String = spent_by.iter().map(|(name, value)| format!("by {name:<8}{value}\n")).collect();
    print(&format!(
        "{} rounds recorded, neighbours by {relation:?}\n\
         budget     epsilon {} at delta {:e}\n\
         spent      {spent:.4} (by the Rényi accountant, which the ledger uses)\n\
         remaining  {remaining:.4}\n\
         {by}rounds left like the last one: {left}\n",
        ledger.rounds().len(),
        budget.epsilon,
        budget.delta
    ));
    Ok(())
}

/// How often the last event fits into what is left.
fn rounds_left(ledger: &Ledger) -> u64 {
    let Some(last) = ledger.rounds().last() else { return 0 };
    let left = calibrate::most_rounds(ledger.budget(), |rounds| {
        let mut accountant = RdpAccountant::new(ledger.relation());
        ledger.replay(&mut accountant)?;
        accountant.compose(&last.event, rounds)?;
        Ok(accountant)
    });
    // Not even one.
    left.unwrap_or(0)
}
