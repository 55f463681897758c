//! Holds the mirrors against the core's own source: what the core offers is offered here too, or it is said why not.
//!
//! It reads text, as `rustfmt` writes it, and no types: a function counts as mirrored when the `impl` block that mirrors its type calls it by its
//! name. That the call does what it should is for the tests in Kotlin and Swift.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What makes or fills in a provider of the app's own.
const OWN: &str = "an app's own provider is part of the configuration's JSON";

/// Functions and variants without a mirror, each with the reason. (A macro writes `Reason`, which crosses as its name: this scan does not see it.)
const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("Completed", "into_session", "moving out of a value is for Rust; `session` is mirrored"),
    ("Config", "as_another_process", "for the core's own tests, and in no build that ships"),
    ("Config", "builder", "a configuration crosses as JSON, which says the same"),
    ("Config", "with_store_key", "`open` takes a `StoreKeyOrigin`, which calls it"),
    ("Config", "with_store_key_source", "`open` takes a `StoreKeyOrigin`, which calls it"),
    ("Error", "is_login_required", "the variant `LoginRequired` says it"),
    ("Freshness", "secs", "`millis` says the same"),
    ("Freshness", "stored", "a session's `profile` is the stored one"),
    ("JournalEvent", "*", "an event crosses as its name"),
    ("Method", "as_str", "the methods are an enum in each language"),
    ("MinValidity", "secs", "`millis` says the same"),
    ("Provider", "avatar_url_at", OWN),
    ("Provider", "device_authorization_endpoint", OWN),
    ("Provider", "email_at", OWN),
    ("Provider", "from_json", OWN),
    ("Provider", "name", OWN),
    ("Provider", "name_at", OWN),
    ("Provider", "oauth2", OWN),
    ("Provider", "revocation_endpoint", OWN),
    ("Provider", "scope", OWN),
];

/// Types without any mirror.
const LEFT_OUT_TYPES: &[(&str, &str)] = &[
    ("ConfigBuilder", "a configuration crosses as JSON, which says the same"),
    ("KeyAlgorithm", "the configuration's JSON names it: `key_algorithm`"),
    (
        "OsKeyring",
        "only there with the core's feature `keyring`, which this library does without: the host's keystore answers a callback",
    ),
    ("RefreshPolicy", "the configuration's JSON names it: `refresh_policy`"),
    ("Registration", "registrations are part of the configuration's JSON"),
];

/// Types that are mirrored where another one is.
const INSIDE: &[(&str, &str)] = &[
    ("Config", "Keyfob"),
    ("ErrorKind", "Error"),
    ("Freshness", "Keyfob"),
    ("MinValidity", "Keyfob"),
    ("OAuthError", "Error"),
    ("SystemClock", "Clock"),
];

/// `impl` blocks of this crate whose head does not name the core's type.
const MIRRORS: &[(&str, &str)] = &[
    ("BrowserLogin", "impl BrowserLogin {"),
    ("Keyfob", "impl Keyfob {"),
    ("LoginControl", "impl LoginControl {"),
    ("StoreKey", "impl StoreKey {"),
    ("TransportError", "impl From<TransportError> for"),
];

/// A public function of the core, or a variant of a public enum.
type Items = BTreeMap<String, BTreeSet<String>>;

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            // A module of tests is the last thing of a file.
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
            found.push((path, code));
        }
    }
    found
}

/// The top-level blocks whose first line `wanted` accepts, as the text that it made of that line and the lines of the block.
fn blocks<T>(code: &str, wanted: impl Fn(&str) -> Option<T>) -> Vec<(T, Vec<&str>)> {
    let mut found: Vec<(T, Vec<&str>)> = Vec::new();
    let mut open = false;
    for line in code.lines() {
        if let Some(head) = wanted(line).filter(|_| line.ends_with('{')) {
            found.push((head, Vec::new()));
            open = true;
        } else if line == "}" {
            open = false;
        } else if let Some((_, lines)) = found.last_mut().filter(|_| open) {
            lines.push(line);
        }
    }
    found
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The words of the core root's `pub use` items, which may each be several lines.
fn exported(lib: &str) -> BTreeSet<&str> {
    let uses = lib.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    uses.flat_map(|names| names.split(|c: char| !c.is_alphanumeric() && c != '_')).collect()
}

fn items_of_the_core() -> (Items, Items) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/src");
    let lib = fs::read_to_string(folder.join("lib.rs")).unwrap();
    let exported: BTreeSet<_> =
        exported(&lib).into_iter().filter(|word| word.starts_with(char::is_uppercase)).collect();
    let (mut functions, mut variants) = (Items::new(), Items::new());
    let public = |name: String| exported.contains(name.as_str()).then_some(name);
    for (_, code) in sources(&folder) {
        for (of, lines) in blocks(&code, |line| public(name(line.strip_prefix("impl ")?))) {
            let lines = lines.iter().filter_map(|line| line.strip_prefix("    pub "));
            let heads = lines.filter_map(|line| line.trim_start_matches("const ").strip_prefix("fn "));
            functions.entry(of).or_default().extend(heads.map(name));
        }
        for (of, lines) in blocks(&code, |line| public(name(line.strip_prefix("pub trait ")?))) {
            let heads = lines.iter().filter_map(|line| line.strip_prefix("    fn "));
            functions.entry(of).or_default().extend(heads.map(name));
        }
        for (of, lines) in blocks(&code, |line| public(name(line.strip_prefix("pub enum ")?))) {
            let heads = lines.iter().filter_map(|line| line.strip_prefix("    "));
            let heads = heads.filter(|line| line.starts_with(char::is_uppercase));
            variants.entry(of).or_default().extend(heads.map(name));
        }
    }
    for of in &exported {
        functions.entry((*of).to_owned()).or_default();
    }
    (functions, variants)
}

