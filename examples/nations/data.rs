//! Who holds which images.
//!
//! The data are 1,797 handwritten digits (see `examples/data/README.md`). A
//! quarter is held out as a test set that no nation sees. The nations share
//! the rest, unevenly: each has plenty of images of three digits and almost
//! none of the other seven, so that none can learn to read alone. Which nation
//! holds what is invented; the images are real.

#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are constants, and numbers of images are exact in f32"
)]

use std::{error::Error, io::Read};

use flate2::read::GzDecoder;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};

/// Grey values per image: 8 rows of 8.
pub(crate) const PIXELS: usize = 64;
/// The digits 0 to 9.
pub(crate) const CLASSES: usize = 10;

/// Names of the nations.
pub(crate) const NATIONS: [&str; 12] =
    ["Brazil", "Canada", "Egypt", "Ghana", "India", "Japan", "Kenya", "Mexico", "Norway", "Portugal", "Thailand", "Uruguay"];

/// Relative amount of data each nation holds (invented).
const SIZES: [f32; NATIONS.len()] = [1.5, 1.0, 0.8, 0.5, 1.6, 1.2, 0.7, 1.3, 0.6, 0.9, 1.1, 0.5];
const GREY_LEVELS: f32 = 16.0;
const TEST_SHARE: f32 = 0.25;
/// Digits of which a nation holds plenty.
const FAMILIAR_CLASSES: usize = 3;
/// Images of any other digit, for each image of a familiar one.
const UNFAMILIAR_SHARE: f32 = 0.05;

/// One handwritten digit.
#[derive(Clone, Debug)]
pub(crate) struct Digit {
    /// Grey values from 0 (paper) to 1 (ink), row by row.
    pub(crate) pixels: [f32; PIXELS],
    /// The digit shown, 0 to 9.
    pub(crate) label: usize,
}

/// A nation and the images that never leave it.
#[derive(Clone, Debug)]
pub(crate) struct Nation {
    /// Name for tables and plots.
    pub(crate) name: String,
    /// Training data of this nation.
    pub(crate) data: Vec<Digit>,
}

/// Who holds which images.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// The nations; twelve of them in the order of [`NATIONS`].
    pub(crate) nations: Vec<Nation>,
    /// Images no nation has seen, the same share of every class.
    pub(crate) test: Vec<Digit>,
}

impl World {
    /// Loads the digits and deals them out to so many nations; equal seeds give
    /// equal worlds, and the same test set however many nations there are.
    pub(crate) fn new(seed: u64, nations: usize) -> Result<Self, Box<dyn Error>> {
        let mut generator = StdRng::seed_from_u64(seed);
        let mut classes = load_classes()?;
        classes.shuffle(&mut generator);
        let mut nations: Vec<_> = (0..nations).map(|place| Nation { name: name(place, nations), data: vec![] }).collect();
        let mut test = Vec::new();
        for (class, mut digits) in classes.into_iter().enumerate() {
            digits.shuffle(&mut generator);
            let training = digits.split_off(share(digits.len(), TEST_SHARE));
            test.append(&mut digits);
            deal(class, training, &mut nations);
        }
        Ok(Self { nations, test })
    }

    /// All training data in one place, only to compare with.
    pub(crate) fn pooled(&self) -> Vec<Digit> {
        let each = self.nations.iter().map(|nation| nation.data.as_slice());
        each.collect::<Vec<_>>().concat()
    }
}

/// Reads the compressed file, one list of images per digit.
fn load_classes() -> Result<Vec<Vec<Digit>>, Box<dyn Error>> {
    let packed: &[u8] = include_bytes!("../data/digits.csv.gz");
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text)?;
    let mut classes = vec![Vec::new(); CLASSES];
    for line in text.lines() {
        let digit = parse_line(line)?;
        let class = classes.get_mut(digit.label).ok_or("label above 9")?;
        class.push(digit);
    }
    Ok(classes)
}

/// Parses 64 grey values and the label, separated by commas.
fn parse_line(line: &str) -> Result<Digit, Box<dyn Error>> {
    let values: Vec<u8> = line.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let (label, pixels) = values.split_last().ok_or("empty line")?;
    let pixels: [u8; PIXELS] = pixels.try_into()?;
    let pixels = pixels.map(|grey| f32::from(grey) / GREY_LEVELS);
    let label = usize::from(*label);
    Ok(Digit { pixels, label })
}

fn name(place: usize, nations: usize) -> String {
    if nations == NATIONS.len() { NATIONS[place].into() } else { format!("nation {}", place + 1) }
}

/// Deals the images of one class to the nations in proportion to demand.
fn deal(class: usize, digits: Vec<Digit>, nations: &mut [Nation]) {
    let total: f32 = (0..nations.len()).map(|place| demand(place, class)).sum();
    let images = digits.len();
    let mut rest = digits.into_iter();
    let (mut served, mut dealt) = (0.0, 0);
    for (place, nation) in nations.iter_mut().enumerate() {
        served += demand(place, class);
        let end = share(images, served / total);
        nation.data.extend(rest.by_ref().take(end - dealt));
        dealt = end;
    }
}

/// How much a nation wants of a class. Nation 0 is familiar with the first
/// three classes, nation 1 with the next three, and so on, around the ten.
fn demand(nation: usize, class: usize) -> f32 {
    let first = nation * FAMILIAR_CLASSES % CLASSES;
    let familiar = (class + CLASSES - first) % CLASSES < FAMILIAR_CLASSES;
    SIZES[nation % SIZES.len()] * if familiar { 1.0 } else { UNFAMILIAR_SHARE }
}

/// That share of a number of images, to the nearest image, never above it.
fn share(images: usize, share: f32) -> usize {
    ((images as f32 * share).round() as usize).min(images)
}
