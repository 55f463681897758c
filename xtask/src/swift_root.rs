//! Swift: the one on PATH, or one in a folder of its own.
//!
//! Debian 12 has no Swift and Debian 13 has, so its packages are unpacked into a cache folder outside the
//! project and run there by chroot. The project and Cargo's target folder are mounted at their own paths,
//! so that a path means the same inside and outside. Every mount is made in a private mount namespace:
//! it is gone with the last program that runs in it, whatever ended that program.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::run::Run;
use crate::setup::{MMDEBSTRAP, is_root_on_debian, on_path, require};
use crate::workspace::Workspace;

const RELEASE: &str = "trixie";

/// `libc6-dev` and `git` are not pulled in by the compiler, which cannot build a package without them.
const PACKAGES: &str = "base-files,bash,coreutils,libc-bin,dash,sed,grep,swiftlang,libc6-dev,libstdc++-14-dev,git";

/// Written last: a folder without it was never finished.
const MARKER: &str = ".keyfob-complete";

/// Mounts in the namespace that `unshare` made, then becomes the program: `$1` the root, `$2` the folder to start in, `$3…` what to mount up to `--`.
const ENTER: &str = r#"
set -eu
root=$1; start=$2; shift 2
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
while [ "$1" != -- ]; do
    mkdir -p "$root$1"
    mount --bind "$1" "$root$1"
    shift
done
shift
exec chroot "$root" /usr/bin/env -C "$start" "$@"
"#;

/// A Swift that can be run.
#[derive(Debug)]
pub(crate) enum Swift {
    OnPath,
    Chroot(PathBuf),
}

impl Swift {
    /// Finds it, or unpacks it where that can be done. `quiet` keeps the unpacking off the terminal, for one that goes on in the background.
    pub(crate) fn ready(quiet: bool) -> Result<Self> {
        if on_path("swift").is_some() {
            return Ok(Self::OnPath);
        }
        let root = cache()?.join(format!("swift-{RELEASE}"));
        if !is_root_on_debian() {
            bail!(
                "please install Swift 6 (https://www.swift.org/install); as root on Debian this would be done for you"
            );
        }
        unpack(&root, quiet)?;
        Ok(Self::Chroot(root))
    }

    /// `PROGRAM ARGS…` in a folder, which finds the libraries of `libraries`: `swift`, `swiftc`, or one that was built.
    pub(crate) fn command(
        &self,
        workspace: &Workspace,
        start: &Path,
        libraries: &Path,
        program: &str,
        args: &[String],
    ) -> Run {
        let run = match self {
            Self::OnPath => Run::new(program).args(args).dir(start),
            Self::Chroot(root) => {
                let run = Run::new("unshare").args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "enter"]);
                let run = run.arg(root).arg(start).args(mounts(workspace, start)).arg("--");
                // Nothing of the host's PATH or HOME is in there.
                let run = run.args(["PATH=/usr/libexec/swift/bin:/usr/bin:/bin", "HOME=/root", program]).args(args);
                run.shown_as(&format!("{program} {} (in {})", args.join(" "), root.display()))
            }
        };
        // For the linker and for the loader, so that nobody has to type -Xlinker -L and the like.
        run.env("LIBRARY_PATH", libraries).env("LD_LIBRARY_PATH", libraries)
    }
}

/// The folders that programs inside must see. One inside another needs no mount of its own.
fn mounts(workspace: &Workspace, start: &Path) -> Vec<PathBuf> {
    let mut chosen: Vec<PathBuf> = Vec::new();
    for folder in [workspace.root.as_path(), &workspace.target, start] {
        if !chosen.iter().any(|outer| folder.starts_with(outer)) {
            chosen.push(folder.to_path_buf());
        }
    }
    chosen
}

