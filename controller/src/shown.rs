//! Prints texts that others have chosen: on one line, and so that they look like what they are.

use std::path::Path;

/// A path as text. Characters that are not visible are escaped, so that a message stays on one line.
pub(crate) fn shown(path: &Path) -> String {
    let mut text = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() || misleads(character) {
            text.extend(character.escape_debug());
        } else {
            text.push(character);
        }
    }
    text
}

/// Characters that `is_control` does not find and that make one text look like another to a person who reads
/// before signing: line and paragraph separators, zero-width characters, and those that change the direction
/// of writing (Unicode Technical Report 36, Unicode Standard Annex 9).
pub(crate) const fn misleads(character: char) -> bool {
    matches!(
        character,
        '\u{00ad}'
            | '\u{061c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_line() {
        assert_eq!(shown(Path::new("/tmp/a\nb\u{1b}.txt")), "/tmp/a\\nb\\u{1b}.txt");
        assert_eq!(shown(Path::new("日本.txt")), "日本.txt");
        assert_eq!(shown(Path::new("a\u{202e}txt.pcap")), "a\\u{202e}txt.pcap");
    }
}
