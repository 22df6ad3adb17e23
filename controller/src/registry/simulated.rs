//! A disk that forgets: what was not brought to it is lost, whole or in part, when the power goes.
//! For tests of the store, and of all that stands on it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Cursor};
use std::path::{Path, PathBuf};

use super::disk::Disk;

/// Contents as a running system sees them, and as they are on the medium.
#[derive(Clone, Debug, Default)]
struct Inode {
    seen: Vec<u8>,
    /// What is there for good; none before the first sync.
    kept: Option<Vec<u8>>,
}

/// The disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedDisk {
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
    /// Steps taken.
    pub(crate) steps: usize,
}

impl SimulatedDisk {
    /// The power goes before step number `steps` from here on is done.
    pub(crate) fn fail_after(&mut self, steps: usize) {
        self.left = Some(steps);
    }

    /// The disk is full before step number `steps` from here on, of those that take space, is done.
    pub(crate) fn fill_after(&mut self, steps: usize) {
        self.room = Some(steps);
    }

    /// The power stays, and there is room.
    pub(crate) fn recover(&mut self) {
        (self.left, self.room) = (None, None);
    }

    /// What is on the medium after the power went. `luck` decides what of the rest happens to be
    /// there; 0 is nothing, 1 is everything.
    pub(crate) fn after_power_cut(&self, luck: u64) -> Self {
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
        Self {
            inodes,
            seen: names.clone(),
            kept: names,
            directories: self.directories.clone(),
            left: None,
            room: None,
            steps: 0,
        }
    }

    fn step(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the power went"))?;
        }
        self.steps += 1;
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

impl Disk for SimulatedDisk {
    fn read(&mut self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        Ok(self.seen.get(path).map(|inode| self.inodes[*inode].seen.clone()))
    }

    fn stream(&mut self, path: &Path) -> io::Result<Option<Box<dyn BufRead>>> {
        let bytes = self.read(path)?;
        Ok(bytes.map(|bytes| Box::new(Cursor::new(bytes)) as Box<dyn BufRead>))
    }

    fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        self.growing_step()?;
        self.directories.insert(path.to_owned());
        Ok(())
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Opening empties a file before anything is written.
        self.growing_step()?;
        self.make(path)?.seen = Vec::new();
        self.growing_step()?;
        self.make(path)?.seen = bytes[..bytes.len() / 2].to_vec();
        self.growing_step()?;
        self.make(path)?.seen = bytes.to_vec();
        Ok(())
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.growing_step()?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        self.make(path)?.seen.extend_from_slice(first);
        self.growing_step()?;
        self.make(path)?.seen.extend_from_slice(second);
        Ok(())
    }

    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.step()?;
        self.inode(path)?.seen.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        self.step()?;
        let inode = self.inode(path)?;
        inode.kept = Some(inode.seen.clone());
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.growing_step()?;
        let inode = self.seen.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.seen.insert(to.to_owned(), inode);
        Ok(())
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        self.step()?;
        let inside = |name: &PathBuf| name.parent() == Some(path);
        self.kept.retain(|name, _| !inside(name));
        let names = self.seen.iter().filter(|(name, _)| inside(name));
        self.kept.extend(names.map(|(name, inode)| (name.clone(), *inode)));
        Ok(())
    }
}
