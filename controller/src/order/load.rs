//! Trust files and signed documents from disk, for every command that uses them. A file that cannot be read is
//! refused like one that is wrong.

use std::io;
use std::path::Path;

use super::Trust;
use super::together::Given;
use crate::files;
use crate::rejection::{Rejection, Rejections};
use crate::shown::shown;

/// Reads a trust file.
///
/// # Errors
/// All that is wrong; a file that cannot be read is one [`Rejection`].
pub fn trust(path: &Path) -> Result<Trust, Rejections> {
    let bytes = files::read_at_most(path, files::SMALL);
    Trust::parse(&shown(path), &bytes.map_err(|error| unreadable(path, &error))?)
}

/// Reads files that are to be judged together.
///
/// # Errors
/// A [`Rejection`] for each file that cannot be read.
pub fn given<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Vec<Given>, Rejections> {
    let (mut given, mut found) = (Vec::new(), Vec::new());
    for path in paths {
        match one(path) {
            Ok(file) => given.push(file),
            Err(rejection) => found.push(rejection),
        }
    }
    Rejections::none(found)?;
    Ok(given)
}

/// Reads one file that is to be judged.
///
/// # Errors
/// A [`Rejection`] if it cannot be read.
pub fn one(path: &Path) -> Result<Given, Rejection> {
    Ok(Given { file: shown(path), bytes: read(path)?.into() })
}

fn read(path: &Path) -> Result<Vec<u8>, Rejection> {
    files::read(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Rejection {
    Rejection::new(shown(path), format!("cannot be read: {error}"))
}
