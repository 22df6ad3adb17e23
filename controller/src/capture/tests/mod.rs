//! Captures of every kind that is read; what is cut off or damaged is in [`damage`].

use std::io::{self, Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::writer::{MICRO, NANO, Order, Pcapng, VARIANT, pcap, pcap_packet};
use super::*;

mod damage;

/// A frame that owns its data: number, nanoseconds since the epoch, data, wire length.
type Owned = (u64, i128, Vec<u8>, u32);

/// Reads to the end or to the first error, and checks that nothing follows.
fn read(bytes: &[u8]) -> (Vec<Owned>, Result<(), CaptureError>) {
    read_from(Cursor::new(bytes.to_vec()))
}

fn read_from(reader: impl Read + Send + 'static) -> (Vec<Owned>, Result<(), CaptureError>) {
    let mut frames = Vec::new();
    let mut capture = match Capture::from_reader("c.pcap", reader) {
        Ok(capture) => capture,
        Err(error) => return (frames, Err(error)),
    };
    let end = loop {
        match capture.next_frame() {
            Ok(Some(Frame { number, time, data, wire_length })) => {
                frames.push((number, time.as_nanosecond(), data.to_vec(), wire_length));
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert_eq!(capture.next_frame().unwrap(), None);
    (frames, end)
}

fn error(bytes: &[u8]) -> String {
    let error = read(bytes).1.unwrap_err().to_string();
    assert!(error.starts_with("c.pcap: ") && error.lines().count() == 1, "{error}");
    error
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn small_pcap(order: Order, magic: u32) -> Vec<u8> {
    let mut file = pcap(order, magic, 1);
    pcap_packet(&mut file, order, (1_700_000_000, 5), b"first frame", 11);
    pcap_packet(&mut file, order, (u32::MAX, 999_999), b"second", 1514);
    pcap_packet(&mut file, order, (0, 0), b"", 60);
    file
}

fn small_pcapng(order: Order) -> Vec<u8> {
    small_pcapng_blocks(order).file
}

fn small_pcapng_blocks(order: Order) -> Pcapng {
    let mut file = Pcapng::new(order);
    file.interface(1, 0, &[(2, b"eth0")]);
    file.interface(113, 0, &[]);
    file.interface(1, 0, &[(9, &[9])]);
    file.enhanced(0, 1_700_000_000_000_005, b"first frame", 11);
    file.block(0x8000_1234, b"something else");
    file.enhanced(2, 1_700_000_000_000_000_007, b"second", 1514);
    file
}

#[test]
fn pcap_in_both_orders_and_resolutions() {
    for order in Order::BOTH {
        for (magic, unit) in [(MICRO, 1000), (NANO, 1)] {
            let (frames, end) = read(&small_pcap(order, magic));
            end.unwrap();
            let second = 1_000_000_000;
            assert_eq!(
                frames,
                [
                    (1, 1_700_000_000 * second + 5 * unit, b"first frame".to_vec(), 11),
                    (2, i128::from(u32::MAX) * second + 999_999 * unit, b"second".to_vec(), 1514),
                    (3, 0, b"".to_vec(), 60),
                ]
            );
        }
    }
}

#[test]
fn kuznetzovs_variant_has_longer_packet_headers() {
    let mut file = pcap(Order::Little, VARIANT, 1);
    for field in [7_u32, 0, 3, 3, 0, 0] {
        file.extend(field.to_le_bytes());
    }
    file.extend(b"abc");
    let (frames, end) = read(&file);
    end.unwrap();
    assert_eq!(frames, [(1, 7_000_000_000, b"abc".to_vec(), 3)]);
}

#[test]
fn a_frame_is_never_shorter_than_what_was_captured() {
    let mut file = pcap(Order::Little, MICRO, 1);
    pcap_packet(&mut file, Order::Little, (0, 0), b"abcdef", 3);
    assert_eq!(read(&file).0, [(1, 0, b"abcdef".to_vec(), 6)]);
}

#[test]
fn flags_above_the_link_type_are_ignored() {
    let mut file = pcap(Order::Big, MICRO, 0x5400_0001);
    pcap_packet(&mut file, Order::Big, (0, 0), b"abc", 3);
    assert_eq!(read(&file).0.len(), 1);
}

#[test]
fn pcapng_with_several_interfaces() {
    for order in Order::BOTH {
        let (frames, end) = read(&small_pcapng(order));
        end.unwrap();
        assert_eq!(
            frames,
            [
                (1, 1_700_000_000_000_005_000, b"first frame".to_vec(), 11),
                (2, 1_700_000_000_000_000_007, b"second".to_vec(), 1514),
            ]
        );
    }
}

#[test]
fn pcapng_sections_have_their_own_order_and_interfaces() {
    let mut file = Pcapng::new(Order::Little);
    file.interface(1, 0, &[]);
    file.enhanced(0, 1, b"one", 3);
    file.section(Order::Big);
    file.interface(1, 0, &[(9, &[0])]);
    file.enhanced(0, 2, b"two", 3);
    file.section(Order::Little);
    let (frames, end) = read(&file.file);
    end.unwrap();
    assert_eq!(frames, [(1, 1_000, b"one".to_vec(), 3), (2, 2_000_000_000, b"two".to_vec(), 3)]);
    file.enhanced(0, 3, b"three", 5);
    assert!(error(&file.file).contains("interface 0 is described nowhere"));
}

#[test]
fn pcapng_times_have_resolution_and_offset() {
    for order in Order::BOTH {
        for (resolution, offset, ticks, nanoseconds) in [
            (0, 0, 3, 3_000_000_000),
            (6, 10, 1_500_000, 11_500_000_000),
            (6, -10, 1_500_000, -8_500_000_000),
            (9, 0, u64::MAX, i128::from(u64::MAX)),
            (12, 0, 1_999, 1),
            (127, 0, u64::MAX, 0),
            (0x80, 0, 3, 3_000_000_000),
            (0x80 | 1, 0, 3, 1_500_000_000),
            (0x80 | 32, 0, 5 << 31, 2_500_000_000),
            (0xff, 0, u64::MAX, 0),
        ] {
            let mut file = Pcapng::new(order);
            file.interface(1, 0, &[(9, &[resolution]), (14, &order.i64(offset))]);
            file.enhanced(0, ticks, b"abc", 3);
            assert_eq!(read(&file.file).0, [(1, nanoseconds, b"abc".to_vec(), 3)]);
        }
        for (resolution, offset) in [(0, 0), (6, i64::MIN), (6, i64::MAX)] {
            let mut file = Pcapng::new(order);
            file.interface(1, 0, &[(9, &[resolution]), (14, &order.i64(offset))]);
            file.enhanced(0, u64::MAX, b"abc", 3);
            assert!(error(&file.file).contains("frame 1, byte 72: its time is outside"));
        }
    }
}

#[test]
fn pcapng_simple_packets_are_as_long_as_the_snap_length_allows() {
    for order in Order::BOTH {
        let mut file = Pcapng::new(order);
        file.interface(1, 5, &[]);
        file.simple(b"abcde", 9);
        file.simple(b"abc", 3);
        let (frames, end) = read(&file.file);
        end.unwrap();
        assert_eq!(frames, [(1, 0, b"abcde".to_vec(), 9), (2, 0, b"abc".to_vec(), 3)]);
        file.simple(b"a", 5);
        assert!(error(&file.file).contains("a frame of 5 bytes in a block without room for it"));
    }
}

#[test]
fn pcapng_obsolete_packets_are_read() {
    for order in Order::BOTH {
        let mut file = Pcapng::new(order);
        file.interface(113, 0, &[]);
        file.interface(1, 0, &[]);
        file.obsolete(1, (1 << 32) + 7, b"abc", 60);
        let (frames, end) = read(&file.file);
        end.unwrap();
        assert_eq!(frames, [(1, ((1 << 32) + 7) * 1000, b"abc".to_vec(), 60)]);
    }
}

#[test]
fn gzip_is_read_through() {
    let whole = small_pcap(Order::Little, MICRO);
    assert_eq!(read(&gzip(&whole)).0, read(&whole).0);
    // Two members one after the other are one stream (RFC 1952).
    let (a, b) = whole.split_at(30);
    assert_eq!(read(&[gzip(a), gzip(b)].concat()).0, read(&whole).0);
    assert_eq!(read(&gzip(&small_pcapng(Order::Big))).0, read(&small_pcapng(Order::Big)).0);
}

#[test]
fn other_link_types_are_named() {
    for order in Order::BOTH {
        assert_eq!(
            error(&pcap(order, MICRO, 113)),
            "c.pcap: header, byte 0: link type 113 (LINUX_SLL) is not supported, only 1 (ETHERNET) \
             is"
        );
        let mut file = Pcapng::new(order);
        file.interface(276, 0, &[]);
        file.enhanced(0, 1, b"abc", 3);
        let error = error(&file.file);
        assert!(error.contains("frame 1, byte 48: link type 276 (LINUX_SLL2)"), "{error}");
    }
}
