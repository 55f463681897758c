//! The `sqlite3_vfs`: asks the disk whether a call goes wrong, hands it on to the system's own, and writes down what it changed.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::disk::{Disk, was_refused};
use crate::fault::Method;
use crate::recording::Change;

/// An open file as SQLite sees it. Behind it, in the same memory, lies the system's own.
#[repr(C)]
struct ShimFile {
    base: sqlite3_file,
    /// A box of ours; null for a file that nobody watches.
    watched: *mut Watched,
}

struct Watched {
    disk: Disk,
    name: String,
    /// It is a log that was made by this opening and not synced since: its first sync is its folder's too.
    new_log: bool,
}

/// The file system under this one.
static BELOW: AtomicPtr<sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());

/// Makes this the default file system of SQLite in this process, once.
pub(crate) fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // SAFETY: no name means the default one; SQLite initialises itself first.
        let below = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        assert!(!below.is_null(), "SQLite has no file system");
        BELOW.store(below, Ordering::SeqCst);
        // SAFETY: what is registered stays as it is as long as the process lives.
        let below = unsafe { &*below };
        let size = c_int::try_from(size_of::<ShimFile>()).unwrap_or(0);
        let shim = Box::leak(Box::new(sqlite3_vfs {
            // Without the third version's means of replacing system calls.
            iVersion: 2,
            szOsFile: size + below.szOsFile,
            mxPathname: below.mxPathname,
            pNext: ptr::null_mut(),
            zName: c"keyfob-vfs".as_ptr(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: below.xDlOpen,
            xDlError: below.xDlError,
            xDlSym: below.xDlSym,
            xDlClose: below.xDlClose,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: below.xCurrentTime,
            xGetLastError: below.xGetLastError,
            xCurrentTimeInt64: below.xCurrentTimeInt64,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: it is filled in, and leaked.
        let code = unsafe { ffi::sqlite3_vfs_register(shim, 1) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite does not take the file system");
    });
}

/// Version 2: with shared memory, without `xFetch`, so that everything that is read goes through `xRead`.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Hands a call on to the system's own, if it has it.
macro_rules! hand_on {
    ($table:expr, $method:ident, $($argument:expr),+) => {
        match $table.$method {
            // SAFETY: the arguments are SQLite's own, for the object that they belong to.
            Some(method) => unsafe { method($($argument),+) },
            None => ffi::SQLITE_IOERR,
        }
    };
}

// The file system.

/// The one below, which is there as soon as this one is.
fn below() -> (*mut sqlite3_vfs, &'static sqlite3_vfs) {
    let below = BELOW.load(Ordering::SeqCst);
    // SAFETY: `install` stored it before it registered what calls this, and it lives as long as the process.
    (below, unsafe { &*below })
}

/// The path that SQLite means.
///
/// # Safety
/// `name` is null or a C string that outlives the result.
unsafe fn path<'a>(name: *const c_char) -> Option<&'a Path> {
    if name.is_null() {
        return None;
    }
    // SAFETY: the caller says so.
    let name = unsafe { CStr::from_ptr(name) };
    name.to_str().ok().map(|name| Path::new(OsStr::new(name)))
}

/// The watched folder that a path lies in, and the file's name there.
///
/// # Safety
/// As for `path`.
unsafe fn watched(name: *const c_char) -> Option<(Disk, String)> {
    // SAFETY: the caller says so.
    let path = unsafe { path(name) }?;
    let disk = Disk::of(path)?;
    Some((disk, path.file_name()?.to_str()?.to_owned()))
}

unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let shim = file.cast::<ShimFile>();
    // SAFETY: SQLite gives memory of `szOsFile` bytes for it. Without methods it is not closed when this fails.
    unsafe { shim.write(ShimFile { base: sqlite3_file { pMethods: ptr::null() }, watched: ptr::null_mut() }) };
    // SAFETY: SQLite's own name, good until the file is closed.
    let found = unsafe { watched(name) };
    let creates = flags & ffi::SQLITE_OPEN_CREATE != 0;
    // SAFETY: as above.
    let existed = unsafe { path(name) }.is_some_and(|path| path.symlink_metadata().is_ok());
    if let Some((disk, _)) = &found {
        let method = if creates && !existed { Method::Create } else { Method::Open };
        if let Some(strike) = disk.strike(method) {
            return strike.code;
        }
    }
    let (vfs, below) = below();
    // SAFETY: the memory behind the shim's own is the real one's.
    let real = unsafe { real(file) };
    let code = hand_on!(below, xOpen, vfs, name, real, flags, flags_out);
    if code != ffi::SQLITE_OK {
        return code;
    }
    let log = flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL) != 0;
    let watched = found.map_or(ptr::null_mut(), |(disk, name)| {
        disk.opened(&name);
        Box::into_raw(Box::new(Watched { disk, name, new_log: log && creates && !existed }))
    });
    // SAFETY: as at the first write.
    unsafe { shim.write(ShimFile { base: sqlite3_file { pMethods: &raw const METHODS }, watched }) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite's own name.
    let found = unsafe { watched(name) };
    if let Some(strike) = found.as_ref().and_then(|(disk, _)| disk.strike(Method::Delete)) {
        return strike.code;
    }
    let (vfs, below) = below();
    let code = hand_on!(below, xDelete, vfs, name, if found.is_some() { 0 } else { sync_folder });
    if let Some((disk, name)) = found.filter(|_| code == ffi::SQLITE_OK) {
        disk.note(&name, Change::Delete { synced: sync_folder != 0 });
    }
    code
}

unsafe extern "C" fn access(_vfs: *mut sqlite3_vfs, name: *const c_char, flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: SQLite's own name.
    let found = unsafe { watched(name) };
    if let Some(strike) = found.and_then(|(disk, _)| disk.strike(Method::Access)) {
        return strike.code;
    }
    let (vfs, below) = below();
    hand_on!(below, xAccess, vfs, name, flags, out)
}

unsafe extern "C" fn full_pathname(
    _vfs: *mut sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite's own name.
    let found = unsafe { watched(name) };
    if let Some(strike) = found.and_then(|(disk, _)| disk.strike(Method::FullPathname)) {
        return strike.code;
    }
    let (vfs, below) = below();
    hand_on!(below, xFullPathname, vfs, name, size, out)
}

unsafe extern "C" fn randomness(_vfs: *mut sqlite3_vfs, size: c_int, out: *mut c_char) -> c_int {
    let (vfs, below) = below();
    hand_on!(below, xRandomness, vfs, size, out)
}

/// A lock that only a plan refused is not waited for.
unsafe extern "C" fn sleep(_vfs: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    if was_refused() {
        return microseconds;
    }
    let (vfs, below) = below();
    hand_on!(below, xSleep, vfs, microseconds)
}

// Files.

/// The system's own file behind ours.
///
/// # Safety
/// `file` is memory of the shim's `szOsFile` bytes.
unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: the caller says so; ours is a multiple of a pointer's size long, so that what follows is aligned as well.
    unsafe { file.cast::<ShimFile>().add(1) }.cast()
}

