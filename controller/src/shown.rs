//! How paths are printed: on one line, whatever they are named.

use std::path::Path;

/// A path as text, with control characters escaped so that a message stays one line.
pub(crate) fn shown(path: &Path) -> String {
    let mut text = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() {
            text.extend(character.escape_debug());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_line() {
        assert_eq!(shown(Path::new("/tmp/a\nb\u{1b}.txt")), "/tmp/a\\nb\\u{1b}.txt");
        assert_eq!(shown(Path::new("日本.txt")), "日本.txt");
    }
}
