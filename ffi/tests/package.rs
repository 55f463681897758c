//! What packagers build has the ABI's number in its name, as what `cargo xtask install` makes has.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::fs;
use std::path::Path;

#[test]
fn the_library_of_cargo_c_has_the_abi_s_number() {
    let header = read("../include/keyfob.h");
    let abi = after(&header, "#define KEYFOB_ABI_VERSION ");
    let manifest = read("Cargo.toml");
    let library = manifest.split_once("[package.metadata.capi.library]").unwrap().1;
    assert_eq!(after(library, "version = \"").split('.').next(), Some(abi));
}

/// The word after a text.
fn after<'a>(text: &'a str, before: &str) -> &'a str {
    let rest = text.split_once(before).unwrap().1;
    rest.split(|at: char| at.is_whitespace() || at == '"').next().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
