//! Lock files: the right to refresh a session, and the peace that a login needs from revocations.
//!
//! A lock is the kernel's (`flock`), so it goes with its holder however that dies, and no time limit can give it to two. A file is made when it is
//! first needed and never removed: two holders of a removed and a new file of one name would both hold "the" lock. It is opened anew for
//! each attempt, close-on-exec, for a lock belongs to the open file.

use std::fs::File;
use std::io;
use std::path::Path;

use ring::digest::{SHA256, digest};

use crate::error::{Error, Reason, Result};

/// How many files share the sessions, and the registrations.
const STRIPES: u8 = 64;

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
}

impl FileLock {
    /// From now on held with others. The kernel may let go of it for a moment.
    pub(super) fn share(self) -> Result<Option<Self>> {
        taken(self.file, Hold::Shared)
    }
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Alone,
    /// With others who hold it so.
    Shared,
}

/// What a lock is for: its file's name begins with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// One session's refresh.
    Refresh,
    /// One registration's logins, and its revocations that may hit a whole grant.
    Grant,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::Grant => "grant",
        }
    }
}

/// Takes the lock if nobody holds it against us; `None` when somebody does.
pub(super) fn try_lock(folder: &Path, purpose: Purpose, of: &str, hold: Hold) -> Result<Option<FileLock>> {
    let stripe = digest(&SHA256, of.as_bytes()).as_ref().first().copied().unwrap_or_default() % STRIPES;
    let file = open(&folder.join(format!("{}-{stripe:02}.lock", purpose.name()))).map_err(|error| cannot(&error))?;
    taken(file, hold)
}

/// Takes the lock of the whole store: everybody who has it open holds it with the others, and who holds it alone may put another database into its place.
pub(super) fn try_lock_store(folder: &Path, hold: Hold) -> Result<Option<FileLock>> {
    taken(open(&folder.join("keyfob.lock")).map_err(|error| cannot(&error))?, hold)
}

/// Looks for a lock, or what else another process keeps, again and again, for five seconds: the kernel tells nobody when it is free.
#[expect(clippy::disallowed_methods, reason = "nothing wakes whoever waits for another process's lock")]
pub(super) fn patiently<T>(take: impl Fn() -> Result<Option<T>>) -> Result<Option<T>> {
    for _ in 0..250 {
        if let Some(taken) = take()? {
            return Ok(Some(taken));
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(None)
}

/// Takes the right to ask the host for a new store key.
pub(super) fn try_lock_new_key(folder: &Path) -> Result<Option<FileLock>> {
    taken(open(&folder.join("key.lock")).map_err(|error| cannot(&error))?, Hold::Alone)
}

fn taken(file: File, hold: Hold) -> Result<Option<FileLock>> {
    match lock(&file, hold) {
        Ok(()) => Ok(Some(FileLock { file })),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(cannot(&error)),
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    // std opens close-on-exec.
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(no_link).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(unix)]
fn lock(file: &File, hold: Hold) -> io::Result<()> {
    use rustix::fs::FlockOperation;
    let operation = match hold {
        Hold::Alone => FlockOperation::NonBlockingLockExclusive,
        Hold::Shared => FlockOperation::NonBlockingLockShared,
    };
    Ok(rustix::fs::flock(file, operation)?)
}

// LockFileEx. On Android `std` has none, which is why Unix goes another way.
#[cfg(not(unix))]
fn lock(file: &File, hold: Hold) -> io::Result<()> {
    match hold {
        Hold::Alone => file.try_lock(),
        Hold::Shared => file.try_lock_shared(),
    }
    .map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        std::fs::TryLockError::Error(error) => error,
    })
}

fn cannot(error: &io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::StoreFull,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Reason::StoreReadOnly,
        // Without locks among processes there is no refreshing among them: better none at all.
        io::ErrorKind::Unsupported => Reason::NoFileLocks,
        _ => Reason::StoreUnavailable,
    };
    Error::new(reason).with_detail(format!("lock file: {:?}", error.kind()))
}
