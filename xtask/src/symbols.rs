//! `ffi/symbols.txt`: every symbol that libkeyfob exports, so that a change of the ABI is a line in a diff.

use std::env;
use std::path::Path;

use anyhow::{Result, bail};

use crate::drift::{self, Mode};
use crate::run::Run;
use crate::workspace::{FFI, Workspace};

const PATH: &str = "ffi/symbols.txt";
const PREFIX: &str = "keyfob_";

pub(crate) fn symbols(workspace: &Workspace, mode: Mode) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the list is made from an ELF library: run this on Linux, not {}", env::consts::OS);
    }
    let names = exported_by(&workspace.build_release(FFI)?.join(workspace.dynamic_library(FFI)?))?;
    drift::settle(workspace, PATH, &names, mode, "cargo xtask symbols")
}

/// What a shared library exports, one name a line; an error if one of them is not ours.
pub(crate) fn exported_by(library: &Path) -> Result<String> {
    let nm = Run::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library).quiet();
    exported(&nm.run()?.must("nm")?)
}

/// `NAME TYPE VALUE SIZE` lines to sorted names, one a line. Anything without our prefix would collide in somebody's program.
fn exported(nm: &str) -> Result<String> {
    let mut names: Vec<_> = nm.lines().filter_map(|line| line.split_whitespace().next()).collect();
    names.sort_unstable();
    let foreign: Vec<_> = names.iter().filter(|name| !name.starts_with(PREFIX)).copied().collect();
    if !foreign.is_empty() {
        bail!("libkeyfob exports symbols without the prefix {PREFIX}: {}", foreign.join(", "));
    }
    if names.is_empty() {
        bail!("libkeyfob exports nothing");
    }
    Ok(names.iter().map(|name| format!("{name}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_one_a_line() {
        let nm = "keyfob_open T 000000000000a200 0000000000000010\nkeyfob_free T 000000000000a100 10\n";
        assert_eq!(exported(nm).unwrap(), "keyfob_free\nkeyfob_open\n");
    }

    #[test]
    fn a_foreign_symbol_is_refused_by_name() {
        let error = exported("keyfob_open T a 1\nsqlite3_open T b 1\n").unwrap_err();
        assert!(error.to_string().contains("sqlite3_open"), "{error}");
        assert!(exported("").is_err());
    }
}