fn unpack(root: &Path, quiet: bool) -> Result<()> {
    let marker = root.join(MARKER);
    let cache = root.parent().context("the cache is no folder")?;
    fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
    // Two runs at once: the second waits and finds the work done.
    let lock = File::create(cache.join("lock"))?;
    lock.lock().context("cannot lock the cache")?;
    if marker.exists() {
        return Ok(());
    }
    require(&[&MMDEBSTRAP])?;
    remove(root)?;
    let mirror = mirror()?;
    if !quiet {
        println!("Unpacking Swift from Debian's {RELEASE} into {} (once; 2.6 GB)", root.display());
    }
    let run = Run::new("mmdebstrap")
        .args(["--mode=root", "--variant=extract"])
        .args(["--aptopt=APT::Install-Recommends \"false\"", "--aptopt=Acquire::Languages \"none\""])
        .arg(format!("--include={PACKAGES}"))
        .args([RELEASE.as_ref(), root.as_os_str(), mirror.as_ref()])
        .limit(Duration::from_secs(20 * 60));
    let run = if quiet { run.quiet() } else { run };
    let done = run.run()?;
    if !done.success {
        let last: Vec<_> = done.text.lines().rev().take(15).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        bail!("mmdebstrap could not unpack Swift ({}):\n{}", done.how, last.join("\n"));
    }
    fs::write(&marker, "").context("cannot write the marker")
}

/// Removes what an interrupted run left, unless something of the host is still mounted in it: that would be removed too.
fn remove(root: &Path) -> Result<()> {
    if !root.exists() {
        return Ok(());
    }
    let mounts = fs::read_to_string("/proc/self/mounts").context("cannot see what is mounted")?;
    if let Some(mounted) = mounted_under(&mounts, root) {
        bail!("{mounted} is mounted; unmount it, then try again");
    }
    fs::remove_dir_all(root).with_context(|| format!("cannot remove {}", root.display()))
}

fn mounted_under(mounts: &str, root: &Path) -> Option<String> {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    points.map(|point| point.replace(r"\040", " ")).find(|point| Path::new(point).starts_with(root))
}

fn cache() -> Result<PathBuf> {
    let dir = env::var_os("XDG_CACHE_HOME").map_or_else(|| PathBuf::from("/var/cache"), PathBuf::from);
    if !dir.is_absolute() {
        bail!("XDG_CACHE_HOME is not an absolute path");
    }
    Ok(dir.join("keyfob"))
}

/// The Debian mirror that this machine uses, whatever file of apt's configuration names it.
fn mirror() -> Result<String> {
    let ask = || -> Result<Option<String>> {
        let format = "$(ORIGIN)|$(LABEL)|$(CODENAME)|$(REPO_URI)";
        let run = Run::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]).quiet();
        Ok(mirror_in(&run.run()?.must("apt-get indextargets")?))
    };
    if let Some(mirror) = ask()? {
        return Ok(mirror);
    }
    // Before its first update apt does not know whose archive is whose.
    Run::new("apt-get").arg("update").quiet().run()?.must("apt-get update")?;
    ask()?.context("apt's configuration names no Debian mirror")
}

/// The main archive: neither its security part, which has another address, nor somebody else's.
fn mirror_in(targets: &str) -> Option<String> {
    let mut lines = targets.lines().map(|line| line.split('|').collect::<Vec<_>>());
    lines.find_map(|fields| match fields[..] {
        ["Debian", "Debian", codename, uri] if !codename.contains('-') => Some(uri.trim_end_matches('/').to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_debians_own_and_not_its_security_archive() {
        let targets = "\
Somebody|Else|bookworm|http://else.example/apt/
Debian|Debian-Security|bookworm-security|http://mirror.example/debian-security/
Debian|Debian|bookworm-updates|http://updates.example/debian/
Debian|Debian|bookworm|http://mirror.example/debian/
";
        assert_eq!(mirror_in(targets).as_deref(), Some("http://mirror.example/debian"));
        assert_eq!(mirror_in("Somebody|Else|bookworm|http://else.example/apt/\n"), None);
    }

    #[test]
    fn a_mount_inside_the_root_is_seen_and_a_neighbours_is_not() {
        let mounts = "proc /proc proc rw 0 0\nproc /c/swift/proc proc rw 0 0\n/dev/a /c/swift-other ext4 rw 0 0\n";
        assert_eq!(mounted_under(mounts, Path::new("/c/swift")).as_deref(), Some("/c/swift/proc"));
        assert_eq!(mounted_under(mounts, Path::new("/c/swif")), None);
    }
}
