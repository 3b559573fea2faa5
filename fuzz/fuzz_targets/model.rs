//! Any bytes as a model file of the example `aggregate`: no panic, nothing that the crate `safetensors` refuses is taken, and the numbers
//! that are read are written again as they were.
#![no_main]

use std::{fmt::Display, io::Write, path::Path};

use libfuzzer_sys::fuzz_target;
use safetensors::SafeTensors;
use tempfile::NamedTempFile;

#[allow(dead_code, reason = "the example uses the rest")]
#[path = "../../examples/aggregate/model.rs"]
mod model;

/// What the model's reader needs of the example's command line.
mod cli {
    use super::{Display, Path};

    #[derive(Debug)]
    pub(crate) struct Failure(#[allow(dead_code, reason = "for whoever reads a panic")] String);

    impl Failure {
        pub(crate) fn file(path: &Path, reason: impl Display) -> Self {
            Self(format!("{}: {reason}", path.display()))
        }
    }
}

fn open(bytes: &[u8]) -> Option<model::Model> {
    let mut file = NamedTempFile::new().expect("a temporary directory");
    file.write_all(bytes).expect("space for it");
    model::Model::open(file.path()).ok()
}

fuzz_target!(|bytes: &[u8]| {
    let Some(model) = open(bytes) else { return };
    let peer = SafeTensors::deserialize(bytes).expect("the format's own reader takes it");
    assert_eq!((peer.len(), model.header()), (model.tensors(), &bytes[..model.header().len()]));
    let data = &bytes[model.header().len()..];
    let mut numbers = vec![0.0; model.parameters()];
    model.read(0, &mut numbers).expect("as long as it says");
    assert!(model.read(1, &mut numbers.clone()).is_err(), "beyond the end");
    let nan = numbers.iter().any(|number| number.is_nan());
    let written = model.encode(0, &mut numbers).expect("its own numbers");
    // A signaling NaN becomes a quiet one.
    assert!(written == data || (nan && written.len() == data.len()));
    let layout = model.layout();
    let again = open(bytes).expect("as before").ordered_like(&model).expect("the same tensors");
    assert_eq!(again.layout(), layout);
});
