//! `cargo xtask install`: libkeyfob where C and C++ programs find it, by pkg-config and by CMake.
//!
//! Nothing of it knows where it lies: the folder can be moved, and packed up. What is installed:
//!
//! ```text
//! include/                      the headers
//! lib/libkeyfob.so.X.Y.Z        the shared library, with the links libkeyfob.so.N (its name for programs) and libkeyfob.so
//! lib/libkeyfob.a               the static one, in which only keyfob_… is to be seen
//! lib/pkgconfig/keyfob.pc       lib/cmake/keyfob/
//! share/licenses/keyfob/
//! ```

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::run::Run;
use crate::symbols::exported_by;
use crate::workspace::{FFI, Workspace, files};

/// What a program needs besides the static library, as the linker wants it: the C library's parts. Systems that have them in one
/// keep empty ones for the names.
const PRIVATE_LIBS: &[&str] = &["-lpthread", "-ldl", "-lm"];

const PKG_CONFIG: &str = include_str!("../../ffi/package/keyfob.pc.in");
const CMAKE: &str = include_str!("../../ffi/package/keyfobConfig.cmake.in");
const CMAKE_VERSION: &str = include_str!("../../ffi/package/keyfobConfigVersion.cmake.in");

/// Installs below `prefix`, or for a packager below `DESTDIR` and there at `prefix`.
pub(crate) fn by_hand(workspace: &Workspace, prefix: &Path) -> Result<()> {
    let root = place(&std::path::absolute(prefix)?, env::var_os("DESTDIR"));
    install(workspace, &root)?;
    println!("installed libkeyfob {} in {}", workspace.version, root.display());
    Ok(())
}

/// An absolute prefix, below the folder in which a packager collects.
fn place(prefix: &Path, destination: Option<OsString>) -> PathBuf {
    match destination.filter(|folder| !folder.is_empty()) {
        Some(folder) => Path::new(&folder).join(prefix.strip_prefix("/").unwrap_or(prefix)),
        None => prefix.to_owned(),
    }
}

/// Installs in a folder, over what an earlier installation left there.
pub(crate) fn install(workspace: &Workspace, root: &Path) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("names and symbols are those of ELF libraries: this runs on Linux, not {}", env::consts::OS);
    }
    let release = workspace.build_release(FFI)?;
    let lib = root.join("lib");
    for folder in ["include", "lib/pkgconfig", "lib/cmake/keyfob", "share/licenses/keyfob"] {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    for ending in ["h", "hpp"] {
        for header in files(&workspace.root.join("include"), ending) {
            copy(&header, &root.join("include"))?;
        }
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&workspace.root.join(licence), &root.join("share/licenses/keyfob"))?;
    }

    let built = release.join(workspace.dynamic_library(FFI)?);
    let soname = soname(&built)?;
    let shared = format!("libkeyfob.so.{}", workspace.version);
    put(&lib.join(&shared), |file| fs::copy(&built, file).map(drop))?;
    link(&shared, &lib.join(&soname))?;
    link(&soname, &lib.join("libkeyfob.so"))?;
    archive(workspace, &built, &lib.join("libkeyfob.a"))?;

    let major = workspace.version.split('.').next().unwrap_or_default();
    let fill = |template: &str| {
        template
            .replace("@VERSION@", &workspace.version)
            .replace("@MAJOR@", major)
            .replace("@SHARED@", &shared)
            .replace("@SONAME@", &soname)
            .replace("@POINTER_BYTES@", &size_of::<usize>().to_string())
    };
    let pkg_config = fill(PKG_CONFIG).replace("@PRIVATE_LIBS@", &PRIVATE_LIBS.join(" "));
    put(&lib.join("pkgconfig/keyfob.pc"), |file| fs::write(file, &pkg_config))?;
    let cmake = fill(CMAKE).replace("@PRIVATE_LIBS@", &PRIVATE_LIBS.join(";"));
    put(&lib.join("cmake/keyfob/keyfobConfig.cmake"), |file| fs::write(file, &cmake))?;
    let cmake_version = fill(CMAKE_VERSION);
    put(&lib.join("cmake/keyfob/keyfobConfigVersion.cmake"), |file| fs::write(file, &cmake_version))
}

/// The static library in which only `keyfob_…` is to be seen: a program has its own SQLite beside ours, or another Rust library.
///
/// All that the exported functions need is linked into one object, in which everything else becomes local. Sections stay apart, so a
/// program's `--gc-sections` still drops what it does not use; groups of sections are dissolved, because the linker would take another
/// library's group of the same name for ours.
fn archive(workspace: &Workspace, shared: &Path, to: &Path) -> Result<()> {
    let work = workspace.scratch("archive")?;
    let [linked, object, roots] = ["linked.o", "keyfob.o", "roots"].map(|name| work.join(name));
    let wanted: String = exported_by(shared)?.lines().map(|name| format!("--undefined={name}\n")).collect();
    fs::write(&roots, wanted)?;
    let mut wish = OsString::from("@");
    wish.push(&roots);
    let link = Run::new("ld").args(["--relocatable", "--gc-sections", "--force-group-allocation", "-o"]);
    link.arg(&linked).arg(wish).arg(shared.with_extension("a")).quiet().run()?.must("ld")?;
    let hide = Run::new("objcopy").args(["--strip-debug", "--wildcard", "--keep-global-symbol=keyfob_*"]);
    // Bitcode of Rust's standard library: nobody links it, and it is of another LLVM than the one that `ar` may ask about it.
    let hide = hide.args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"]);
    hide.arg(&linked).arg(&object).quiet().run()?.must("objcopy")?;
    let packed = work.join("libkeyfob.a");
    // D: without times and users, so that the same object makes the same library.
    Run::new("ar").arg("rcsD").arg(&packed).arg(&object).quiet().run()?.must("ar")?;
    put(to, |file| fs::copy(&packed, file).map(drop))
}

/// The name that the shared library was built with.
fn soname(library: &Path) -> Result<String> {
    let said = Run::new("readelf").args(["-d", "-W"]).arg(library).quiet().run()?.must("readelf")?;
    let name = said.lines().filter(|line| line.contains("(SONAME)")).find_map(|line| {
        let (_, rest) = line.split_once('[')?;
        rest.split(']').next()
    });
    name.map(str::to_owned).with_context(|| format!("{} has no soname", library.display()))
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().context("a file without a name")?;
    put(&folder.join(name), |to| fs::copy(file, to).map(drop))
}

fn link(target: &str, at: &Path) -> Result<()> {
    let run = Run::new("ln").args(["-sfn", target]).arg(at);
    run.quiet().run()?.must("ln").map(drop)
}

/// Puts something in the place of what is there: a library that a program has loaded is replaced, not written over.
fn put(to: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => make(to),
    }
    .with_context(|| format!("cannot write {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packager_collects_below_destdir() {
        let usr = Path::new("/usr");
        assert_eq!(place(usr, Some("/tmp/package".into())), Path::new("/tmp/package/usr"));
        assert_eq!(place(usr, Some("".into())), usr);
        assert_eq!(place(usr, None), usr);
    }
}
