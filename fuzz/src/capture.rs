//! Capture files: pcap and pcapng, compressed or not.

use std::io::{self, Cursor, Read};
use std::path::Path;

use controller::capture::{Capture, CaptureError, LARGEST_FRAME, LinkType, Next};
use controller::compile::Names;
use controller::engine::HostEngine;
use controller::replay::{Judge, News, Replay};
use jiff::Timestamp;

use crate::words::check_line;

/// Bytes that all frames of a capture have together, at most; what is compressed may hold more.
const ENOUGH: usize = 1 << 24;

/// A frame, kept.
#[derive(Debug, Eq, PartialEq)]
struct Kept {
    number: u64,
    time: Option<Timestamp>,
    link: LinkType,
    data: Vec<u8>,
    wire_length: u32,
}

/// A capture read to its end: the frames, those that cannot be read, and what ended them.
#[derive(Debug, Eq, PartialEq)]
struct Whole {
    frames: Vec<Kept>,
    unreadable: Vec<String>,
    error: Option<String>,
    /// Whether there were more than is looked at.
    cut: bool,
}

/// Judges an input.
///
/// # Panics
/// Where something does not hold.
pub fn run(input: &[u8]) {
    let whole = whole(Capture::from_reader("c", Cursor::new(input.to_vec())));
    // However the bytes come.
    let drops = Drops { bytes: input.to_vec(), at: 0 };
    let dropped = self::whole(Capture::from_reader("c", drops));
    if is_compressed(input) && whole.error.is_some() {
        // How much comes out before a damage in compressed bytes is the decompressor's affair.
        assert!(dropped.error.is_some());
        let frames = whole.frames.iter().zip(&dropped.frames);
        assert!(frames.into_iter().all(|(one, other)| one == other));
    } else {
        assert_eq!(dropped, whole);
    }
    if let Some(naive) = naive(input) {
        let read: Vec<Naive<'_>> = whole.frames.iter().map(Kept::naive).collect();
        assert!(read == naive.frames || whole.cut && naive.frames.starts_with(&read));
        if !whole.cut {
            // In the other byte order it is the same capture.
            let other = self::whole(Capture::from_reader("c", Cursor::new(naive.swapped)));
            let read: Vec<Naive<'_>> = other.frames.iter().map(Kept::naive).collect();
            assert_eq!(read, naive.frames);
        }
    }
    if !whole.cut && whole.frames.len() < 1_000 {
        replay(input, &whole);
    }
}

fn whole(capture: Result<Capture, CaptureError>) -> Whole {
    let mut whole = Whole { frames: Vec::new(), unreadable: Vec::new(), error: None, cut: false };
    let mut capture = match capture {
        Ok(capture) => capture,
        Err(error) => {
            check_line(&error, "c");
            whole.error = Some(error.to_string());
            return whole;
        }
    };
    let mut bytes = 0;
    loop {
        match capture.next_frame() {
            Ok(Some(Next::Unreadable(error))) => {
                check_line(&error, "c");
                whole.unreadable.push(error.to_string());
                bytes += 64;
            }
            Ok(Some(Next::Frame(frame))) => {
                // Frames that cannot be read have numbers, too.
                let before = whole.frames.len() + whole.unreadable.len();
                assert_eq!(frame.number, before as u64 + 1);
                assert!(frame.data.len() <= LARGEST_FRAME);
                assert!(frame.wire_length as usize >= frame.data.len());
                bytes += frame.data.len() + 64;
                whole.frames.push(Kept {
                    number: frame.number,
                    time: frame.time,
                    link: frame.link,
                    data: frame.data.to_vec(),
                    wire_length: frame.wire_length,
                });
            }
            Ok(None) => break,
            Err(error) => {
                check_line(&error, "c");
                whole.error = Some(error.to_string());
                break;
            }
        }
        if bytes > ENOUGH {
            whole.cut = true;
            return whole;
        }
    }
    // The end is the end.
    assert!(matches!(capture.next_frame(), Ok(None)));
    whole
}

fn is_compressed(input: &[u8]) -> bool {
    let magics: [&[u8]; 3] = [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd], b"\xfd7zXZ\0"];
    // A frame of zstd that holds nothing begins with one of sixteen bytes.
    let behind = input.get(1..).unwrap_or_default();
    magics.iter().any(|magic| input.starts_with(magic)) || behind.starts_with(b"*M\x18")
}

/// Bytes that come a few at a time, with interruptions.
struct Drops {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Drops {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.at += 1;
        if self.at.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = (self.at % 7 + 1).min(buffer.len()).min(self.bytes.len());
        let rest = self.bytes.split_off(count);
        buffer[..count].copy_from_slice(&self.bytes);
        self.bytes = rest;
        Ok(count)
    }
}

/// A frame's number, nanoseconds since the epoch, data and length.
type Naive<'a> = (u64, i128, &'a [u8], u32);

impl Kept {
    fn naive(&self) -> Naive<'_> {
        let time = self.time.expect("each packet of a pcap has one");
        (self.number, time.as_nanosecond(), &self.data, self.wire_length)
    }
}

