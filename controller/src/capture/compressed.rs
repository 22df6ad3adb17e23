//! The bytes of a file that may be compressed with gzip (RFC 1952), Zstandard (RFC 8878) or xz; its first
//! bytes tell which. A file may hold several compressed streams, one after the other. Zeros between and after
//! them, which tapes and block devices leave, do not belong to the file.

use std::io::{self, BufRead, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

pub(super) type Bytes = Box<dyn Read + Send>;

/// The largest window that is reserved: as much as `zstd --long` needs, and twice as much as `xz -9`.
const LARGEST_WINDOW: u32 = 128 << 20;
/// What xz needs in addition, in KiB.
const OVERHEAD: u32 = 4 << 10;

/// A file's bytes, decompressed.
pub(super) struct Decompressed {
    member: Member,
    name: &'static str,
    /// What went wrong below a decompressor, which itself reports it in other words.
    trouble: Arc<Mutex<Trouble>>,
}

/// One compressed stream, or all of a file that is not compressed.
enum Member {
    Plain(Source),
    Gzip(Box<GzDecoder<Source>>),
    Zstd(Box<StreamingDecoder<Source, FrameDecoder>>),
    Xz(Box<XzReader<Source>>),
    /// An empty one, which was read.
    Empty(Source),
    /// The end of the file.
    Over,
}

/// How a compressed stream begins.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Magic {
    Gzip,
    Zstd,
    Xz,
    /// A frame of Zstandard that holds nothing (RFC 8878 section 3.1.2).
    Skippable,
}

impl Magic {
    const LENGTH: usize = 6;

    fn of(first: &[u8]) -> Option<Self> {
        match first {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Skippable),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }
}

impl Decompressed {
    pub(super) fn new(reader: Bytes) -> io::Result<Self> {
        let trouble = Arc::new(Mutex::new(Trouble::None));
        let mut source =
            Source { reader, buffer: Vec::new(), at: 0, trouble: Arc::clone(&trouble) };
        let mut this = Self { member: Member::Over, name: "", trouble };
        let magic = source.peek(Magic::LENGTH).map(Magic::of).map_err(|error| this.fail(&error))?;
        match magic {
            None => this.member = Member::Plain(source),
            Some(magic) => this.open(magic, source).map_err(|error| this.fail(&error))?,
        }
        Ok(this)
    }

    pub(super) const fn is_compressed(&self) -> bool {
        !matches!(self.member, Member::Plain(_))
    }