/// An open file's parts.
struct Parts<'a> {
    watched: Option<&'a mut Watched>,
    real: *mut sqlite3_file,
    methods: &'a sqlite3_io_methods,
}

impl Parts<'_> {
    fn strike(&self, method: Method) -> Option<crate::disk::Strike> {
        self.watched.as_ref().and_then(|watched| watched.disk.strike(method))
    }

    /// Writes down what was done.
    fn note(&self, code: c_int, change: impl FnOnce() -> Change) -> c_int {
        if let Some(watched) = self.watched.as_ref().filter(|_| code == ffi::SQLITE_OK) {
            watched.disk.note(&watched.name, change());
        }
        code
    }
}

/// # Safety
/// `open` has opened `file`, `close` has not closed it, and SQLite calls for one file from one thread at a time.
unsafe fn parts<'a>(file: *mut sqlite3_file) -> Parts<'a> {
    // SAFETY: `open` wrote it there.
    let shim = unsafe { &*file.cast::<ShimFile>() };
    // SAFETY: null, or the box that `close` takes back.
    let watched = unsafe { shim.watched.as_mut() };
    // SAFETY: it is the memory that `open` got.
    let real = unsafe { real(file) };
    // SAFETY: it was opened.
    let table = unsafe { (*real).pMethods };
    // SAFETY: an open file has methods, for as long as it is open.
    let methods = unsafe { &*table };
    Parts { watched, real, methods }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes what it opened, once.
    let parts = unsafe { parts(file) };
    let code = hand_on!(parts.methods, xClose, parts.real);
    if let Some(watched) = parts.watched {
        // SAFETY: `open` made it of a box, and nobody uses this file any more.
        drop(unsafe { Box::from_raw(ptr::from_mut(watched)) });
    }
    code
}

