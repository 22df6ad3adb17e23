//! One input file of the direction tables: read whole within a bound, cut into numbered lines, and told apart
//! by its content. [`super::cidr`] and [`super::rir`] read the lines.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::direction::DirectionError;
use crate::files;
use crate::rejection::{Rejection, Requirement};
use crate::shown::shown;

/// The largest input that is read. The statistics of all five registries together hold about
/// 50 MB.
const LARGEST: u64 = 256 << 20;

/// A file in memory.
pub(super) struct Source {
    name: String,
    bytes: Vec<u8>,
}

/// The format of a file, which its first line that is neither blank nor a comment tells. Text in comments
/// does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    /// One prefix or address per line.
    CidrList,
    /// Fields separated by `|`: RIR statistics.
    RirStatistics,
}

/// A line with its number (from 1), without the white space around it.
pub(super) type Line<'a> = (u32, &'a str);

impl Source {
    pub(super) fn read(path: &Path) -> Result<Self, DirectionError> {
        let unreadable =
            |source: io::Error| DirectionError::Unreadable { file: shown(path), source };
        let bytes = files::read_at_most(path, LARGEST).map_err(unreadable)?;
        Ok(Self::new(shown(path), bytes))
    }

    pub(super) fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes }
    }

    /// The SHA-256 of its bytes, in lower-case hexadecimal digits.
    pub(super) fn digest(&self) -> String {
        crate::digest::sha256(&self.bytes)
    }

    /// Refuses the whole file.
    pub(super) fn refused(&self, reason: impl Display) -> Rejection {
        Rejection::new(&self.name, reason.to_string()).under(Requirement::Dir)
    }

    /// Refuses the file because of one line.
    pub(super) fn refused_at(&self, line: u32, reason: impl Display) -> Rejection {
        self.refused(reason).at(format!("line {line}"))
    }

    /// The lines, each checked to be UTF-8. A byte order mark and CR before LF are dropped.
    pub(super) fn lines(&self) -> impl Iterator<Item = Result<Line<'_>, Rejection>> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        let text = self.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.bytes);
        text.split(|&byte| byte == b'\n').zip(1_u32..).map(|(line, number)| {
            match std::str::from_utf8(line) {
                Ok(line) => Ok((number, line.trim())),
                Err(_) => Err(self.refused_at(number, "not UTF-8 text")),
            }
        })
    }

    pub(super) fn format(&self) -> Result<Format, Rejection> {
        for line in self.lines() {
            let (_, line) = line?;
            let says = line.split_once('#').map_or(line, |(before, _)| before).trim_end();
            if !says.is_empty() {
                let fields = says.contains('|');
                return Ok(if fields { Format::RirStatistics } else { Format::CidrList });
            }
        }
        Ok(Format::CidrList)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_the_format() {
        let format = |text: &str| Source::new("f", text.into()).format();
        assert_eq!(format("# a|b\n\n2|apnic|1|0|1|1|+1000\n"), Ok(Format::RirStatistics));
        assert_eq!(format("\u{feff}2|apnic|1|0|1|1|+1000\n"), Ok(Format::RirStatistics));
        assert_eq!(format("# a|b\n192.0.2.0/24\n"), Ok(Format::CidrList));
        assert_eq!(format("192.0.2.0/24 # 2|apnic\n"), Ok(Format::CidrList));
        assert_eq!(format("192.0.2.0/24#|\n2|apnic|1|0|1|1|+1000\n"), Ok(Format::CidrList));
        assert_eq!(format(" # |\n\n2|apnic|1 # no bar\n"), Ok(Format::RirStatistics));
        assert_eq!(format(""), Ok(Format::CidrList));
    }

    #[test]
    fn lines_lose_carriage_returns_and_keep_their_numbers() {
        let source = Source::new("f", b"\xef\xbb\xbfa\r\n\r\n b \nc".to_vec());
        let lines: Result<Vec<_>, _> = source.lines().collect();
        assert_eq!(lines, Ok(vec![(1, "a"), (2, ""), (3, "b"), (4, "c")]));
    }

    #[test]
    fn a_line_that_is_not_utf8_is_named() {
        let source = Source::new("f", b"a\n\xff\xfe\n".to_vec());
        let error = source.lines().find_map(Result::err).unwrap();
        assert_eq!(error.to_string(), "f: line 2: not UTF-8 text [L-DIR]");
    }
}
