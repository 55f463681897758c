//! Spare space: a file that is given up when the disk is full and tokens have come that nobody will send again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::Store;
use crate::error::{Error, Reason, Result};

/// Room for the largest answer in the write-ahead log, several times over for an ordinary one.
const SIZE: usize = 256 * 1024;

impl Store {
    fn spare(&self) -> PathBuf {
        self.folder().join("keyfob.spare")
    }

    /// Sees to it that there is spare space, before a refresh token is spent. Written in full, for a file with holes reserves nothing.
    pub(super) fn keep_spare(&self) -> Result<()> {
        let path = self.spare();
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file() && found.len() == SIZE as u64) {
            return Ok(());
        }
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            let _ = fs::remove_file(&path);
        }
        write(&path).map_err(|error| {
            let _ = fs::remove_file(&path);
            let reason = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::StoreFull,
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Reason::StoreReadOnly,
                _ => Reason::StoreNotWritable,
            };
            Error::new(reason).with_detail(format!("spare space: {:?}", error.kind()))
        })
    }

    /// Gives it up: the next write may use it.
    pub(crate) fn use_spare(&self) {
        if let Err(error) = fs::remove_file(self.spare()) {
            log::debug!("there is no spare space to give up: {:?}", error.kind());
        }
    }
}

fn write(path: &std::path::Path) -> io::Result<()> {
    let mut options = File::options();
    // Two that make it at the same moment write the same into one file.
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        options.mode(0o600).custom_flags(no_link);
    }
    let mut file = options.open(path)?;
    // Not zeros: a file system that compresses would reserve next to nothing.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = Vec::with_capacity(SIZE);
    while block.len() < SIZE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block.extend_from_slice(&state.to_le_bytes());
    }
    file.write_all(&block)?;
    file.set_len(SIZE as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Keeping;

    #[test]
    fn those_who_make_it_at_the_same_moment_do_not_fail_for_it() {
        let folder = std::env::temp_dir().join(format!("keyfob-spare-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let store = Store::open(&folder, Keeping::plain()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        store.use_spare();
                        store.keep_spare().unwrap();
                    }
                });
            }
        });
        drop(store);
        fs::remove_dir_all(&folder).unwrap();
    }
}
