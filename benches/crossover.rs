//! What masking and unmasking cost with pairwise and with lattice masks, by the number of clients: the table and the chart behind
//! `Masking::recommended`.
//!
//! `cargo bench --bench crossover` writes `benches/crossover.svg` and prints the table. One core; medians; words of 16 bits and their
//! sum's, 2^20 of them; a tenth of the clients drop out before their uploads. Keys are derived anew each time.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

mod common;

use std::{error::Error, hint::black_box, time::Instant};

use plotters::prelude::*;
use veilsum::{
    Bound, ClientId, Identity, LatticeSet, Masking, Session, SigningIdentity,
    hazmat::{ClientMasks, ServerSum},
};

const WORDS: u64 = 1 << 20;
/// The server's pairwise masks grow with the square of the clients, and in proportion to the words: fewer will do.
const FEW_WORDS: u64 = 1 << 16;
const MAX_ABS: u64 = (1 << 15) - 1;
const CLIENTS: [u64; 10] = [4, 6, 8, 12, 16, 24, 32, 64, 128, 195];
/// Of a quick run, which draws no chart.
const FEW_CLIENTS: [u64; 2] = [16, 32];
const SETS: [(&str, Masking); 3] = [
    ("pairwise", Masking::Pairwise),
    ("lattice, L96", Masking::Lattice(LatticeSet::L96)),
    ("lattice, L188", Masking::Lattice(LatticeSet::L188)),
];

fn session(n: u64, words: u64, masking: Masking) -> Session {
    let identity = |seed: u64| {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        SigningIdentity::from_seed(&bytes).public_key()
    };
    let roster = (1..=n).map(|id| (ClientId(id), identity(id)));
    let bits = u8::try_from(64 - (2 * n * MAX_ABS).leading_zeros()).unwrap();
    let builder = Session::builder(roster, identity(0), words, bits, Bound::Exact { max_abs: MAX_ABS }).masking(masking);
    builder.min_honest(2).max_dropouts(if n == 4 { 1 } else { (n - 1) as u32 / 3 }).build().unwrap()
}

fn seeds(count: u64) -> Vec<([u8; 32], bool)> {
    let seed = |k: u64| {
        let mut seed = [5; 32];
        seed[..8].copy_from_slice(&k.to_le_bytes());
        (seed, k % 2 == 1)
    };
    (0..count).map(seed).collect()
}

/// The median of some runs, each after a preparation that is not timed, in nanoseconds a word.
fn median<T>(words: u64, mut prepare: impl FnMut() -> T, mut run: impl FnMut(T)) -> f64 {
    let mut times: Vec<f64> = (0..8)
        .map(|_| {
            let prepared = prepare();
            let begun = Instant::now();
            run(prepared);
            begun.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2] * 1e9 / words as f64
}

/// Client, server, bytes: for each word of the vector.
fn measure(n: u64, masking: Masking) -> [f64; 3] {
    let (session, words) = (session(n, WORDS, masking), vec![1_u32; WORDS as usize]);
    let (own, mut wire) = (seeds(n), Vec::new());
    let client = median(
        WORDS,
        || ClientMasks::new(&session, &own, [3; 32]),
        |mut masks| masks.mask(0, black_box(&words), &mut wire).unwrap(),
    );
    let bytes = wire.len() as f64 / WORDS as f64;
    [client, server(n, masking, if masking == Masking::Pairwise { FEW_WORDS } else { WORDS }), bytes]
}

/// Nanoseconds a word to unmask a sum from which a tenth of the clients dropped out.
fn server(n: u64, masking: Masking, len: u64) -> f64 {
    let (dropped, session, words) = ((n / 10).max(1), session(n, len, masking), vec![1_u32; len as usize]);
    let opened = seeds((n - dropped) * (1 + dropped));
    let mut upload = Vec::new();
    ClientMasks::new(&session, &opened, [3; 32]).mask(0, &words, &mut upload).unwrap();
    let mut out = vec![0_u32; words.len()];
    // The sum of the uploads costs the same whatever drops out: only its unmasking is timed, keys and all.
    let time =
        median(len, || ServerSum::new(&session, &[&upload], &opened).unwrap(), |sum| sum.read(0, black_box(&mut out)).unwrap());
    assert_eq!(out, words, "what is masked and unmasked is what it was");
    time
}

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    common::one_thread();
    println!("{:>8} | client ns, server ns, bytes for each word", "clients");
    let mut rows = Vec::new();
    let quick = common::quick();
    for &n in if quick { &FEW_CLIENTS[..] } else { &CLIENTS } {
        let row = SETS.map(|(_, masking)| measure(n, masking));
        let cells = row.map(|[client, server, bytes]| format!("{client:8.2} {server:9.2} {bytes:6.3}"));
        println!("{n:>8} | {}", cells.join(" | "));
        rows.push((n as f64, row));
    }
    if quick {
        return Ok(());
    }
    let (pairwise, lattice) = (server(195, SETS[0].1, FEW_WORDS), server(195, SETS[1].1, 10_000_000));
    println!("server, 195 clients, 10^7 words: {pairwise:.1} and {lattice:.2} ns a word, ratio {:.0}", pairwise / lattice);
    draw(&rows)
}

const COLORS: [RGBColor; 3] = [RGBColor(190, 45, 60), RGBColor(0, 90, 181), RGBColor(20, 130, 85)];

/// Three panels side by side: clients by powers of two, times by powers of ten, bytes as they are.
fn draw(rows: &[(f64, [[f64; 3]; 3])]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new("benches/crossover.svg", (1260, 440)).into_drawing_area();
    root.fill(&WHITE)?;
    let titles = ["client, ns a word", "server, ns a word", "upload, bytes a word"];
    for (place, (panel, title)) in root.split_evenly((1, 3)).iter().zip(titles).enumerate() {
        let scaled = |value: f64| if place == 2 { value } else { value.log10() };
        let highest = rows.iter().flat_map(|(_, row)| row.iter().map(|cells| scaled(cells[place]))).fold(0.0, f64::max);
        let (first, last) = (rows[0].0.log2(), rows[rows.len() - 1].0.log2());
        let mut chart = ChartBuilder::on(panel)
            .caption(title, ("sans-serif", 20))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(48)
            .build_cartesian_2d(first..last, 0.0..highest * 1.3)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("clients")
            .x_labels(7)
            .y_labels(6)
            .x_label_formatter(&|value| format!("{:.0}", value.exp2()))
            .y_label_formatter(&|value| if place == 2 { format!("{value:.0}") } else { format!("{:.1}", 10_f64.powf(*value)) })
            .draw()?;
        for (k, ((name, _), color)) in SETS.iter().zip(COLORS).enumerate() {
            let points = rows.iter().map(|(n, row)| (n.log2(), scaled(row[k][place])));
            let line = chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
            line.label(*name).legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
        }
        chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).background_style(WHITE).draw()?;
    }
    root.present()?;
    Ok(())
}
