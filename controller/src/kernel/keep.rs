//! The pins of a running program, watched: somebody who removes one does not end anything at once,
//! but the next controller would not find what it stood for. So the controller holds every pinned
//! object by a descriptor of its own, looks whether each is where it belongs, and puts it back.

use std::path::{Path, PathBuf};

use aya::maps::{MapData, MapInfo};
use aya::programs::links::{FdLink, PinnedLink};

use super::KernelError;
use super::pins::{Pins, refusal};

/// The pinned objects of one interface.
#[derive(Debug)]
pub(super) struct Keep {
    pins: Pins,
    /// Each with its number in the kernel, by which it is told from another one in its place.
    maps: Vec<(PathBuf, u32, MapData)>,
    link: Option<(PathBuf, FdLink)>,
}

impl Keep {
    /// Holds the maps that are pinned under these names, and all pinned rings.
    ///
    /// # Errors
    /// [`KernelError`] where one is not there.
    pub(super) fn maps(pins: &Pins, names: &[&str]) -> Result<Self, KernelError> {
        let rings = pins.rings()?.into_iter().map(|(_, path)| path);
        let paths = names.iter().map(|name| pins.map(name)).chain(rings);
        let held = |path: PathBuf| {
            let map = MapData::from_pin(&path).map_err(|error| refusal(&path, &error))?;
            Ok((path, map.info()?.id(), map))
        };
        let maps = paths.map(held).collect::<Result<_, KernelError>>()?;
        Ok(Self { pins: pins.clone(), maps, link: None })
    }

    /// Holds the attachment that is pinned here too.
    ///
    /// # Errors
    /// [`KernelError`] where it is not there.
    pub(super) fn link(&mut self, path: &Path) -> Result<(), KernelError> {
        let link = PinnedLink::from_pin(path).map_err(|error| refusal(path, &error))?;
        self.link = Some((path.to_owned(), link.into()));
        Ok(())
    }

    /// Lets go of the attachment: it is about to be ended.
    pub(super) fn release_link(&mut self) {
        self.link = None;
    }

    /// Puts back what is missing, and what another object stands for. Returns the paths.
    ///
    /// # Errors
    /// [`KernelError::Pin`]: one cannot be put back. Nothing else has changed.
    pub(super) fn put_back(&mut self) -> Result<Vec<PathBuf>, KernelError> {
        let mut missing = Vec::new();
        for (path, number, map) in &self.maps {
            // One that cannot be opened is as good as none.
            if MapInfo::from_pin(path).is_ok_and(|info| info.id() == *number) {
                continue;
            }
            self.clear(path)?;
            map.pin(path).map_err(|error| refusal(path, &error))?;
            missing.push(path.clone());
        }
        if let Some((path, link)) = self.link.take() {
            let link = if same_link(&path, &link) {
                link
            } else {
                self.clear(&path)?;
                missing.push(path.clone());
                // If this fails, the program still holds the attachment by itself.
                link.pin(&path).map_err(|error| refusal(&path, &error))?.into()
            };
            self.link = Some((path, link));
        }
        Ok(missing)
    }

    /// Makes room for a pin, and the folder around it.
    fn clear(&self, path: &Path) -> Result<(), KernelError> {
        self.pins.create()?;
        super::pins::remove(path)
    }
}

/// Whether this link is what is pinned there.
fn same_link(path: &Path, link: &FdLink) -> bool {
    let number = |link: &FdLink| link.info().ok().map(|info| info.id());
    let there = PinnedLink::from_pin(path).map(FdLink::from);
    there.is_ok_and(|there| number(&there) == number(link))
}
