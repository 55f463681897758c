//! What happened to the files, and what of it is left when the power goes.
//!
//! The rules are those of a disk with a cache and no battery. What a file held at its last sync is there. Of each later write any sectors
//! may be there, in the new form, the old one, or (if the power went while they were written) as rubbish; a later write may be there and an earlier one not. That a
//! file was made or removed is certain only after a sync of its folder. What was not written to is never touched: SQLite relies on that ("powersafe
//! overwrite"), as every disk of today keeps it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use fastrand::Rng;

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a disk writes at once.
const SECTOR: usize = 512;

/// A change of one file.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Create,
    Write {
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate(usize),
    Sync {
        /// The folder is synced with it, as SQLite does after it has made a log.
        folder: bool,
    },
    Delete {
        /// The folder is synced after it.
        synced: bool,
    },
}

/// What happened since [`Disk::record`](crate::Disk::record).
#[derive(Clone, Debug)]
pub struct Recording {
    before: Files,
    changes: Vec<(String, Change)>,
}

/// How much of what was not synced is there.
#[derive(Clone, Copy)]
enum Fate {
    Nothing,
    Everything,
    /// What came first, up to somewhere.
    Beginning,
    /// Each piece for itself.
    Any,
}

/// A file's content on the disk, and what is in the cache for it.
#[derive(Default)]
struct Inode<'a> {
    synced: Vec<u8>,
    cached: Vec<&'a Change>,
}

/// The files while the recording is played.
#[derive(Default)]
struct Playing<'a> {
    inodes: Vec<Inode<'a>>,
    /// Names as programs see them, as they are on the disk, and what leads from these to those.
    names: BTreeMap<String, usize>,
    synced: BTreeMap<String, usize>,
    cached: Vec<(String, Option<usize>)>,
}

impl Recording {
    pub(crate) fn new(before: Files) -> Self {
        Self { before, changes: Vec::new() }
    }

    pub(crate) fn push(&mut self, name: &str, change: Change) {
        self.changes.push((name.to_owned(), change));
    }

    /// Whether programs see a file of that name now.
    pub(crate) fn has(&self, name: &str) -> bool {
        let last = self.changes.iter().rev().find_map(|(changed, change)| match change {
            Change::Create if changed == name => Some(true),
            Change::Delete { .. } if changed == name => Some(false),
            _ => None,
        });
        last.unwrap_or_else(|| self.before.contains_key(name))
    }

    /// How many changes there were. The power may go before each of them, and after the last.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The files as they may lie there when the power goes just before the change of that number. The random numbers say what of the unsynced is left.
    #[must_use]
    pub fn cut(&self, at: usize, random: &mut Rng) -> Files {
        let mut playing = Playing::default();
        for (name, content) in &self.before {
            playing.synced.insert(name.clone(), playing.inodes.len());
            playing.inodes.push(Inode { synced: content.clone(), cached: Vec::new() });
        }
        playing.names = playing.synced.clone();
        for (name, change) in self.changes.iter().take(at) {
            playing.play(name, change);
        }
        playing.cut(random)
    }

    /// Writes such files into a folder.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn lay_out(files: &Files, folder: &Path) -> io::Result<()> {
        files.iter().try_for_each(|(name, content)| fs::write(folder.join(name), content))
    }
}

impl<'a> Playing<'a> {
    fn play(&mut self, name: &str, change: &'a Change) {
        match change {
            Change::Create => {
                self.create(name);
            }
            Change::Write { .. } | Change::Truncate(_) => {
                let inode = self.names.get(name).copied().unwrap_or_else(|| self.create(name));
                if let Some(inode) = self.inodes.get_mut(inode) {
                    inode.cached.push(change);
                }
            }
            Change::Sync { folder } => {
                if let Some(inode) = self.names.get(name).and_then(|inode| self.inodes.get_mut(*inode)) {
                    for change in inode.cached.drain(..) {
                        apply(&mut inode.synced, change);
                    }
                }
                if *folder {
                    self.sync_folder();
                }
            }
            Change::Delete { synced } => {
                self.names.remove(name);
                self.cached.push((name.to_owned(), None));
                if *synced {
                    self.sync_folder();
                }
            }
        }
    }

    fn create(&mut self, name: &str) -> usize {
        let inode = self.inodes.len();
        self.inodes.push(Inode::default());
        self.names.insert(name.to_owned(), inode);
        self.cached.push((name.to_owned(), Some(inode)));
        inode
    }

    fn sync_folder(&mut self) {
        self.cached.clear();
        self.synced.clone_from(&self.names);
    }

    fn cut(mut self, random: &mut Rng) -> Files {
        let fate = match random.u8(0..8) {
            0 => Fate::Nothing,
            1 => Fate::Everything,
            2 | 3 => Fate::Beginning,
            _ => Fate::Any,
        };
        // A folder's changes go to the disk in their order, as every file system with a journal keeps it.
        let kept = match fate {
            Fate::Nothing => 0,
            Fate::Everything => self.cached.len(),
            Fate::Beginning | Fate::Any => random.usize(0..=self.cached.len()),
        };
        for (name, inode) in self.cached.into_iter().take(kept) {
            match inode {
                Some(inode) => self.synced.insert(name, inode),
                None => self.synced.remove(&name),
            };
        }
        let mut files = Files::new();
        for (name, inode) in self.synced {
            if let Some(inode) = self.inodes.get(inode) {
                files.insert(name, inode.after(fate, random));
            }
        }
        files
    }
}