    fn open(&mut self, magic: Magic, mut source: Source) -> io::Result<()> {
        const LIMIT: u32 = LARGEST_WINDOW / 1024 + OVERHEAD;
        match magic {
            Magic::Gzip => {
                self.name = "gzip";
                self.member = Member::Gzip(Box::new(GzDecoder::new(source)));
            }
            Magic::Xz => {
                self.name = "xz";
                let reader = XzReader::new_mem_limit(source, false, LIMIT);
                self.member = Member::Xz(Box::new(reader));
            }
            Magic::Zstd => {
                self.name = "zstd";
                let decoder =
                    StreamingDecoder::new_with_max_window_size(source, u64::from(LARGEST_WINDOW))
                        .map_err(|error| invalid(&error.to_string()))?;
                self.member = Member::Zstd(Box::new(decoder));
            }
            Magic::Skippable => {
                self.name = "zstd";
                let mut header = [0; 8];
                source.read_exact(&mut header)?;
                let [.., a, b, c, d] = header;
                let length = u64::from(u32::from_le_bytes([a, b, c, d]));
                let skipped = io::copy(&mut source.by_ref().take(length), &mut io::sink())?;
                if skipped < length {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                self.member = Member::Empty(source);
            }
        }
        Ok(())
    }

    /// Opens what follows a stream that was read to its end.
    fn advance(&mut self, mut source: Source) -> io::Result<()> {
        source.skip_zeros()?;
        match source.peek(Magic::LENGTH)? {
            [] => self.member = Member::Over,
            first => {
                let Some(magic) = Magic::of(first) else {
                    return Err(invalid("bytes after its end that are not compressed"));
                };
                self.open(magic, source)?;
            }
        }
        Ok(())
    }

    /// Ends a stream: checks it by its trailer, and returns the source of what follows.
    fn close(&mut self) -> io::Result<Option<Source>> {
        match std::mem::replace(&mut self.member, Member::Over) {
            Member::Plain(_) | Member::Over => Ok(None),
            Member::Empty(source) => Ok(Some(source)),
            Member::Gzip(decoder) => Ok(Some(decoder.into_inner())),
            Member::Xz(reader) => Ok(Some(reader.into_inner())),
            Member::Zstd(decoder) => {
                let (source, frame) = decoder.into_parts();
                // The crate calculates the checksum and leaves the comparison to its users.
                let read = frame.get_checksum_from_data();
                if read.is_some() && read != frame.get_calculated_checksum() {
                    return Err(invalid("its checksum is wrong"));
                }
                Ok(Some(source))
            }
        }
    }

    fn read_member(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.member {
            Member::Plain(source) => source.read(buffer),
            Member::Gzip(decoder) => decoder.read(buffer),
            Member::Zstd(decoder) => decoder.read(buffer),
            Member::Xz(reader) => reader.read(buffer),
            Member::Empty(_) | Member::Over => Ok(0),
        }
    }

    /// Why reading failed: the trouble below the decompressor if there was any, or else what it reports.
    fn fail(&mut self, error: &io::Error) -> io::Error {
        // It is not asked again.
        self.member = Member::Over;
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *trouble, Trouble::None) {
            Trouble::Failed(error) => error,
            Trouble::Ended => ErrorKind::UnexpectedEof.into(),
            Trouble::None => invalid(&format!("unreadable {} data: {error}", self.name)),
        }
    }

    fn step(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.read_member(buffer)?;
            if read != 0 {
                return Ok(read);
            }
            match self.close()? {
                None => return Ok(0),
                Some(source) => self.advance(source)?,
            }
        }
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason)
}

impl Read for Decompressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if !self.is_compressed() {
            return self.read_member(buffer).map_err(|error| self.fail(&error));
        }
        self.step(buffer).map_err(|error| self.fail(&error))
    }
}

/// What a decompressor met below it.
enum Trouble {
    None,
    /// It wanted more bytes than there are.
    Ended,
    Failed(io::Error),
}

/// The bytes as they are in the file.
struct Source {
    reader: Bytes,
    buffer: Vec<u8>,
    at: usize,
    trouble: Arc<Mutex<Trouble>>,
}

impl Source {
    const BUFFER: usize = 64 << 10;

    /// The next bytes, without taking them: `count`, or as many as there are.
    fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.rest().len() < count {
            self.buffer.drain(..self.at);
            self.at = 0;
            let missing = count - self.buffer.len();
            let read = self.reader.by_ref().take(missing as u64).read_to_end(&mut self.buffer);
            read.map_err(|error| self.noted(error))?;
        }
        let rest = self.rest();
        Ok(rest.get(..count).unwrap_or(rest))
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    fn skip_zeros(&mut self) -> io::Result<()> {
        loop {
            let rest = self.fill_buf()?;
            let zeros = rest.iter().take_while(|byte| **byte == 0).count();
            let all = zeros == rest.len();
            let ended = rest.is_empty();
            self.consume(zeros);
            if ended || !all {
                return Ok(());
            }
        }
    }

    fn fill(&mut self) -> io::Result<&[u8]> {
        if self.rest().is_empty() {
            self.at = 0;
            self.buffer.resize(Self::BUFFER, 0);
            let read = loop {
                match self.reader.read(&mut self.buffer) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            read.map_err(|error| self.noted(error))?;
        }
        Ok(self.rest())
    }

    fn noted(&self, error: io::Error) -> io::Error {
        let told = io::Error::from(error.kind());
        self.note(Trouble::Failed(error));
        told
    }

    fn note(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.fill()?.is_empty() {
            self.note(Trouble::Ended);
        }
        Ok(self.rest())
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.buffer.len());
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(available) {
            *to = *from;
        }
        self.consume(count);
        Ok(count)
    }
}
