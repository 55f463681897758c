//! Which file system a folder is on. A write-ahead log works on one host only, and file locks over a network are kept by nobody for sure.

use std::io;
use std::path::Path;

/// The name of a network file system, if the folder is on one.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn network(folder: &Path) -> io::Result<Option<&'static str>> {
    let found = rustix::fs::statfs(folder)?;
    // The type is signed or not, and longer or shorter, by the system; the numbers have 32 bits.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the numbers have 32 bits, where the type has more"
    )]
    let magic = found.f_type as u32;
    Ok(by_magic(magic))
}

/// The same where the system gives its file systems names.
#[cfg(target_vendor = "apple")]
pub(super) fn network(folder: &Path) -> io::Result<Option<&'static str>> {
    let found = rustix::fs::statfs(folder)?;
    let name: Vec<u8> = found.f_fstypename.iter().map(|c| c.to_ne_bytes()[0]).take_while(|c| *c != 0).collect();
    Ok(by_name(&String::from_utf8_lossy(&name)))
}

/// Elsewhere a share shows in its path.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn network(folder: &Path) -> io::Result<Option<&'static str>> {
    use std::path::{Component, Prefix};
    let share = folder.components().next().is_some_and(|first| {
        matches!(first, Component::Prefix(prefix) if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..)))
    });
    Ok(share.then_some("a network share"))
}

/// By the number that `statfs` gives (Linux: `linux/magic.h` and the file systems' own headers).
#[cfg_attr(not(any(target_os = "linux", target_os = "android", test)), expect(dead_code, reason = "Linux's numbers"))]
fn by_magic(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x0000_6969 => "nfs",
        0x0000_517b => "smb",
        0xfe53_4d42 => "smb2",
        0xff53_4d42 => "cifs",
        // Also what Windows gives its Linux as drives.
        0x0102_1997 => "9p",
        0x5346_414f | 0x6b41_4653 => "afs",
        0x7375_7245 => "coda",
        0x0000_564c => "ncp",
        0x00c3_6400 => "ceph",
        0x0bd0_0bd0 => "lustre",
        0x4750_4653 => "gpfs",
        0x0116_1970 => "gfs2",
        0x7461_636f => "ocfs2",
        0x786f_4256 => "vboxsf",
        _ => return None,
    })
}

#[cfg_attr(not(any(target_vendor = "apple", test)), expect(dead_code, reason = "Apple's names"))]
fn by_name(name: &str) -> Option<&'static str> {
    ["nfs", "smbfs", "afpfs", "webdav", "ftp", "cifs"].into_iter().find(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_what_statfs_says_and_local_ones_are_not_taken_for_them() {
        for (magic, name) in [(0x6969, "nfs"), (0xfe53_4d42, "smb2"), (0xff53_4d42, "cifs"), (0x0102_1997, "9p")] {
            assert_eq!(by_magic(magic), Some(name));
        }
        // ext4, xfs, btrfs, tmpfs, overlayfs, f2fs, zfs, FUSE, which may be either.
        let local = [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0xf2f5_2010, 0x2fc1_2fc1, 0x6573_5546];
        assert!(local.into_iter().all(|magic| by_magic(magic).is_none()));
        assert_eq!((by_name("smbfs"), by_name("apfs")), (Some("smbfs"), None));
        assert_eq!(network(&std::env::temp_dir()).unwrap(), None);
        assert!(network(Path::new("/there/is/no/such/folder")).is_err());
    }
}
