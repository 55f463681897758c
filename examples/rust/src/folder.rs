//! Where the store lies: a folder that the user named, or a fresh one that goes away again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The store's folder.
pub(crate) struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    /// The user's own folder, which is kept.
    pub(crate) fn kept(path: &Path) -> Self {
        Self { path: path.to_owned(), kept: true }
    }

    /// A fresh folder that is removed when this is dropped.
    pub(crate) fn temporary() -> Result<Self, Failure> {
        let parent = std::env::temp_dir();
        for attempt in 0..100 {
            let path = parent.join(format!("keyfob-demo-{}-{attempt}", std::process::id()));
            match make(&path) {
                Ok(()) => return Ok(Self { path, kept: false }),
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

    /// Whether a text, which is not empty, stands in any of its files.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let files = fs::read_dir(&self.path).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read(file.path()).ok())
            .any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is of no use to anybody: its provider is gone.
            let _ = fs::remove_dir_all(&self.path);
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
