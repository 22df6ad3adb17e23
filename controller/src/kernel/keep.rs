//! Watches the pins of a running program. Removing a pin ends nothing at once, but the next controller would
//! not find the object. So the controller holds a descriptor of every pinned object, checks that each pin is
//! in its place, and puts it back.

use std::path::{Path, PathBuf};

use aya::maps::{MapData, MapInfo};
use aya::programs::links::{FdLink, PinnedLink};

use super::KernelError;
use super::pins::{Pins, refusal};

/// The pinned objects of one interface.
#[derive(Debug)]
pub(super) struct Keep {
    pins: Pins,
    /// Each object with its id in the kernel, which tells it from another one in its place.
    maps: Vec<(PathBuf, u32, MapData)>,
    link: Option<(PathBuf, FdLink)>,
}

impl Keep {
    /// Holds the maps that are pinned under these names, and all pinned rings.
    ///
    /// # Errors
    /// [`KernelError`] if one is not there.
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

    /// Holds the attachment that is pinned here, too.
    ///
    /// # Errors
    /// [`KernelError`] if it is not there.
    pub(super) fn link(&mut self, path: &Path) -> Result<(), KernelError> {
        let link = PinnedLink::from_pin(path).map_err(|error| refusal(path, &error))?;
        self.link = Some((path.to_owned(), link.into()));
        Ok(())
    }

    /// Lets go of the attachment, which is about to end.
    pub(super) fn release_link(&mut self) {
        self.link = None;
    }

    /// Puts back pins that are missing or were replaced. Returns their paths.
    ///
    /// # Errors
    /// [`KernelError::Pin`]: one cannot be put back. Nothing else has changed.
    pub(super) fn put_back(&mut self) -> Result<Vec<PathBuf>, KernelError> {
        let mut missing = Vec::new();
        for (path, number, map) in &self.maps {
            // A pin that cannot be opened counts as missing.
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
                // If this fails, the program itself still holds the attachment.
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

/// Whether this link is pinned there.
fn same_link(path: &Path, link: &FdLink) -> bool {
    let number = |link: &FdLink| link.info().ok().map(|info| info.id());
    let there = PinnedLink::from_pin(path).map(FdLink::from);
    there.is_ok_and(|there| number(&there) == number(link))
}
