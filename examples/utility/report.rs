//! The table as CSV, and what the program says.

use std::fmt::Write as _;

use crate::{
    experiment::Grid,
    findings::{CLOSE, Differ, Findings, LeastBits, Sooner, WithoutRotation},
    measure::Vectors,
    row::{Row, SKELLAM},
    scheme::Rotation,
};

/// One line for each point.
pub(crate) fn csv<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut text = String::from(
        "length,vectors,rotation,mechanism,clients,epsilon,bits,noise_multiplier,scale,inflation,mse,spread,planned_mse,central_mse,ratio,refused\n",
    );
    for row in rows {
        let (vectors, rotation) = (row.vectors.name(), row.rotation.name());
        let _ =
            write!(text, "{},{vectors},{rotation},{},{},{},{},", row.length, row.mechanism, row.clients, row.epsilon, row.bits);
        let _ = match (&row.measured, &row.refused) {
            (Some(m), _) => writeln!(
                text,
                "{},{},{},{:e},{:e},{:e},{:e},{},",
                m.noise_multiplier, m.scale, m.inflation, m.mse, m.spread, m.planned_mse, m.central_mse, m.ratio
            ),
            (None, reason) => writeln!(text, ",,,,,,,,\"{}\"", reason.as_deref().unwrap_or_default().replace('"', "\"\"")),
        };
    }
    text
}

/// All that is printed.
pub(crate) fn text(grid: &Grid, rows: &[Row], findings: &Findings) -> String {
    format!("{}\n{}\n{}\n", centrals(grid), ratios(grid, rows), sentences(grid, findings))
}

fn centrals(grid: &Grid) -> String {
    let mut text = format!(
        "Vectors of {} values and norm 1; delta {:e}; errors are mean squares per coordinate of the sum, over {} repetitions.\n\n\
         central Gaussian   noise multiplier   the least there is   error\n",
        grid.rules.length, grid.rules.delta, grid.repetitions
    );
    for central in &grid.centrals {
        let (noise, least) = (central.noise_multiplier, central.least_noise_multiplier);
        let _ = writeln!(text, "epsilon {:<8}{noise:>19.4}{least:>21.4}{:>8.3}", central.epsilon, central.squared_error());
    }
    text
}

/// The figures in numbers.
fn ratios(grid: &Grid, rows: &[Row]) -> String {
    let head: String = grid.bits.iter().map(|bits| format!("{bits:>6}")).collect();
    let mut text =
        format!("error / error of the central Gaussian, by bits (Skellam noise, rotated; -: refused)\nclients epsilon {head}\n");
    for &clients in &grid.clients {
        for central in &grid.centrals {
            let same = |row: &&Row| (row.clients, row.mechanism) == (clients, SKELLAM) && row.epsilon == central.epsilon;
            let same = rows.iter().filter(same).filter(|row| (row.vectors, row.rotation) == (Vectors::Sphere, Rotation::On));
            let ratios: String = same.map(|row| row.ratio().map_or("     -".into(), |ratio| format!("{ratio:>6.2}"))).collect();
            let _ = writeln!(text, "{clients:>7} {:>7} {ratios}", central.epsilon);
        }
    }
    text
}

fn sentences(grid: &Grid, findings: &Findings) -> String {
    let mut text = least_bits(&findings.least_bits);
    let f = findings;
    if let Some(ratio) = f.largest_ratio_there {
        let _ = writeln!(
            text,
            "With {} bits the error is at most {ratio:.3} of the central Gaussian's, for all of these.",
            f.at_bits
        );
    }
    if let Some(times) = f.excess_divided_per_bit {
        let _ = writeln!(
            text,
            "Each bit more divides what is above the central Gaussian's by {times:.1} (median; half the step has a quarter of the variance)."
        );
    }
    if let Some(Differ { on_average, at_most, by_chance }) = f.mechanisms {
        let [on_average, at_most, by_chance] = [on_average, at_most, by_chance].map(|part| 100.0 * part);
        let _ = writeln!(
            text,
            "The two mechanisms' errors differ by {on_average:+.1} % on average and by {at_most:.1} % at most; by chance alone by \
             {by_chance:.1} %, one standard deviation."
        );
    }
    if let Some(Sooner { clients, epsilon, skellam, discrete_gaussian }) = f.skellam_sooner {
        let _ = writeln!(
            text,
            "Skellam noise has plans in shorter words: with {clients} clients and epsilon {epsilon} from {skellam} bits on, discrete \
             Gaussian shares, which need a variance of 1, from {discrete_gaussian}."
        );
    }
    if let Some((low, high)) = f.measured_over_planned {
        let _ = writeln!(text, "Every error is between {low:.2} and {high:.2} of the bound that its plan states.");
    }
    for flat in &f.flattens {
        let _ = writeln!(
            text,
            "{} clients, {} bits: from the least epsilon to the largest the error falls to 1/{:.0}, the central Gaussian's to 1/{:.0}.",
            flat.clients, flat.bits, flat.divided_by, flat.central_divided_by
        );
    }
    let _ = writeln!(text, "\nWithout a rotation, at epsilon {}:", grid.middle().epsilon);
    f.rotation.iter().for_each(|without| text.push_str(&rotation(without)));
    text
}

fn least_bits(all: &[LeastBits]) -> String {
    let percent = 100.0 * (CLOSE - 1.0);
    let mut text = format!("least bits within {percent:.0} % of the central Gaussian\n");
    let _ = writeln!(
        text,
        "{:>7} {:>7} {:>18} {:>18} {:>21} {:>31}",
        "clients", "epsilon", "Skellam", "discrete Gaussian", "Skellam, not rotated", "discrete Gaussian, not rotated"
    );
    let bits = |bits: Option<u8>| bits.map_or_else(|| "-".to_owned(), |bits| bits.to_string());
    for least in all {
        let (skellam, gaussian) = (bits(least.skellam), bits(least.discrete_gaussian));
        let (skellam_off, gaussian_off) = (bits(least.skellam_not_rotated), bits(least.discrete_gaussian_not_rotated));
        let _ = write!(text, "{:>7} {:>7} {skellam:>18} {gaussian:>18}", least.clients, least.epsilon);
        let _ = writeln!(text, " {skellam_off:>21} {gaussian_off:>31}");
    }
    text + "\n"
}

fn rotation(without: &WithoutRotation) -> String {
    let bits = |bits: Option<u8>| bits.map_or("none of these".into(), |bits| format!("{bits} bits"));
    let mut text = format!(
        "{} clients: a plan takes {} instead of {}",
        without.clients,
        bits(without.least_bits_without),
        bits(without.least_bits)
    );
    if let Some(times) = without.times {
        let _ = write!(text, ", and has there {times:.2} times the error");
    }
    if let (Some((bits, spikes)), Some((_, sphere))) = (without.unplanned_spikes, without.unplanned_sphere) {
        let _ = write!(
            text,
            ". At the scale that is right with a rotation, which no plan returns, the error of spikes is up to {spikes:.1} times as large \
             (at {bits} bits), that of points of the sphere {sphere:.2} times"
        );
    }
    text + ".\n"
}
