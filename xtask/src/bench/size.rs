//! How large libkeyfob is, and whose each part of it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::metrics::{Laboratory, Values, float};
use crate::run::Run;
use crate::setup::{NM, Tool};
use crate::workspace::FFI;

pub(super) const NEEDS: &[&Tool] = &[&NM];

/// Whose functions have these words in their names.
const OURS: [&str; 1] = ["keyfob"];

/// The parts of C, by the library that Cargo built of each: their names say nothing.
const IN_C: [(&str, &str); 2] = [("SQLite", "liblibsqlite3_sys-"), ("ring", "libring-")];

pub(super) fn measure(lab: &Laboratory<'_>) -> Result<Values> {
    let workspace = lab.workspace;
    let library = workspace.build_release(FFI)?.join(workspace.dynamic_library(FFI)?);
    let folder = workspace.scratch("bench/size")?;
    let stripped = folder.join("libkeyfob.so");
    Run::new("strip").arg("-o").arg(&stripped).arg(&library).quiet().run()?.must("strip")?;
    let bytes = fs::metadata(&stripped)?.len();
    // The copy goes: -n leaves its name and time out, so that the same library has the same size.
    Run::new("gzip").args(["-9", "-n", "-f"]).arg(&stripped).quiet().run()?.must("gzip")?;
    let zipped = fs::metadata(folder.join("libkeyfob.so.gz"))?.len();
    let parts = parts(&library)?;
    let ours = parts.get("Keyfob").copied().unwrap_or_default();
    Ok(vec![
        ("M8.bytes", float(bytes)),
        ("M8.gzip_bytes", float(zipped)),
        ("M8.own_percent", (1000.0 * float(ours) / float(bytes)).round() / 10.0),
    ])
}

/// The sizes of all symbols, by whose they are.
pub(super) fn parts(library: &Path) -> Result<BTreeMap<String, u64>> {
    let deps = library.parent().context("a library without a folder")?.join("deps");
    let mut in_c = Vec::new();
    for (part, beginning) in IN_C {
        in_c.push((part, names(&newest(&deps, beginning)?)?));
    }
    let list = |demangle: &[&str]| {
        let nm = Run::new("nm").args(["-S", "--defined-only"]).args(demangle).arg(library).quiet();
        nm.run()?.must("nm")
    };
    let (raw, readable) = (list(&[])?, list(&["-C"])?);
    let mut sizes = BTreeMap::new();
    for (raw, readable) in raw.lines().zip(readable.lines()) {
        let Some((size, symbol)) = sized(raw) else { continue };
        let Some((_, name)) = sized(readable) else { continue };
        let part = in_c.iter().find(|(_, names)| names.contains(symbol)).map(|(part, _)| *part);
        *sizes.entry(part.unwrap_or_else(|| owner(name)).to_owned()).or_default() += size;
    }
    Ok(sizes)
}

/// `ADDRESS SIZE TYPE NAME`.
fn sized(line: &str) -> Option<(u64, &str)> {
    let mut words = line.splitn(4, ' ');
    let size = u64::from_str_radix(words.nth(1)?, 16).ok()?;
    Some((size, words.nth(1)?))
}

/// Whose a function is, by its name. A generic one is of whoever's types it is made for, and that is us where we are among them.
fn owner(name: &str) -> &'static str {
    const TLS: [&str; 2] = ["rustls", "webpki"];
    const HTTP: [&str; 4] = ["ureq", "http", "httparse", "httpdate"];
    const STANDARD: [&str; 8] =
        ["core", "std", "alloc", "gimli", "addr2line", "miniz_oxide", "rustc_demangle", "hashbrown"];
    let is = |names: &[&str]| names.iter().any(|it| first_crate(name).starts_with(it));
    if OURS.iter().any(|ours| name.contains(ours)) {
        "Keyfob"
    } else if name.starts_with("ring") || is(&["ring"]) || name.contains("nistz256") {
        "ring"
    } else if is(&TLS) {
        "TLS (rustls)"
    } else if is(&HTTP) {
        "HTTP (ureq)"
    } else if is(&STANDARD) {
        "Rust's standard library"
    } else {
        "the rest"
    }
}

/// The first crate in a demangled name, past what stands before a path.
fn first_crate(name: &str) -> &str {
    name.trim_start_matches(|c: char| !c.is_ascii_lowercase())
}

/// The library of a dependency that was built last: features may have changed since an earlier one.
fn newest(deps: &Path, beginning: &str) -> Result<std::path::PathBuf> {
    let entries = fs::read_dir(deps)?.flatten().map(|entry| entry.path());
    let ours = entries.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(beginning) && name.ends_with(".rlib")
    });
    let newest = ours.max_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    newest.with_context(|| format!("{} has no {beginning}", deps.display()))
}

/// The names that the C code of a library defines; Rust's are mangled.
fn names(library: &Path) -> Result<BTreeSet<String>> {
    let text = Run::new("nm").arg("--defined-only").arg(library).quiet().run()?.must("nm")?;
    let names = text.lines().filter_map(|line| line.split_whitespace().nth(2));
    Ok(names.filter(|name| !name.starts_with("_ZN") && !name.starts_with("_R")).map(str::to_owned).collect())
}
