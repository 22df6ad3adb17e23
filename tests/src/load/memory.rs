//! What a process takes, itself and for it in the kernel.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// A process's memory at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Memory {
    /// Resident memory of the process in bytes.
    pub resident: u64,
    /// What the kernel charges for the maps that it holds, each counted once, in bytes.
    pub maps: u64,
    /// Its open descriptors.
    pub descriptors: u64,
}

impl Memory {
    /// Of a process with this number.
    ///
    /// # Panics
    /// Where it has ended.
    pub(super) fn of(process: u32) -> Self {
        let process = Path::new("/proc").join(process.to_string());
        let status = fs::read_to_string(process.join("status")).expect("the daemon runs");
        let resident = field(&status, "VmRSS:").expect("resident memory") << 10;
        let entries = fs::read_dir(process.join("fdinfo")).expect("the daemon runs");
        let (mut maps, mut descriptors) = (BTreeMap::new(), 0);
        for entry in entries {
            descriptors += 1;
            // It may be closed by now.
            let text = fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default();
            if let (Some(map), Some(bytes)) = (field(&text, "map_id:"), field(&text, "memlock:")) {
                maps.insert(map, bytes);
            }
        }
        Self { resident, maps: maps.values().sum(), descriptors }
    }

    /// This, with the descriptors that were open at the look before as well. A file that is read or written is open
    /// for a moment, and some look among hundreds meets it; a descriptor that is kept stays.
    #[must_use]
    pub(super) fn kept_since(self, before: Self) -> Self {
        Self { descriptors: self.descriptors.min(before.descriptors), ..self }
    }

    /// The larger of each.
    #[must_use]
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            resident: self.resident.max(other.resident),
            maps: self.maps.max(other.maps),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resident, maps, descriptors } = self;
        let [resident, maps] = [resident, maps].map(|bytes| bytes >> 10);
        write!(f, "{resident} KiB resident, {maps} KiB of maps, {descriptors} descriptors")
    }
}

/// The number of a line that begins with this name.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Bytes of all files below a folder, pipes and sockets being none.
///
/// # Panics
/// Where it cannot be read.
pub(super) fn on_disk(folder: &Path) -> u64 {
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => on_disk(&entry.path()),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        // Neither, or gone by now.
        _ => 0,
    };
    fs::read_dir(folder).expect("a folder").map(|entry| size(entry.expect("an entry"))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_counts_from_its_second_look_on() {
        let look = |descriptors| Memory { resident: 4_096, maps: 8_192, descriptors };
        assert_eq!(look(52).kept_since(look(51)), look(51), "just opened");
        assert_eq!(look(51).kept_since(look(52)), look(51), "closed again");
        assert_eq!(look(52).kept_since(look(52)), look(52), "kept");
    }
}
