//! Whether compiled code branches on secrets, or takes addresses from them: memcheck looks at every instruction.
//!
//! `constant_time/check` builds it, runs it under valgrind, and fails unless every case is clean and every control fires. A function
//! runs with its secrets marked as undefined, so memcheck reports each conditional jump and each address that depends on them. Its
//! control runs it again and then branches on its result: if memcheck does not report that, the secret never reached the result, and the
//! clean run said nothing. What is public though it depends on a secret is in `public.supp`, each with its reason.

mod cases;
mod memcheck;

use std::{collections::BTreeSet, env, hint::black_box, process::ExitCode};

/// A function, what of it is secret, and a run with that poisoned: its results, as bytes.
struct Case {
    function: &'static str,
    secret: &'static str,
    run: fn() -> Vec<u8>,
}

const fn case(function: &'static str, secret: &'static str, run: fn() -> Vec<u8>) -> Case {
    Case { function, secret, run }
}

impl Case {
    fn name(&self) -> String {
        format!("{}: {}", self.function, self.secret)
    }
}

fn main() -> ExitCode {
    if !memcheck::is_watching() {
        eprintln!("this says nothing unless valgrind watches: run constant_time/check");
        return ExitCode::from(2);
    }
    let only = env::args().nth(1);
    println!("instructions that valgrind shows: {}", instructions());
    println!("{:<66} {:>7} {:>8}", "function, and its secret", "errors", "control");
    let (mut functions, mut checked, mut bad) = (BTreeSet::new(), 0, 0);
    for case in cases::all() {
        let (name, run) = (case.name(), case.run);
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let before = memcheck::errors();
        let mut result = run();
        let found = memcheck::errors() - before;
        memcheck::clear(&mut result);
        black_box(&result);
        let fires = control(&run());
        println!("{name:<66} {found:>7} {:>8}", if fires { "fires" } else { "SILENT" });
        functions.insert(case.function);
        checked += 1;
        bad += usize::from(found > 0 || !fires);
    }
    println!("{checked} cases of {} functions, {bad} not as they should be", functions.len());
    if bad == 0 && checked > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether a branch on a result is reported.
fn control(result: &[u8]) -> bool {
    let before = memcheck::errors();
    // A call on one side keeps the compiler from doing without a branch.
    if result.iter().fold(0, |all, byte| all ^ byte).count_ones() % 2 == 1 {
        black_box(odd());
    }
    memcheck::errors() > before
}

#[inline(never)]
fn odd() -> usize {
    black_box(1)
}

/// What run-time detection finds here: valgrind has no AVX-512, so those paths are not run.
fn instructions() -> String {
    let found = [
        ("aes", is_x86_feature_detected!("aes")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("vaes", is_x86_feature_detected!("vaes")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512ifma", is_x86_feature_detected!("avx512ifma")),
    ];
    found.map(|(name, has)| format!("{name} {}", if has { "yes" } else { "no" })).join(", ")
}
