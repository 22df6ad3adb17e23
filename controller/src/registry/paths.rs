//! Where the registry is on the disk.

use std::path::{Path, PathBuf};

/// The paths of a registry on the disk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatePaths {
    /// The state directory.
    pub directory: PathBuf,
    /// The anchor, outside of the state directory.
    pub anchor: PathBuf,
}

impl StatePaths {
    /// A state directory and its anchor, which is beside it unless another path is given.
    pub fn new(directory: &Path, anchor: Option<&Path>) -> Self {
        let beside = || {
            let mut name = directory.as_os_str().to_owned();
            name.push(".anchor");
            PathBuf::from(name)
        };
        Self { directory: directory.to_owned(), anchor: anchor.map_or_else(beside, Path::to_owned) }
    }
}
