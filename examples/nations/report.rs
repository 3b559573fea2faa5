//! The tables of the example.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::{
    History, OtherKeys,
    data::{NATIONS, World},
    last,
    learn::{Learner, PARAMETERS},
    round::STEPS,
};

/// What goes in.
pub(crate) fn world(world: &World) -> String {
    let images: usize = world.nations.iter().map(|nation| nation.data.len()).sum();
    format!("{} nations, {images} images among them, {} images held out that none has seen\n\n", NATIONS.len(), world.test.len())
}

pub(crate) fn accuracy(world: &World, history: &History, alone: &[(&str, Vec<f32>)], pooled: &[f32]) -> String {
    let (mut text, rounds, federated) = (String::new(), history.secure.len(), last(&history.secure));
    let best = alone.iter().map(|(_, curve)| last(curve)).fold(0.0, f32::max);
    let (gain, gap) = (100.0 * (federated - best), 100.0 * (last(pooled) - federated));
    let _ = writeln!(text, "accuracy on the held-out images after {rounds} rounds");
    for ((name, curve), nation) in alone.iter().zip(&world.nations) {
        let _ = writeln!(text, "  {name:<10} alone {:>4} images {:>7.1} %", nation.data.len(), 100.0 * last(curve));
    }
    let _ = writeln!(text, "  best nation alone       {:>7.1} %", 100.0 * best);
    let _ =
        writeln!(text, "  together, secure sums   {:>7.1} %   {gain:+.1} points over the best nation alone", 100.0 * federated);
    let _ = writeln!(text, "  together, in the clear  {:>7.1} %", 100.0 * last(&history.plain));
    let _ = writeln!(text, "  all data in one place   {:>7.1} %   {gap:+.1} points over secure sums", 100.0 * last(pooled));
    let _ = writeln!(text, "\ndrop-outs in {rounds} rounds: {}", history.dropouts);
    let _ = writeln!(text, "largest difference between secure sum and plain sum: {} ring units", history.difference);
    text
}

pub(crate) fn costs(history: &History, other_keys: &OtherKeys) -> String {
    let (mut text, costs, rounds) = (String::new(), &history.federation.costs, history.secure.len());
    let result = if other_keys.same_result { "the same result, bit for bit" } else { "ANOTHER RESULT" };
    let _ = writeln!(
        text,
        "one round again with other keys: {result}; {:.2} % of the masked bytes equal (by chance: 0.39 %)",
        100.0 * other_keys.equal_bytes
    );
    if costs.clipped > 0 {
        let _ = writeln!(text, "parameters clipped: {}", costs.clipped);
    }
    let _ = writeln!(
        text,
        "\nkilobytes per nation and round            up     down   ({:.1} for the model alone)",
        kilobytes(PARAMETERS as u64 * 4, 1)
    );
    for (name, (up, down)) in NATIONS.iter().zip(&costs.traffic) {
        let _ = writeln!(text, "  {name:<34} {:>7.1} {:>8.1}", kilobytes(*up, rounds), kilobytes(*down, rounds));
    }
    let _ = writeln!(text, "\nseconds in all {rounds} rounds           nations   server");
    for (step, (nations, server)) in STEPS.iter().zip(&costs.seconds) {
        let _ = writeln!(text, "  {step:<34} {:>7.2} {:>8.2}", nations.as_secs_f64(), server.as_secs_f64());
    }
    let model: Vec<u8> = history.model.parameters().iter().flat_map(|parameter| parameter.to_le_bytes()).collect();
    let _ = writeln!(text, "\nsha256 of the final model  {}", hex::encode(Sha256::digest(model)));
    let _ = writeln!(text, "sha256 of all bytes sent   {}", hex::encode(costs.wire.clone().finalize()));
    text
}

#[allow(clippy::cast_precision_loss, reason = "for display")]
fn kilobytes(bytes: u64, rounds: usize) -> f64 {
    bytes as f64 / 1000.0 / rounds as f64
}
