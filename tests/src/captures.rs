//! Captures that somebody has: tests read them where `SEKISHO_CAPTURES` names their folders, and have none
//! without it.

use std::path::{Path, PathBuf};

use controller::capture::{Capture, CaptureError, Next};
use controller::replay::as_ethernet;

/// Folders, separated by colons.
const FOLDERS: &str = "SEKISHO_CAPTURES";

/// How many frames of each capture are looked at, where it is set.
const FRAMES: &str = "SEKISHO_CAPTURE_FRAMES";

/// How many are otherwise: all of an ordinary capture, and of a long one as many as take some seconds.
const USUAL: usize = 10_000;

/// The captures, in the order of their names.
///
/// # Panics
/// Where a folder that is named cannot be read, or has none.
pub fn files() -> Vec<PathBuf> {
    let folders = std::env::var_os(FOLDERS).unwrap_or_default();
    let mut files = Vec::new();
    for folder in std::env::split_paths(&folders).filter(|folder| !folder.as_os_str().is_empty()) {
        let before = files.len();
        let entries = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{FOLDERS}: {}: {error}", folder.display()));
        let paths = entries.map(|entry| entry.expect("an entry of a folder").path());
        // What begins as no capture is none.
        files.extend(paths.filter(|path| path.is_file() && Capture::open(path).is_ok()));
        assert!(files.len() > before, "{FOLDERS}: {}: no captures", folder.display());
    }
    files.sort();
    files
}

/// The frames of a capture as the sensor's program gets them, up to the first that cannot be read, but not more
/// than `SEKISHO_CAPTURE_FRAMES`.
///
/// # Errors
/// [`CaptureError`] where it is no capture.
///
/// # Panics
/// Where `SEKISHO_CAPTURE_FRAMES` is no number.
pub fn frames(path: &Path) -> Result<Vec<Vec<u8>>, CaptureError> {
    let most = std::env::var(FRAMES)
        .map_or(USUAL, |number| number.parse().unwrap_or_else(|_| panic!("{FRAMES}: {number}")));
    let mut capture = Capture::open(path)?;
    let mut frames = Vec::new();
    while frames.len() < most
        && let Ok(Some(next)) = capture.next_frame()
    {
        if let Next::Frame(frame) = next {
            frames.push(as_ethernet(&frame, &mut Vec::new()).bytes.to_vec());
        }
    }
    Ok(frames)
}
