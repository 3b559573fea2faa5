//! Dependencies inside the crate point one way. Reads the sources, not the compiler's mind: every `crate::`, `super::` and `self::` path
//! is resolved to the module that it names, and each arrow has to be one of those below.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "layering/paths.rs"]
mod paths;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use paths::{exports, references, tokens};

/// From top to bottom: a module may use those in lower rows, never its own row or a higher one.
const LAYERS: [&[&str]; 6] =
    [&["driver", "audit"], &["secagg"], &["mask", "graph", "message"], &["crypto"], &["math", "session"], &["error"]];

/// What every module may use, and what these use themselves.
const LEAVES: [(&str, &[&str]); 4] = [("codec", &["error"]), ("hash", &["label"]), ("label", &[]), ("mutant", &[])];

/// Modules beside the layers: nothing uses them, and of the layers they use these.
const BESIDE: [(&str, &[&str]); 3] = [
    ("account", &["dp", "error"]),
    ("dp", &["crypto::prg", "crypto::secret", "math", "error"]),
    ("hazmat", &["crypto", "mask", "math", "session", "error"]),
];

/// Whether code in module `from` may name `path`.
fn allowed(from: &str, path: &str) -> bool {
    let to = path.split("::").next().unwrap();
    let rank = |module: &str| LAYERS.iter().position(|row| row.contains(&module));
    let names = |list: &[&str]| list.iter().any(|prefix| path == *prefix || path.starts_with(&format!("{prefix}::")));
    let listed =
        |table: &[(&str, &[&str])], module: &str| table.iter().find(|(name, _)| *name == module).map(|(_, list)| names(list));
    let is_leaf = LEAVES.iter().any(|(name, _)| *name == to);
    if let Some(listed) = listed(&LEAVES, from) {
        return from == to || listed;
    }
    if let Some(listed) = listed(&BESIDE, from) {
        return from == to || is_leaf || listed;
    }
    match (rank(from), rank(to)) {
        // The errors are the ground: a leaf may stand on them, so they stand on no leaf.
        (Some(_), None) => is_leaf && from != "error",
        (Some(upper), Some(lower)) => from == to || upper < lower,
        (None, _) => false,
    }
}

/// A source file: its place in the tree of modules, and its text.
struct File {
    module: Vec<String>,
    text: String,
}

/// Every arrow of these files that is not allowed.
fn wrong_arrows(files: &[File], lib: &str) -> Vec<String> {
    let exports = exports(lib);
    let mut wrong = BTreeSet::new();
    for File { module, text } in files {
        for path in references(module, text) {
            let mut target = path.join("::");
            if let Some(owner) = exports.get(&path[0]) {
                target = format!("{owner}::{target}");
            }
            if !allowed(&module[0], &target) {
                wrong.insert(format!("{} -> {target}", module.join("::")));
            }
        }
    }
    wrong.into_iter().collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules that a file declares, but for those that only tests have.
fn declared(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    tokens.windows(3).filter(|window| window[0] == "mod" && window[2] == ";").map(|window| window[1].clone()).collect()
}

/// The files of the library, as the compiler finds them from lib.rs without `cfg(test)`; lib.rs itself is not among them.
fn sources() -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    let mut waiting: Vec<Vec<String>> = declared(&lib()).into_iter().map(|name| vec![name]).collect();
    while let Some(module) = waiting.pop() {
        let text = fs::read_to_string(root().join(module.join("/")).with_extension("rs")).unwrap();
        waiting.extend(declared(&text).into_iter().map(|name| [&module[..], &[name]].concat()));
        files.push(File { module, text });
    }
    files
}

fn lib() -> String {
    fs::read_to_string(root().join("lib.rs")).unwrap()
}

#[test]
fn every_arrow_points_down() {
    let files = sources();
    assert!(files.len() > 30, "the sources are where they should be");
    assert_eq!(wrong_arrows(&files, &lib()), [""; 0]);
}

#[test]
fn the_arrows_that_there_are_have_been_seen() {
    let arrows: BTreeSet<(String, String)> = sources()
        .iter()
        .flat_map(|file| references(&file.module, &file.text).into_iter().map(|path| (file.module[0].clone(), path[0].clone())))
        .collect();
    let used = [
        ("driver", "secagg"),
        ("audit", "secagg"),
        ("secagg", "mask"),
        ("secagg", "message"),
        ("message", "crypto"),
        ("crypto", "session"),
    ];
    for (from, to) in
        used.into_iter().chain([("mask", "math"), ("crypto", "math"), ("dp", "math"), ("account", "dp"), ("session", "error")])
    {
        assert!(arrows.contains(&(from.to_owned(), to.to_owned())), "{from} -> {to}");
    }
}

/// What the checker says about one made-up file.
fn verdict(module: &str, text: &str) -> Vec<String> {
    let module = module.split("::").map(str::to_owned).collect();
    let lib = "pub mod secagg; pub use session::{Bound, Session as Descriptor}; pub use dp::FixedPoint; pub use error::Error;";
    wrong_arrows(&[File { module, text: text.to_owned() }], lib)
}

