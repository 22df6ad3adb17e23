//! Text in and out: files that are read, and standard output.

use std::io::Write;
use std::path::Path;

use super::OrderError;
use crate::files;

/// Removes the lines of a draft that begin with `//`. They are never part of the JSON, because a string holds
/// no line feed.
pub(super) fn without_comments(bytes: Vec<u8>) -> Vec<u8> {
    let is_comment = |line: &[u8]| line.trim_ascii_start().starts_with(b"//");
    if !bytes.split(|byte| *byte == b'\n').any(is_comment) {
        return bytes;
    }
    let kept = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| !is_comment(line));
    kept.flatten().copied().collect()
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, OrderError> {
    files::read(path).map_err(|error| failed(path, &error))
}

pub(super) fn name(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn failed(path: &Path, error: &std::io::Error) -> OrderError {
    OrderError::Failed(format!("{}: {error}", path.display()))
}

pub(super) fn print(out: &mut dyn Write, text: &str) -> Result<(), OrderError> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| OrderError::Failed(format!("standard output: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_are_comments() {
        let text = b"{\n  // why\n  \"a\": \"// b\",\n//\n\t// c\n}".to_vec();
        assert_eq!(without_comments(text), b"{\n  \"a\": \"// b\",\n}");
        let plain = b"{\"a\":\"x//\"}".to_vec();
        assert_eq!(without_comments(plain.clone()), plain);
    }
}
