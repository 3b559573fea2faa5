//! That no type with secrets prints its fields, whether or not a test ever prints one: by the source.

use std::{fs, path::Path};

/// A definition of a type: what is derived, its name, and its fields.
struct Definition {
    derives: String,
    name: String,
    fields: String,
}

/// Every `struct` and `enum` of a file that `rustfmt` has laid out.
fn definitions(text: &str) -> Vec<Definition> {
    let (mut found, mut derives) = (Vec::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let mut words = line.split(|c: char| c.is_whitespace() || "({<;".contains(c)).filter(|word| !word.is_empty());
        if line.trim_start().starts_with("#[derive(") {
            derives += line;
        } else if words.by_ref().any(|word| ["struct", "enum"].contains(&word)) && !line.trim_start().starts_with("//") {
            let mut fields = line.to_owned();
            if line.ends_with('{') {
                let end = format!("{}}}", " ".repeat(indent));
                lines.by_ref().take_while(|line| *line != end).for_each(|line| fields += line);
            }
            found.push(Definition {
                derives: std::mem::take(&mut derives),
                name: words.next().unwrap_or_default().to_owned(),
                fields,
            });
        } else if !line.trim_start().starts_with("#[") && !line.trim_start().starts_with("//") {
            derives.clear();
        }
    }
    found
}

/// Types that are wiped, or have a field that is, and print their fields all the same.
fn indiscreet(text: &str) -> Vec<String> {
    let wiped = |of: &Definition| {
        let implemented =
            |what: &str| text.lines().any(|line| line.starts_with("impl") && line.contains(&format!("{what} for {}", of.name)));
        of.derives.contains("Zeroize")
            || of.fields.contains("Zeroizing<")
            || (implemented("Drop") && text.contains(".zeroize()"))
            || implemented("ZeroizeOnDrop")
    };
    let bad = definitions(text).into_iter().filter(|of| of.derives.contains("Debug") && wiped(of));
    bad.map(|of| of.name).collect()
}

fn sources(directory: &Path, out: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, out);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            out.push(fs::read_to_string(entry).unwrap());
        }
    }
}

#[test]
fn no_type_that_is_wiped_prints_its_fields() {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    assert_eq!(texts.iter().flat_map(|text| indiscreet(text)).collect::<Vec<_>>(), [""; 0]);
    let all: Vec<_> = texts.iter().flat_map(|text| definitions(text)).collect();
    let known = ["Secret", "SecretScalar", "Share", "MaskingInput", "Session", "Error", "Transcript"];
    assert!(known.iter().all(|name| all.iter().any(|of| of.name == *name)) && all.len() > 250, "{}", all.len());
}

#[test]
fn a_type_that_is_wiped_and_prints_its_fields_is_found() {
    let good = "#[derive(Clone, Debug)]\npub struct Open {\n    a: u8,\n}\n\n#[derive(Clone)]\npub struct Key([u8; 32]);\n\nimpl Drop for Key {\n    // self.0.zeroize()\n}\n";
    assert_eq!(indiscreet(good), [""; 0]);
    assert_eq!(indiscreet(&good.replace("(Clone)", "(Clone, Debug)")), ["Key"]);
    assert_eq!(indiscreet(&good.replace("a: u8", "a: Zeroizing<Vec<u8>>")), ["Open"]);
    let generic = "    #[derive(Debug)]\n    /// A key.\n    pub(super) struct Many<T> {\n        a: T,\n    }\n\nimpl<T> ZeroizeOnDrop for Many<T> {}\n";
    assert_eq!(indiscreet(generic), ["Many"]);
}