/// An uncompressed pcap: its frames, and the same in the other byte order.
struct NaivePcap<'a> {
    frames: Vec<Naive<'a>>,
    swapped: Vec<u8>,
}

/// Link types that are read.
const LINKS: [u32; 16] = [0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 204, 219, 228, 229, 276];

/// An uncompressed pcap, read by the letter of its description, up to a frame that is cut off. `None` where it
/// is something else.
fn naive(input: &[u8]) -> Option<NaivePcap<'_>> {
    let (big_endian, unit, length) = match input.get(..4)? {
        [0xa1, 0xb2, 0xc3, 0xd4] => (true, 1000, 16),
        [0xa1, 0xb2, 0x3c, 0x4d] => (true, 1, 16),
        [0xa1, 0xb2, 0xcd, 0x34] => (true, 1000, 24),
        [0xd4, 0xc3, 0xb2, 0xa1] => (false, 1000, 16),
        [0x4d, 0x3c, 0xb2, 0xa1] => (false, 1, 16),
        [0x34, 0xcd, 0xb2, 0xa1] => (false, 1000, 24),
        _ => return None,
    };
    let number = |bytes: &[u8]| {
        let bytes: [u8; 4] = bytes.try_into().expect("four bytes");
        if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    let (header, mut rest) = input.split_at_checked(24)?;
    let network = number(&header[20..]);
    let mut naive = NaivePcap { frames: Vec::new(), swapped: Vec::new() };
    swap(&mut naive.swapped, header);
    if !LINKS.contains(&(network & 0xffff)) {
        return Some(naive);
    }
    let check = if network & 1 << 26 == 0 { 0 } else { (network >> 28) * 2 };
    let mut frame = 0;
    while let Some((header, behind)) = rest.split_at_checked(length) {
        let captured = number(&header[8..12]);
        let Some((data, behind)) = behind.split_at_checked(captured as usize) else { break };
        frame += 1;
        swap(&mut naive.swapped, &header[..16]);
        naive.swapped.extend(&header[16..]);
        naive.swapped.extend(data);
        rest = behind;
        if data.len() > LARGEST_FRAME {
            continue;
        }
        let wire = number(&header[12..16]).max(captured).saturating_sub(check);
        let data = &data[..data.len().min(wire as usize)];
        let [seconds, fraction] = [0, 4].map(|at| i128::from(number(&header[at..at + 4])));
        naive.frames.push((frame, seconds * 1_000_000_000 + fraction * unit, data, wire));
    }
    Some(naive)
}

/// Appends numbers of 32 bits in the other byte order. In the file's header, two of 16 bits share one; neither
/// says anything.
fn swap(to: &mut Vec<u8>, bytes: &[u8]) {
    for four in bytes.chunks(4) {
        to.extend(four.iter().rev());
    }
}

/// A replay counts every frame once, as long as it was on the wire.
fn replay(input: &[u8], whole: &Whole) {
    let Ok(capture) = Capture::from_reader("c", Cursor::new(input.to_vec())) else { return };
    // Without tables nothing is selected, and all is counted.
    let (engine, names) = (HostEngine::new(Vec::new()), Names::new(1, Vec::new()));
    let mut replay = Replay::new(Judge::host(engine), &names, "s");
    let (mut records, mut told, mut unreadable, mut ended) = (Vec::new(), 0, Vec::new(), None);
    let mut tell = |news: News<'_>| match news {
        News::Frames(number) => told = number,
        News::Unreadable(error) => unreadable.push(error.to_string()),
        News::Ended(error) => ended = Some(error.to_string()),
        News::TooLong { .. } => panic!("nothing is too long for the host's engine"),
    };
    replay.run(Path::new("c"), Ok(capture), &mut records, &mut tell).expect("nothing fails");
    assert_eq!((&unreadable, &ended), (&whole.unreadable, &whole.error));
    assert_eq!(told, whole.frames.last().map_or(0, |frame| frame.number));
    let report = replay.report().expect("the host's");
    let frames = whole.frames.len() as u64;
    assert_eq!((report.sum.packets(), report.sum.records()), (frames, 0));
    assert_eq!(report.captures[0].complete, unreadable.is_empty() && ended.is_none());
    assert!(records.is_empty());
    let value = serde_json::to_value(&report.sum).expect("plain JSON");
    assert_eq!(value, serde_json::to_value(&report.captures[0].counts).expect("plain JSON"));
    let bytes: Option<u64> = whole.frames.iter().map(length).sum();
    assert!(bytes.is_none_or(|bytes| value["bytes"] == bytes));
    let sum = |field: &str| -> u64 {
        value[field].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
    };
    assert_eq!(sum("outcomes"), frames);
    assert!(sum("directions") <= frames);
}

/// The length of a frame of Ethernet with the same packet; `None` where that is more than a sum.
fn length(frame: &Kept) -> Option<u64> {
    let wire = u64::from(frame.wire_length);
    match frame.link {
        LinkType::Ethernet => Some(wire),
        LinkType::Ipv4 | LinkType::Ipv6 | LinkType::Mpls => {
            Some((wire + 14).min(u64::from(u32::MAX)))
        }
        _ => None,
    }
}
