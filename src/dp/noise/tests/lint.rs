//! No floating-point number takes part in a decision about noise: the words do not occur in the sources.

use std::{fs, path::Path, vec::Vec};

#[test]
fn no_float_stands_between_a_seed_and_its_noise() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dp");
    let mut files: Vec<_> = fs::read_dir(directory.join("noise")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file() && !path.ends_with("tests.rs"));
    files.push(directory.join("noise.rs"));
    assert!(files.len() >= 10);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let floats = floats(&text);
        // Reports: the value of a refused parameter, and `Rational::to_f64`.
        assert!(floats.is_empty() || path.ends_with("law.rs"), "{}: {floats:?}", path.display());
    }
}

fn floats(text: &str) -> Vec<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let words = code.flat_map(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')));
    let is_literal = |word: &str| {
        word.split_once('.').is_some_and(|(whole, rest)| {
            whole.chars().all(|c| c.is_ascii_digit() || c == '_')
                && !whole.is_empty()
                && rest.starts_with(|c: char| c.is_ascii_digit())
        })
    };
    words
        .filter(|word| {
            matches!(*word, "f32" | "f64" | "libm") || word.ends_with("f64") || word.ends_with("f32") || is_literal(word)
        })
        .collect()
}

#[test]
fn the_lint_sees_floats() {
    assert_eq!(floats("let x = 0.5_f64;\nlet y: f32 = z as f64 + 1.0; // 2.0\n// f64\nself.0.to_f64()").len(), 6);
    assert!(floats("let [a, b] = self.0; (0..3); x.0.iter()").is_empty());
}