impl Inode<'_> {
    fn after(&self, fate: Fate, random: &mut Rng) -> Vec<u8> {
        let mut content = self.synced.clone();
        let kept = match fate {
            Fate::Nothing => 0,
            Fate::Beginning => random.usize(0..=self.cached.len()),
            Fate::Everything | Fate::Any => self.cached.len(),
        };
        for (number, change) in self.cached.iter().take(kept).enumerate() {
            match (fate, change) {
                (Fate::Everything, _) => apply(&mut content, change),
                // The last one was on its way when the power went.
                (Fate::Beginning, Change::Write { at, bytes }) if number + 1 == kept => {
                    tear(&mut content, *at, bytes, random);
                }
                (Fate::Beginning, _) => apply(&mut content, change),
                _ => match (random.u8(0..4), change) {
                    (0, _) => {}
                    (1, Change::Write { at, bytes }) => tear(&mut content, *at, bytes, random),
                    _ => apply(&mut content, change),
                },
            }
        }
        content
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { at, bytes } => write(content, *at, bytes),
        Change::Truncate(length) => content.resize(*length, 0),
        Change::Create | Change::Sync { .. } | Change::Delete { .. } => {}
    }
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at.saturating_add(bytes.len());
    if content.len() < end {
        content.resize(end, 0);
    }
    if let Some(place) = content.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}

/// Writes each sector for itself: the new one, not at all, or rubbish.
fn tear(content: &mut Vec<u8>, at: usize, bytes: &[u8], random: &mut Rng) {
    let mut from = at;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (sector, after) = rest.split_at(rest.len().min(SECTOR - from % SECTOR));
        match random.u8(0..5) {
            0 | 1 => {}
            2 => {
                let mut rubbish = vec![0; sector.len()];
                random.fill(&mut rubbish);
                write(content, from, &rubbish);
            }
            _ => write(content, from, sector),
        }
        from += sector.len();
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(changes: &[Change]) -> Recording {
        let mut recording = Recording::new(Files::from([("db".to_owned(), b"old".to_vec())]));
        changes.iter().for_each(|change| recording.push("db", change.clone()));
        recording
    }

    /// Everything that may lie there.
    fn all(recording: &Recording, at: usize) -> Vec<Option<Vec<u8>>> {
        let mut seen: Vec<_> = (0..500).map(|seed| recording.cut(at, &mut Rng::with_seed(seed)).remove("db")).collect();
        seen.sort();
        seen.dedup();
        seen
    }

    fn text(text: &str) -> Option<Vec<u8>> {
        Some(text.as_bytes().to_vec())
    }

    #[test]
    fn what_was_synced_is_there_and_what_was_not_may_be() {
        let write = Change::Write { at: 3, bytes: b"new".to_vec() };
        let recording = recording(&[write, Change::Sync { folder: false }]);
        assert_eq!(all(&recording, 0), [text("old")]);
        assert_eq!(all(&recording, 2), [text("oldnew")]);
        let unsynced = all(&recording, 1);
        assert!(unsynced.contains(&text("old")) && unsynced.contains(&text("oldnew")), "{unsynced:?}");
        assert!(unsynced.len() > 2, "rubbish");
        assert!(unsynced.iter().flatten().all(|content| content.starts_with(b"old")), "nothing else is touched");
    }

    #[test]
    fn a_later_write_may_be_there_and_an_earlier_one_not() {
        let write = |at, letter| Change::Write { at, bytes: vec![letter; 1] };
        let recording = recording(&[write(0, b'a'), write(1, b'b'), Change::Truncate(2)]);
        let left = all(&recording, 3);
        for content in ["old", "ald", "obd", "abd", "ol", "al", "ob", "ab"] {
            assert!(left.contains(&text(content)), "{content}");
        }
    }

    #[test]
    fn sectors_are_written_one_by_one() {
        let recording = recording(&[Change::Write { at: 500, bytes: vec![b'n'; 600] }]);
        let torn = all(&recording, 1).into_iter().flatten().any(|content| {
            let sector =
                |from: usize, to: usize| content.get(from..to).is_some_and(|part| part.iter().all(|b| *b == b'n'));
            sector(512, 1024) && !sector(500, 512)
        });
        assert!(torn);
    }

    #[test]
    fn a_file_that_was_made_or_removed_is_certain_after_its_folder_s_sync() {
        let removed = recording(&[Change::Delete { synced: false }, Change::Create, Change::Sync { folder: true }]);
        assert_eq!(all(&removed, 1), [None, text("old")]);
        assert_eq!(all(&removed, 2), [None, text(""), text("old")]);
        assert_eq!(all(&removed, 3), [text("")]);
        assert_eq!(all(&recording(&[Change::Delete { synced: true }]), 1), [None]);
    }
}