#[test]
fn the_checker_finds_a_wrong_arrow_wherever_it_is() {
    let wrong = [
        ("math::ring", "use crate::secagg::client;", "math::ring -> secagg::client"),
        ("math::ring", "use crate::{error::Error, secagg::{client::{self, join}, sum}};", "math::ring -> secagg::client"),
        ("math::ring", "use super::super::driver::Client;", "math::ring -> driver::Client"),
        ("session", "use super::crypto::sign::Identity;", "session -> crypto::sign::Identity"),
        ("session", "fn f() -> crate::message::Advert { todo!() }", "session -> message::Advert"),
        ("crypto::kem", "const X: char = '\"'; use crate::mask::Layout;", "crypto::kem -> mask::Layout"),
        ("crypto::kem", "fn f<'a>(x: &'a u8) {} use crate::mask as m;", "crypto::kem -> mask"),
        ("message::bodies", "mod inner { use super::super::super::mask::Layout; }", "message::bodies -> mask::Layout"),
        ("mask", "mod inner {} use super::message::Body;", "mask -> message::Body"),
        ("secagg::sum", "use crate::dp::FixedPoint;", "secagg::sum -> dp::FixedPoint"),
        ("secagg::sum", "use crate::FixedPoint;", "secagg::sum -> dp::FixedPoint"),
        ("dp::quantize", "use crate::{error::Error, secagg::sum::Sum};", "dp::quantize -> secagg::sum::Sum"),
        ("dp::quantize", "use crate::Bound;", "dp::quantize -> session::Bound"),
        ("dp::noise", "use crate::crypto::{prg::Prg, kdf::Kdf};", "dp::noise -> crypto::kdf::Kdf"),
        ("error", "use crate::codec::Reader;", "error -> codec::Reader"),
        ("codec", "use crate::session::Session;", "codec -> session::Session"),
        ("driver", "use crate::hazmat::Keystreams;", "driver -> hazmat::Keystreams"),
        ("novelty", "use crate::error::Error;", "novelty -> error::Error"),
        ("secagg", "use crate::novelty::Thing;", "secagg -> novelty::Thing"),
        ("secagg::sum", "use crate::audit::Transcript;", "secagg::sum -> audit::Transcript"),
        ("audit::verify", "use crate::driver::Server;", "audit::verify -> driver::Server"),
    ];
    for (module, text, expected) in wrong {
        assert!(verdict(module, text).contains(&expected.to_owned()), "{module}: {text}: {:?}", verdict(module, text));
    }
}

#[test]
fn the_checker_lets_right_arrows_pass() {
    let right = [
        ("math::ring", "// use crate::secagg;\n/// [`crate::Bound`]\n/* crate::driver */ const A: &str = \"crate::driver::X\";"),
        ("math::ring", "const B: &str = r#\"\"crate::driver::X\"#; use crate::error::Error;"),
        ("math::ring", "#[cfg(test)]\nmod tests { mod deep { use crate::secagg::client; } } use crate::error::Error;"),
        ("mutant", "#[cfg(test)]\npub(crate) use crate::driver::{A, B}; fn f() {}"),
        ("secagg::server::collect", "use super::{Host, inputs::{self, Unmasking}}; use crate::{crypto, mask::*, codec::Reader};"),
        ("message", "mod inner { use super::{Bytes, fmt}; }"),
        ("hazmat", "use crate::{crypto::secret::Secret, mask::Masks, session::SessionId};"),
        ("dp::noise", "use crate::{crypto::prg::Prg, math::ring::Ring, error::Error, codec::Reader};"),
    ];
    for (module, text) in right {
        assert_eq!(verdict(module, text), [""; 0], "{module}: {text}");
    }
}

/// Lines that are neither empty nor a comment.
fn lines_of_code(text: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn no_file_is_too_long() {
    for File { module, text } in sources() {
        let generated = text.lines().next().is_some_and(|line| line.contains("@generated"));
        assert!(generated || lines_of_code(&text) <= 450, "{} has {} lines of code", module.join("::"), lines_of_code(&text));
    }
}

#[test]
fn unsafe_code_is_forbidden_and_there_is_none() {
    let manifest = fs::read_to_string(root().join("../Cargo.toml")).unwrap();
    let lints = manifest.split("[lints.rust]").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(lints.lines().any(|line| line == "unsafe_code = \"forbid\"") || lib().contains("#![forbid(unsafe_code)]"));
    for File { module, text } in sources() {
        assert!(!tokens(&text).contains(&"unsafe".to_owned()), "{}", module.join("::"));
    }
}

/// The library opens no socket, reads no clock, and prints nothing.
#[test]
fn nothing_touches_the_outside() {
    let forbidden = ["std::net", "std::time", "std::fs", "std::env", "std::process", "std::io", "std::thread"];
    let printing = ["println", "eprintln", "print", "eprint", "dbg"].map(|name| format!("{name}!"));
    let touches = |text: &str| {
        let code = tokens(text).concat();
        forbidden.iter().map(|path| (*path).to_owned()).chain(printing.clone()).find(|what| code.contains(what))
    };
    for File { module, text } in sources() {
        // The one place that stores anything: a spool in a file.
        if module != ["secagg", "spool"] {
            assert_eq!(touches(&text), None, "{}", module.join("::"));
        }
    }
    assert_eq!(touches("use std :: time::Instant;"), Some("std::time".to_owned()), "the check itself");
    assert_eq!(touches("fn f() { println! (\"\") }"), Some("println!".to_owned()));
}
