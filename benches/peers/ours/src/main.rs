//! veilsum's side of the comparison: the same round as the peers run, from `f32` values to the mean.
//!
//! `peer-ours RUNS data-plane` masks, adds and unmasks, with seeds that are there already. `peer-ours RUNS protocol` runs the whole
//! protocol between 100 clients and a server. Prints one line of JSON, and checks the mean that it computed.

mod data_plane;
mod protocol;

use std::{error::Error, time::Duration};

use veilsum::{Ring, dp::FixedPoint};

/// The round of the comparison: clients, those that drop out once the others have masked against them, values, bits of a word.
pub const CLIENTS: u64 = 100;
pub const DROPPED: u64 = 10;
pub const VALUES: usize = 1_000_000;
pub const BITS: u8 = 32;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One run: what one client and the server spent, and the bytes of one upload with its control messages.
pub struct Run {
    pub client: Duration,
    pub server: Duration,
    pub bytes: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [runs, part] = arguments.as_slice() else { return Err("usage: peer-ours RUNS data-plane|protocol".into()) };
    let run = match part.as_str() {
        "data-plane" => data_plane::run,
        "protocol" => protocol::run,
        other => return Err(format!("no part is called {other}").into()),
    };
    let values = values();
    let runs = (0..runs.parse()?).map(|_| run(&values)).collect::<Result<Vec<_>>>()?;
    let bytes = runs.last().ok_or("at least one run")?.bytes;
    let seconds = |of: fn(&Run) -> Duration| runs.iter().map(|run| of(run).as_secs_f64()).collect::<Vec<_>>();
    let (client, server) = (seconds(|run| run.client), seconds(|run| run.server));
    println!(r#"{{"peer": "veilsum", "part": "{part}", "client": {client:?}, "server": {server:?}, "bytes": {bytes}}}"#);
    Ok(())
}

/// The range that Flower quantizes by default, 8, to the same 2^22 steps.
pub fn quantizer() -> Result<FixedPoint> {
    Ok(FixedPoint::new(8.0, 18, 1)?)
}

/// Everybody's input: values of both signs, some close to the clipping range.
fn values() -> Vec<f32> {
    (0..VALUES as u32).map(|k| k.wrapping_mul(2_654_435_761) as i32 as f32 / (1_u32 << 28) as f32 * 0.99).collect()
}

pub fn ring() -> Ring {
    Ring::new(BITS).expect("32 bits fit")
}

/// A client's words: its values, quantized, and its weight.
pub fn quantize(values: &[f32], words: &mut Vec<u32>) -> Result<()> {
    let (ring, quantizer) = (ring(), quantizer()?);
    words.resize(VALUES + 1, 0);
    let (weight, words) = words.split_last_mut().ok_or("no words")?;
    quantizer.quantize(ring, 1, values, words)?;
    *weight = quantizer.weight_word(ring, 1)?;
    Ok(())
}

/// Reads the sum, piece by piece, and makes it a mean.
pub fn mean(read: impl Fn(u64, &mut [u32]) -> std::result::Result<(), veilsum::Error>, mean: &mut [f64]) -> Result<()> {
    const PIECE: usize = 1 << 16;
    let (ring, quantizer, mut words) = (ring(), quantizer()?, vec![0; PIECE]);
    let mut weight = [0];
    read(VALUES as u64, &mut weight)?;
    let total = quantizer.total_weight(ring, weight[0]);
    for (piece, mean) in mean.chunks_mut(PIECE).enumerate() {
        let words = &mut words[..mean.len()];
        read((piece * PIECE) as u64, words)?;
        quantizer.mean(ring, words, total, mean)?;
    }
    Ok(())
}

/// All clients have the same input, so that the mean is known: to half a step of the quantizer.
pub fn check(values: &[f32], mean: &[f64]) -> Result<()> {
    let far = values.iter().zip(mean).find(|(value, mean)| (f64::from(**value) - **mean).abs() > 0.5 / f64::from(1 << 18));
    far.map_or(Ok(()), |(value, mean)| Err(format!("the mean of {value} is {mean}").into()))
}

/// Adds the time of some work to a total.
pub fn timed<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = cpu();
    let result = work();
    *total += cpu() - started;
    result
}

/// Processor time of this process: on a busy machine a better measure of work than the time on the wall.
fn cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
