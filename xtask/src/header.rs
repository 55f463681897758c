//! `include/keyfob.h`, from the C ABI in `ffi/` by cbindgen; its prose is in `ffi/cbindgen.toml`, its version from Cargo.

use anyhow::{Context as _, Result, anyhow};

use crate::drift::{self, Mode};
use crate::workspace::Workspace;

const PATH: &str = "include/keyfob.h";

pub(crate) fn header(workspace: &Workspace, mode: Mode) -> Result<()> {
    drift::settle(workspace, PATH, &generate(workspace)?, mode, "cargo xtask header")
}

fn generate(workspace: &Workspace) -> Result<String> {
    let folder = workspace.root.join("ffi");
    let mut config = cbindgen::Config::from_file(folder.join("cbindgen.toml"))
        .map_err(|error| anyhow!("ffi/cbindgen.toml: {error}"))?;
    let includes = config.after_includes.unwrap_or_default();
    config.after_includes = Some(format!("{includes}\n{}", version_macros(&workspace.version)?));
    let bindings = cbindgen::Builder::new().with_crate(&folder).with_config(config).generate().context("cbindgen")?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(String::from_utf8(text)?)
}

/// The macros that a program compares with `keyfob_version_number()` and `keyfob_version_string()`.
fn version_macros(version: &str) -> Result<String> {
    // `1.2.3-rc.1` is number 1.2.3: a pre-release promises no order to the preprocessor.
    let numbers = version.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<u32> =
        numbers.split('.').map(str::parse).collect::<Result<_, _>>().with_context(|| format!("version {version}"))?;
    let [major, minor, patch] = parts[..] else { return Err(anyhow!("version {version} has not three parts")) };
    Ok(format!(
        r#"/** The version of this header. `keyfob_version_number()` and `keyfob_version_string()` give the library's. */
#define KEYFOB_VERSION_MAJOR {major}
#define KEYFOB_VERSION_MINOR {minor}
#define KEYFOB_VERSION_PATCH {patch}
#define KEYFOB_VERSION_NUMBER (KEYFOB_VERSION_MAJOR * 1000000 + KEYFOB_VERSION_MINOR * 1000 + KEYFOB_VERSION_PATCH)
#define KEYFOB_VERSION_STRING "{version}"
"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_the_version_has_its_own_macro() {
        let text = version_macros("1.22.333-rc.1").unwrap();
        for line in ["_MAJOR 1\n", "_MINOR 22\n", "_PATCH 333\n", "_STRING \"1.22.333-rc.1\"\n"] {
            assert!(text.contains(line), "{line:?} is not in {text}");
        }
    }

    #[test]
    fn a_version_of_two_parts_is_refused() {
        assert!(version_macros("1.2").is_err());
    }
}
