//! Where the store lies: a folder that the user named, or a fresh one that goes away again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::failure::Failure;
use crate::key_file::KeyFile;

/// The store's folder, and the file with its key.
pub(crate) struct Folder {
    path: PathBuf,
    key: Arc<KeyFile>,
    /// What is removed in the end.
    temporary: Option<PathBuf>,
}

impl Folder {
    /// The user's own folder, which is kept, with the key beside it.
    pub(crate) fn kept(path: &Path) -> Self {
        Self { path: path.to_owned(), key: Arc::new(KeyFile::beside(path)), temporary: None }
    }

    /// A store and its key in a fresh folder that is removed when this is dropped.
    pub(crate) fn temporary() -> Result<Self, Failure> {
        let parent = std::env::temp_dir();
        for attempt in 0..100 {
            let path = parent.join(format!("keyfob-demo-{}-{attempt}", std::process::id()));
            match make(&path) {
                Ok(()) => {
                    let store = path.join("store");
                    let key = Arc::new(KeyFile::beside(&store));
                    return Ok(Self { path: store, key, temporary: Some(path) });
                }
                // Left behind by a demo that was killed, or put there by somebody: never use it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Failure::Stage(format!("cannot make {}: {error}", path.display()))),
            }
        }
        Err(Failure::Stage(format!("{} is full of old demo folders", parent.display())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn key(&self) -> Arc<KeyFile> {
        Arc::clone(&self.key)
    }

    /// Whether a text, which is not empty, stands in any of its files.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let files = fs::read_dir(&self.path).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read(file.path()).ok())
            .any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(path) = &self.temporary {
            // What cannot be removed is of no use to anybody: its provider is gone.
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Makes a folder that nobody else can look into, as Keyfob demands of its store.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
