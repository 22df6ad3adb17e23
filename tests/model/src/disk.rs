//! A disk that forgets: what was not brought to it is lost, whole or in part, when the power goes.
//! For tests of the store, and of all that stands on it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, BufRead, Cursor};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use controller::durable::disk::{Disk, Steps};
use controller::registry::StatePaths;

use crate::ports::Medium;

/// Contents as a running system sees them, and as they are on the medium.
#[derive(Clone, Debug, Default)]
struct Inode {
    seen: Vec<u8>,
    /// What is there for good; none before the first sync.
    kept: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
struct Contents {
    inodes: Vec<Inode>,
    /// Names as a running system sees them.
    seen: BTreeMap<PathBuf, usize>,
    /// Names that are there for good.
    kept: BTreeMap<PathBuf, usize>,
    directories: BTreeSet<PathBuf>,
    /// How many steps it takes before the power goes.
    left: Option<usize>,
    /// How many steps that take space there is room for.
    room: Option<usize>,
}

/// The disk, with `/` on it. A clone is the same disk, so a test keeps its hands on one that it gave away.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk(Arc<Mutex<Contents>>);

impl SimulatedDisk {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap()
    }

    fn of(contents: Contents) -> Self {
        Self(Arc::new(Mutex::new(contents)))
    }

    /// The power goes before step number `steps` from here on is done.
    pub fn fail_after(&self, steps: usize) {
        self.contents().left = Some(steps);
    }

    /// The disk is full before step number `steps` from here on, of those that take space, is done.
    pub fn fill_after(&self, steps: usize) {
        self.contents().room = Some(steps);
    }

    /// The power stays, and there is room.
    pub fn recover(&self) {
        let mut contents = self.contents();
        (contents.left, contents.room) = (None, None);
    }

    /// Another disk with the same on it.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::of(self.contents().clone())
    }

    /// What is on the medium after the power went, as a disk of its own. `luck` decides what of the
    /// rest happens to be there; 0 is nothing, 1 is everything.
    #[must_use]
    pub fn after_power_cut(&self, luck: u64) -> Self {
        Self::of(self.contents().after_power_cut(luck))
    }
}

impl Medium for SimulatedDisk {
    fn cut_after(&self, steps: Option<usize>) {
        match steps {
            Some(steps) => self.fail_after(steps),
            None => self.recover(),
        }
    }

    fn after_cut(&self, luck: u64) -> Self {
        self.after_power_cut(luck)
    }

    fn place(&self) -> StatePaths {
        StatePaths::new(Path::new("/state"), None)
    }
}

impl Contents {
    fn after_power_cut(&self, luck: u64) -> Self {
        let mut luck = Luck(luck);
        let mut names = self.kept.clone();
        let changed: BTreeSet<&PathBuf> = self.seen.keys().chain(self.kept.keys()).collect();
        for name in changed {
            // Each change of a name may have reached the medium or not, whatever became of others.
            if self.seen.get(name) != self.kept.get(name) && luck.happens() {
                match self.seen.get(name) {
                    Some(inode) => names.insert(name.clone(), *inode),
                    None => names.remove(name),
                };
            }
        }
        let inodes: Vec<Inode> = self.inodes.iter().map(|inode| luck.contents(inode)).collect();
        let directories = self.directories.clone();
        Self { inodes, seen: names.clone(), kept: names, directories, left: None, room: None }
    }

    fn step(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the power went"))?;
        }
        Ok(())
    }

    /// A step that takes space.
    fn growing_step(&mut self) -> io::Result<()> {
        if let Some(room) = &mut self.room {
            *room = room.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        }
        self.step()
    }

    fn inode(&mut self, path: &Path) -> io::Result<&mut Inode> {
        let inode = *self.seen.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(&mut self.inodes[inode])
    }

    fn make(&mut self, path: &Path) -> io::Result<&mut Inode> {
        let parent = path.parent().unwrap_or(Path::new(""));
        if !self.directories.contains(parent) && parent != Path::new("/") {
            return Err(io::ErrorKind::NotFound.into());
        }
        if !self.seen.contains_key(path) {
            self.seen.insert(path.to_owned(), self.inodes.len());
            self.inodes.push(Inode::default());
        }
        self.inode(path)
    }
}

