//! The folder: Keyfob's own, open to nobody else, reached through no symbolic link of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Reason, Result};

/// The database.
pub(super) const DATABASE: &str = "keyfob.db";

/// What SQLite keeps beside it.
pub(super) const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Makes or checks the folder and gives its canonical path.
pub(super) fn prepare(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| unsafe_path("the path names no folder"))?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make(parent, true)?;
    // Links above the folder are the system's (/var on Apple); a link in its place is somebody's who wants our files elsewhere.
    let folder = parent.canonicalize().map_err(cannot)?.join(name);
    match fs::symlink_metadata(&folder) {
        Ok(found) if found.is_symlink() => return Err(unsafe_path("the folder is a symbolic link")),
        Ok(found) if !found.is_dir() => return Err(unsafe_path("the path is not a folder")),
        Ok(found) => check_owner(&found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(&folder, false)?;
            // Another one may have been quicker to make something there, and not for us.
            let made = fs::symlink_metadata(&folder).map_err(cannot)?;
            if !made.is_dir() {
                return Err(unsafe_path("the path is not a folder"));
            }
            check_owner(&made)?;
        }
        Err(error) => return Err(cannot(error)),
    }
    if let Some(name) = super::file_system::network(&folder).map_err(cannot)? {
        return Err(Error::new(Reason::NetworkFileSystem).with_detail(name));
    }
    Ok(folder)
}

/// Makes the database file before SQLite does, so that it is never readable by others, not for a moment either.
pub(super) fn prepare_database(folder: &Path) -> Result<PathBuf> {
    let database = folder.join(DATABASE);
    for beside in BESIDE {
        // SQLite writes into what it finds under these names.
        match fs::symlink_metadata(folder.join(format!("{DATABASE}{beside}"))) {
            Ok(found) if found.is_file() => check_owner(&found)?,
            Ok(_) => return Err(unsafe_path("a file beside keyfob.db is not a file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot(error)),
        }
    }
    match fs::symlink_metadata(&database) {
        Ok(found) if found.is_file() => {
            check_owner(&found)?;
            // SQLite would give its log and its shared memory the same mode, and they would keep the store read-only when the database no longer is.
            if found.permissions().readonly() {
                return Err(Error::new(Reason::StoreReadOnly).with_detail("keyfob.db"));
            }
        }
        Ok(_) => return Err(unsafe_path("keyfob.db is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create_private(&database) {
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(cannot)?,
        },
        Err(error) => return Err(cannot(error)),
    }
    Ok(database)
}

fn make(folder: &Path, with_parents: bool) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(with_parents);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(cannot),
    }
}

fn create_private(file: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

/// Ours, and open to nobody else.
#[cfg(unix)]
fn check_owner(found: &fs::Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(unsafe_path("it belongs to another user"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(unsafe_path("others may read or write it; its mode must be 0700, that of the file in it 0600"));
    }
    Ok(())
}

// Windows: the folder inherits the list of the user's own profile, where apps keep such things.
#[cfg(not(unix))]
fn check_owner(_found: &fs::Metadata) -> Result<()> {
    Ok(())
}

fn unsafe_path(why: &'static str) -> Error {
    Error::new(Reason::UnsafeStorePath).with_detail(why)
}

pub(super) fn cannot(error: io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::StoreFull,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Reason::StoreReadOnly,
        _ => Reason::StoreUnavailable,
    };
    // The kind only: the text of an io::Error may carry the path of the user's home.
    Error::new(reason).with_detail(format!("store folder: {:?}", error.kind()))
}