/// The code of this crate.
fn code_here() -> String {
    let here = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let here = here.into_iter().filter(|(path, _)| !path.ends_with("coverage.rs"));
    here.map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

/// The text of the `impl` blocks here that mirror a type of the core.
fn mirror(code: &str, of: &str) -> String {
    let own = MIRRORS.iter().find(|(name, _)| *name == of).map(|(_, head)| *head);
    let heads = [format!("keyfob::{of} "), format!("keyfob::{of}>"), format!("impl {of} for Adapter")];
    let is_mirror = |line: &str| {
        let by_name = line.starts_with("impl ") && heads.iter().any(|head| line.contains(head));
        (by_name || own.is_some_and(|head| line.starts_with(head))).then_some(())
    };
    blocks(code, is_mirror).into_iter().flat_map(|(_, lines)| lines).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_free_function_of_the_core_has_a_mirror() {
    let core = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/src"));
    let (_, lib) = core.iter().find(|(path, _)| path.ends_with("core/src/lib.rs")).unwrap();
    let words = exported(lib);
    // The entrance of the fuzz targets is no API.
    let api = core.iter().filter(|(path, _)| !path.components().any(|part| part.as_os_str() == "fuzzing"));
    let heads = api.flat_map(|(_, code)| code.lines()).filter_map(|line| line.strip_prefix("pub fn "));
    let functions: Vec<_> = heads.map(name).filter(|name| words.contains(name.as_str())).collect();
    assert!(functions.iter().any(|name| name == "providers"), "the scan sees what is known to be there");

    let code = code_here();
    let missing: Vec<_> = functions.iter().filter(|name| !code.contains(&format!("keyfob::{name}("))).collect();
    assert!(missing.is_empty(), "the core has these functions, and Kotlin and Swift have not: {missing:#?}");
}

#[test]
fn everything_public_in_the_core_has_a_mirror_or_a_reason() {
    let (functions, variants) = items_of_the_core();
    // The scan itself: it sees what is known to be there.
    assert!(functions["Keyfob"].contains("begin_login") && functions["Session"].contains("id_token"));
    assert!(functions["Transport"].contains("send") && variants["Revocation"].contains("Failed"));
    assert!(variants["SessionState"].contains("Ended") && functions["LoginOptions"].len() >= 8);

    let code = code_here();
    let mut used = BTreeSet::new();
    let mut missing = Vec::new();
    let mut check = |of: &str, item: &str, mirrored: bool| {
        if mirrored {
            return;
        }
        let reason = LEFT_OUT.iter().find(|(a, b, _)| *a == of && (*b == item || *b == "*"));
        match reason {
            Some((a, b, _)) => drop(used.insert((*a, *b))),
            None => missing.push(format!("{of}::{item}")),
        }
    };
    for (of, items) in &functions {
        if LEFT_OUT_TYPES.iter().any(|(name, _)| name == of) {
            continue;
        }
        let place = INSIDE.iter().find(|(name, _)| name == of).map_or(of.as_str(), |(_, place)| place);
        let text = mirror(&code, place);
        for item in items {
            let called = [format!(".{item}("), format!("::{item}("), format!("fn {item}(")];
            check(of, item, called.iter().any(|call| text.contains(call)));
        }
    }
    for (of, items) in &variants {
        // The kinds have a test of their own beside `KeyfobError`.
        if LEFT_OUT_TYPES.iter().any(|(name, _)| name == of) || of == "ErrorKind" {
            continue;
        }
        let own = blocks(&code, |line| line.strip_prefix("pub enum ").filter(|rest| name(rest) == *of).map(drop));
        let own: Vec<_> = own.into_iter().flat_map(|(_, lines)| lines).map(|line| name(line.trim_start())).collect();
        for item in items {
            check(of, item, own.contains(item));
        }
    }
    assert!(missing.is_empty(), "the core has these, and Kotlin and Swift have not: {missing:#?}");
    let stale: Vec<_> = LEFT_OUT.iter().filter(|(a, b, _)| !used.contains(&(*a, *b))).collect();
    assert!(stale.is_empty(), "these reasons are for nothing: {stale:#?}");
    let gone: Vec<_> = LEFT_OUT_TYPES.iter().filter(|(name, _)| !functions.contains_key(*name)).collect();
    assert!(gone.is_empty(), "the core has no such types: {gone:#?}");
}