/// A small generator (splitmix64) with two extremes.
struct Luck(u64);

impl Luck {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn happens(&mut self) -> bool {
        match self.0 {
            0 => false,
            1 => true,
            _ => self.next().is_multiple_of(2),
        }
    }

    /// What became of a file that was written to and not synced: any part of what was written, and
    /// zeros where blocks never arrived.
    fn contents(&mut self, inode: &Inode) -> Inode {
        let kept = inode.kept.clone().unwrap_or_default();
        let contents = match self.0 {
            _ if inode.kept.as_ref() == Some(&inode.seen) => kept,
            0 => kept,
            1 => inode.seen.clone(),
            _ => match self.next() % 4 {
                0 => kept,
                1 => inode.seen.clone(),
                how => {
                    // What was there for good stays where something was only added to it.
                    let safe = if inode.seen.starts_with(&kept) { kept.len() } else { 0 };
                    let new = (inode.seen.len() - safe) as u64 + 1;
                    let torn = safe + usize::try_from(self.next() % new).unwrap();
                    let mut contents = inode.seen.clone();
                    if how == 2 {
                        contents.truncate(torn);
                    } else {
                        contents[torn..].fill(0);
                    }
                    contents
                }
            },
        };
        Inode { seen: contents.clone(), kept: Some(contents) }
    }
}

impl Steps for SimulatedDisk {
    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut contents = self.contents();
        // Opening empties a file before anything is written.
        contents.growing_step()?;
        contents.make(path)?.seen = Vec::new();
        contents.growing_step()?;
        contents.make(path)?.seen = bytes[..bytes.len() / 2].to_vec();
        contents.growing_step()?;
        contents.make(path)?.seen = bytes.to_vec();
        Ok(())
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        let mut contents = self.contents();
        contents.step()?;
        let inode = contents.inode(path)?;
        inode.kept = Some(inode.seen.clone());
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let mut contents = self.contents();
        contents.growing_step()?;
        let inode = contents.seen.remove(from).ok_or(io::ErrorKind::NotFound)?;
        contents.seen.insert(to.to_owned(), inode);
        Ok(())
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        let mut contents = self.contents();
        contents.step()?;
        let Contents { seen, kept, .. } = &mut *contents;
        let inside = |name: &PathBuf| name.parent() == Some(path);
        kept.retain(|name, _| !inside(name));
        let names = seen.iter().filter(|(name, _)| inside(name));
        kept.extend(names.map(|(name, inode)| (name.clone(), *inode)));
        Ok(())
    }
}

impl Disk for SimulatedDisk {
    fn read(&mut self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let contents = self.contents();
        Ok(contents.seen.get(path).map(|inode| contents.inodes[*inode].seen.clone()))
    }

    fn stream(&mut self, path: &Path) -> io::Result<Option<Box<dyn BufRead>>> {
        let bytes = self.read(path)?;
        Ok(bytes.map(|bytes| Box::new(Cursor::new(bytes)) as Box<dyn BufRead>))
    }

    fn names(&mut self, path: &Path) -> io::Result<Vec<OsString>> {
        let contents = self.contents();
        if !contents.directories.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = contents.seen.keys().filter(|name| name.parent() == Some(path));
        Ok(inside.filter_map(|name| name.file_name()).map(OsString::from).collect())
    }

    fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        let mut contents = self.contents();
        contents.growing_step()?;
        contents.directories.insert(path.to_owned());
        Ok(())
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut contents = self.contents();
        contents.growing_step()?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        contents.make(path)?.seen.extend_from_slice(first);
        contents.growing_step()?;
        contents.make(path)?.seen.extend_from_slice(second);
        Ok(())
    }

    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()> {
        let mut contents = self.contents();
        contents.step()?;
        contents.inode(path)?.seen.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        let mut contents = self.contents();
        contents.step()?;
        contents.seen.remove(path);
        Ok(())
    }
}