unsafe extern "C" fn read(file: *mut sqlite3_file, out: *mut c_void, size: c_int, at: sqlite3_int64) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    match parts.strike(Method::Read) {
        Some(strike) => strike.code,
        None => hand_on!(parts.methods, xRead, parts.real, out, size, at),
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, bytes: *const c_void, size: c_int, at: sqlite3_int64) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    let strike = parts.strike(Method::Write);
    let size = match &strike {
        Some(strike) if !strike.half => return strike.code,
        Some(_) => size / 2,
        None => size,
    };
    let code = hand_on!(parts.methods, xWrite, parts.real, bytes, size, at);
    parts.note(code, || {
        // SAFETY: SQLite gives so many bytes, and we write no more of them.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), usize::try_from(size).unwrap_or(0)) };
        Change::Write { at: usize::try_from(at).unwrap_or(0), bytes: bytes.to_vec() }
    });
    strike.map_or(code, |strike| strike.code)
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    if let Some(strike) = parts.strike(Method::Truncate) {
        return strike.code;
    }
    let code = hand_on!(parts.methods, xTruncate, parts.real, size);
    parts.note(code, || Change::Truncate(usize::try_from(size).unwrap_or(0)))
}

/// A watched file is synced on the recording only.
unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let mut parts = unsafe { parts(file) };
    if let Some(strike) = parts.strike(Method::Sync) {
        return strike.code;
    }
    match &mut parts.watched {
        None => hand_on!(parts.methods, xSync, parts.real, flags),
        Some(watched) => {
            let folder = std::mem::take(&mut watched.new_log);
            parts.note(ffi::SQLITE_OK, || Change::Sync { folder })
        }
    }
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    match parts.strike(Method::FileSize) {
        Some(strike) => strike.code,
        None => hand_on!(parts.methods, xFileSize, parts.real, out),
    }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    match parts.strike(Method::Lock) {
        Some(strike) => strike.code,
        None => hand_on!(parts.methods, xLock, parts.real, level),
    }
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    hand_on!(parts.methods, xUnlock, parts.real, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    match parts.strike(Method::CheckReservedLock) {
        Some(strike) => strike.code,
        None => hand_on!(parts.methods, xCheckReservedLock, parts.real, out),
    }
}

unsafe extern "C" fn file_control(file: *mut sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    hand_on!(parts.methods, xFileControl, parts.real, operation, argument)
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    hand_on!(parts.methods, xSectorSize, parts.real)
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    hand_on!(parts.methods, xDeviceCharacteristics, parts.real)
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    match parts.strike(Method::ShmMap) {
        Some(strike) => strike.code,
        None => hand_on!(parts.methods, xShmMap, parts.real, page, size, extend, out),
    }
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    let takes = flags & ffi::SQLITE_SHM_LOCK != 0;
    match takes.then(|| parts.strike(Method::ShmLock)).flatten() {
        Some(strike) => strike.code,
        None => hand_on!(parts.methods, xShmLock, parts.real, offset, count, flags),
    }
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    if let Some(method) = parts.methods.xShmBarrier {
        // SAFETY: SQLite's own argument.
        unsafe { method(parts.real) }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: an open file of ours.
    let parts = unsafe { parts(file) };
    hand_on!(parts.methods, xShmUnmap, parts.real, delete)
}
