//! The fuzz targets with every file of their corpora (`fuzz/corpus`), each a test: what once broke something, and what once reached code that nothing else did.
// Not once more where the core is tested without its default features: there is a target less, and none that is another.
#![cfg(feature = "ureq")]
#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

#[path = "support/schemas.rs"]
mod schemas;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use keyfob::fuzzing::TARGETS;
use schemas::{Kind, must_agree};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The names in a folder of `fuzz/`.
fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Does with each file what the target does.
fn replay(name: &str) {
    let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let kind = match name {
        "config" => Some(Kind::Config),
        "provider" => Some(Kind::Provider),
        _ => None,
    };
    let mut files: Vec<_> =
        fs::read_dir(fuzz().join("corpus").join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "{name} has {} files only", files.len());
    let breaks = |path: &PathBuf| {
        let data = fs::read(path).unwrap();
        let run = || {
            target(&data);
            kind.map(|kind| must_agree(kind, &data))
        };
        catch_unwind(run).is_err()
    };
    let broken: Vec<_> = files.iter().filter(|path| breaks(path)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

macro_rules! replayed {
    ($($name:ident)*) => {
        const REPLAYED: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*
    };
}

replayed! { config device id_token jwks jws loopback metadata provider redirect retry_after token_answer userinfo }

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(targets, REPLAYED.iter().map(|name| (*name).to_owned()).collect(), "each is replayed above");
    // The C ABI is no function of the core: what calls it is run by `cargo xtask fuzz` alone.
    let of_the_core = |folder: &str| {
        let mut names = names(folder);
        assert!(names.remove("c_abi"));
        names
    };
    assert_eq!(targets, of_the_core("fuzz_targets"));
    assert_eq!(targets, of_the_core("corpus"));
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in &targets {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        let source = fs::read_to_string(fuzz().join("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(source.contains(&format!("keyfob::fuzzing::{name}(data)")), "{name} calls its own function");
    }
}
