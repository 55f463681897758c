//! A file with the store key, which stands in for the system's keystore, and is less than that: whoever can read the file can read the store.
//! It lies beside a store and never in it, so that a copy of the store alone is worth nothing.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use keyfob::{StoreKey, StoreKeyAnswer, StoreKeySource, WantedKey};

/// The file, which need not be there yet.
pub(crate) struct KeyFile(PathBuf);

impl KeyFile {
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The one beside a file or folder: its name with `.key` at the end.
    pub(crate) fn beside(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".key");
        Self(name.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The key, where there is one and nobody else can read it.
    pub(crate) fn read(&self) -> io::Result<StoreKey> {
        let file = File::open(&self.0)?;
        #[cfg(unix)]
        if std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o077 != 0 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may use the file (chmod 600)"));
        }
        drop(file);
        StoreKey::from_slice(&fs::read(&self.0)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Makes one and keeps it, before anything is sealed under it.
    fn make(&self) -> io::Result<StoreKey> {
        let key = StoreKey::generate().map_err(io::Error::other)?;
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.0)?;
        file.write_all(key.as_bytes())?;
        file.sync_all()?;
        Ok(key)
    }
}

impl StoreKeySource for KeyFile {
    /// A file that is not there may be on a disk that is not mounted: that is not "gone", which would end every session.
    fn store_key(&self, wanted: WantedKey) -> StoreKeyAnswer {
        let key = match self.read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && wanted == WantedKey::New => self.make(),
            read => read,
        };
        key.map_or(StoreKeyAnswer::NotNow, StoreKeyAnswer::Key)
    }
}
