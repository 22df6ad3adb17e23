//! Compressed captures. Files made by `zstd` and `xz` stand here as bytes; where the programs are installed,
//! they compress others.

use std::io::Write;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// [`small_pcap`] of little-endian microseconds, by `zstd -19 --check`.
const ZSTD: &str = "\
    28b52ffd04683d0200a403d4c3b2a10200040004000100000000f15365050000000b6669727374206672616d65ff3f42\
    0f0006000000ea0500007365636f6e64003c000000040081115c40bbb96e200e443deffa";
/// The same by `xz -9`.
const XZ: &str = "\
    fd377a585a000004e6d6b446020021011c00000010cf58cce00058003c5d006a30d1c87d8bf8099baf1fcc7908758a71\
    b0c9012c6d8a5844a6f5bef31f74037dd62f7e5aaf50f9d1e37a519e4b721c4b517383e29dcfe8e242932000c98293dc\
    ebf91ba200015859278b53401fb6f37d010000000004595a";

pub(super) fn zstd() -> Vec<u8> {
    hex::decode(ZSTD).unwrap()
}

pub(super) fn xz() -> Vec<u8> {
    hex::decode(XZ).unwrap()
}

/// Compresses with a program; `None` where it is not installed.
fn with(program: &str, arguments: &[&str], bytes: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    Some(output.stdout)
}

fn plain() -> Vec<u8> {
    small_pcap(Order::Little, MICRO)
}

#[test]
fn each_kind_is_read_through() {
    let expected = read(&plain()).0;
    assert_eq!(expected.len(), 3);
    for bytes in [gzip(&plain()), zstd(), xz()] {
        let (frames, end) = read(&bytes);
        end.unwrap();
        assert_eq!(frames, expected);
    }
    assert_eq!(read(&gzip(&small_pcapng(Order::Big))).0, read(&small_pcapng(Order::Big)).0);
}

#[test]
fn streams_follow_each_other_with_zeros_between_and_behind() {
    let whole = plain();
    let expected = read(&whole).0;
    let (a, b) = whole.split_at(30);
    let nothing = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    for bytes in [
        [gzip(a), gzip(b)].concat(),
        [gzip(a), vec![0; 512], gzip(b)].concat(),
        [gzip(&whole), vec![0; 100_000]].concat(),
        [gzip(&whole), vec![0]].concat(),
        [zstd(), vec![0; 7]].concat(),
        [xz(), vec![0; 4]].concat(),
        [&nothing[..], &zstd(), &nothing].concat(),
        [gzip(b""), zstd(), gzip(b"")].concat(),
        [zstd(), nothing.repeat(100_000)].concat(),
    ] {
        let (frames, end) = read(&bytes);
        end.unwrap();
        assert_eq!(frames, expected);
    }
    for compressed in [gzip(&whole), zstd(), xz()] {
        let (frames, end) = read(&[&compressed[..], b"garbage"].concat());
        assert_eq!(frames, expected);
        let error = end.unwrap_err().to_string();
        assert!(error.contains("bytes after its end that are not compressed"), "{error}");
    }
}

#[test]
fn cut_anywhere_it_is_cut_off_and_what_came_before_is_there() {
    let expected = read(&plain()).0;
    for whole in [gzip(&plain()), zstd(), xz()] {
        for cut in 6..whole.len() {
            let (frames, end) = read(&whole[..cut]);
            assert!(expected.starts_with(&frames));
            let error = end.unwrap_err().to_string();
            assert!(error.contains("the capture is cut off here"), "cut at {cut}: {error}");
        }
    }
}

#[test]
fn a_damaged_checksum_is_told() {
    for (kind, whole, from_end) in [("gzip", gzip(&plain()), 8), ("zstd", zstd(), 1)] {
        let mut whole = whole;
        let at = whole.len() - from_end;
        whole[at] ^= 1;
        let error = read(&whole).1.unwrap_err().to_string();
        assert!(error.contains(&format!("unreadable {kind} data")), "{error}");
    }
}

/// A window of 2 GiB is not reserved because a file says so.
#[test]
fn windows_are_bounded() {
    let error = read(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0, 0, 0, 0]).1.unwrap_err();
    assert!(error.to_string().contains("unreadable zstd data"), "{error}");
    // The block header's dictionary size is the byte before its padding: 37 is 3 GiB.
    let mut file = xz();
    let at = file.windows(3).position(|three| three == [0x21, 0x01, 0x1c]).unwrap();
    file[at + 2] = 37;
    let header = &file[12..20];
    let crc = crc32(header).to_le_bytes();
    file[20..24].copy_from_slice(&crc);
    let error = read(&file).1.unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A larger capture through the programs that people use, with their unusual options.
#[test]
fn what_the_programs_write_is_read() {
    let mut file = pcap(Order::Little, NANO, 1);
    for number in 0..3_000_u32 {
        let length = usize::try_from(number % 1500).unwrap();
        let data: Vec<u8> = (0..length).map(|at| (at * at / 7).to_le_bytes()[0]).collect();
        pcap_packet(&mut file, Order::Little, (number, number), &data, 1500);
    }
    let expected = read(&file).0;
    assert_eq!(expected.len(), 3_000);
    let programs: [(&str, &[&str]); 7] = [
        ("gzip", &["-9c"]),
        ("zstd", &["-qc"]),
        ("zstd", &["-qc", "-19", "--long=27", "--no-check"]),
        ("zstd", &["-qc", "-T2", "-B100KB"]),
        ("xz", &["-c"]),
        ("xz", &["-9ec", "--check=sha256"]),
        ("xz", &["-c", "-T2", "--block-size=65536", "--check=crc32"]),
    ];
    for (program, arguments) in programs {
        let Some(compressed) = with(program, arguments, &file) else { continue };
        assert!(compressed.len() < file.len(), "{program}");
        let (frames, end) = read(&compressed);
        end.unwrap();
        assert!(frames == expected, "{program} {arguments:?}");
    }
}

/// A disk that fails is not reported as a damaged capture.
#[test]
fn what_the_system_says_is_told() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is on fire"))
        }
    }
    for bytes in [plain(), gzip(&plain()), zstd(), xz()] {
        for cut in [0, 3, 40] {
            let reader = Cursor::new(bytes[..cut].to_vec()).chain(Failing);
            let error = read_from(reader).1.unwrap_err().to_string();
            assert_eq!(error, "c.pcap: cannot be read: the disk is on fire");
        }
    }
}
