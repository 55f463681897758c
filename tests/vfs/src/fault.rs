//! What goes wrong, in which call, and when.

use std::ffi::c_int;

use rusqlite::ffi;

/// A call of SQLite to the file system that can fail. To let go of something (close, unlock) never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Method {
    /// Open a file that is there.
    Open,
    /// Open a file and make it where it is missing.
    Create,
    /// Remove a file.
    Delete,
    /// Whether a file is there.
    Access,
    /// The whole path of a file.
    FullPathname,
    /// Read.
    Read,
    /// Write.
    Write,
    /// Cut a file's end off.
    Truncate,
    /// Wait until what was written is on the disk.
    Sync,
    /// How long a file is.
    FileSize,
    /// Take a lock on a file.
    Lock,
    /// Whether somebody is about to write.
    CheckReservedLock,
    /// Map shared memory.
    ShmMap,
    /// Take a lock on shared memory.
    ShmLock,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 14] = [
        Self::Open,
        Self::Create,
        Self::Delete,
        Self::Access,
        Self::FullPathname,
        Self::Read,
        Self::Write,
        Self::Truncate,
        Self::Sync,
        Self::FileSize,
        Self::Lock,
        Self::CheckReservedLock,
        Self::ShmMap,
        Self::ShmLock,
    ];
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// EIO: the disk does not answer.
    Io,
    /// ENOSPC: no room for what would make a file longer or new, and none found when it is to reach the disk.
    Full,
    /// Half of it is written, and then there is no room.
    ShortWrite,
    /// EACCES, EMFILE: files cannot be opened.
    CannotOpen,
    /// Somebody else has the lock.
    Busy,
    /// No memory.
    NoMemory,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 6] = [Self::Io, Self::Full, Self::ShortWrite, Self::CannotOpen, Self::Busy, Self::NoMemory];

    /// SQLite's result code where this method can go wrong like this, as its own layer over the system gives it.
    #[must_use]
    pub fn code(self, method: Method) -> Option<i32> {
        let code: c_int = match (self, method) {
            (Self::Io, Method::Open | Method::Create | Method::FullPathname) => ffi::SQLITE_CANTOPEN,
            (Self::Io, Method::Delete) => ffi::SQLITE_IOERR_DELETE,
            (Self::Io, Method::Access) => ffi::SQLITE_IOERR_ACCESS,
            (Self::Io, Method::Read) => ffi::SQLITE_IOERR_READ,
            (Self::Io, Method::Write) => ffi::SQLITE_IOERR_WRITE,
            (Self::Io, Method::Truncate) => ffi::SQLITE_IOERR_TRUNCATE,
            (Self::Io, Method::Sync) => ffi::SQLITE_IOERR_FSYNC,
            (Self::Io, Method::FileSize) => ffi::SQLITE_IOERR_FSTAT,
            (Self::Io, Method::Lock) => ffi::SQLITE_IOERR_LOCK,
            (Self::Io, Method::CheckReservedLock) => ffi::SQLITE_IOERR_CHECKRESERVEDLOCK,
            (Self::Io, Method::ShmMap) => ffi::SQLITE_IOERR_SHMMAP,
            (Self::Io, Method::ShmLock) => ffi::SQLITE_IOERR_SHMLOCK,

            (Self::Full | Self::ShortWrite, Method::Write) => ffi::SQLITE_FULL,
            (Self::Full, Method::Create) => ffi::SQLITE_CANTOPEN,
            (Self::Full, Method::ShmMap) => ffi::SQLITE_IOERR_SHMSIZE,
            (Self::Full, Method::Sync) => ffi::SQLITE_IOERR_FSYNC,

            (Self::CannotOpen, Method::Open | Method::Create | Method::FullPathname | Method::ShmMap) => {
                ffi::SQLITE_CANTOPEN
            }

            (Self::Busy, Method::Lock | Method::ShmLock) => ffi::SQLITE_BUSY,

            (Self::NoMemory, Method::Open | Method::Create | Method::FullPathname | Method::ShmMap) => {
                ffi::SQLITE_NOMEM
            }
            (Self::NoMemory, Method::Read | Method::Access) => ffi::SQLITE_IOERR_NOMEM,
            _ => return None,
        };
        Some(code)
    }
}

/// When it goes wrong, counted from 1 over the calls that can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// Never: to see how many calls there are.
    Never,
    /// In this call alone.
    Once(u64),
    /// In this call and in every one after it.
    From(u64),
}

impl When {
    pub(crate) const fn is_at(self, call: u64) -> bool {
        match self {
            Self::Never => false,
            Self::Once(at) => call == at,
            Self::From(at) => call >= at,
        }
    }
}
