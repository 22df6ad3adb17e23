//! Captures of every kind that is read. Compressed ones are in [`compressed`], damaged ones in [`damage`],
//! and what holds for all in [`properties`].

use std::io::{self, Cursor};

use compressed::gzip;

use super::writer::{MICRO, NANO, Order, Pcapng, VARIANT, pcap, pcap_packet};
use super::*;

mod compressed;
mod damage;
mod properties;

/// A frame that owns its data: number, nanoseconds since the epoch, data, wire length.
type Owned = (u64, Option<i128>, Vec<u8>, u32);

/// A capture that was read to its end.
struct Whole {
    frames: Vec<Owned>,
    links: Vec<LinkType>,
    /// The frames that could not be read.
    unreadable: Vec<CaptureError>,
    end: Result<(), CaptureError>,
}

/// Reads all, and checks that nothing follows.
fn whole(reader: impl Read + Send + 'static) -> Whole {
    let mut whole =
        Whole { frames: Vec::new(), links: Vec::new(), unreadable: Vec::new(), end: Ok(()) };
    let mut capture = match Capture::from_reader("c.pcap", reader) {
        Ok(capture) => capture,
        Err(error) => return Whole { end: Err(error), ..whole },
    };
    whole.end = loop {
        match capture.next_frame() {
            Ok(Some(Next::Frame(Frame { number, time, link, data, wire_length }))) => {
                let time = time.map(Timestamp::as_nanosecond);
                whole.frames.push((number, time, data.to_vec(), wire_length));
                whole.links.push(link);
            }
            Ok(Some(Next::Unreadable(error))) => whole.unreadable.push(error),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(matches!(capture.next_frame(), Ok(None)));
    whole
}

/// The frames, and the first error.
fn read(bytes: &[u8]) -> (Vec<Owned>, Result<(), CaptureError>) {
    read_from(Cursor::new(bytes.to_vec()))
}

fn read_from(reader: impl Read + Send + 'static) -> (Vec<Owned>, Result<(), CaptureError>) {
    let Whole { frames, unreadable, end, .. } = whole(reader);
    (frames, unreadable.into_iter().next().map_or(end, Err))
}

fn error(bytes: &[u8]) -> String {
    let error = read(bytes).1.unwrap_err().to_string();
    assert!(error.starts_with("c.pcap: ") && error.lines().count() == 1, "{error}");
    error
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
                    (1, Some(1_700_000_000 * second + 5 * unit), b"first frame".to_vec(), 11),
                    (
                        2,
                        Some(i128::from(u32::MAX) * second + 999_999 * unit),
                        b"second".to_vec(),
                        1514
                    ),
                    (3, Some(0), b"".to_vec(), 60),
                ]
            );
        }
    }
}

#[test]
fn kuznetzovs_variant_has_longer_packet_headers() {
    for order in Order::BOTH {
        let mut file = pcap(order, VARIANT, 1);
        for data in [b"abc", b"def"] {
            for field in [7_u32, 5, 3, 60, 2, 0x0800_0000] {
                file.extend(order.u32(field));
            }
            file.extend(data);
        }
        let (frames, end) = read(&file);
        end.unwrap();
        let time = Some(7_000_005_000);
        assert_eq!(frames, [(1, time, b"abc".to_vec(), 60), (2, time, b"def".to_vec(), 60)]);
    }
}

#[test]
fn a_frame_is_never_shorter_than_what_was_captured() {
    let mut file = pcap(Order::Little, MICRO, 1);
    pcap_packet(&mut file, Order::Little, (0, 0), b"abcdef", 3);
    assert_eq!(read(&file).0, [(1, Some(0), b"abcdef".to_vec(), 6)]);
}

#[test]
fn a_frame_check_sequence_is_none_of_the_frame() {
    for order in Order::BOTH {
        // Two words of 16 bits; no length without bit 26, and none with it.
        for (network, check) in [(0x2400_0001, 4), (0x2000_0001, 0), (0x0400_0001, 0)] {
            let mut file = pcap(order, MICRO, network);
            pcap_packet(&mut file, order, (0, 0), b"abcdFCS!", 8);
            // Cut before the sequence.
            pcap_packet(&mut file, order, (0, 0), b"abcdefgh", 64);
            let found = read(&file).0;
            assert_eq!(found[0].2, b"abcdFCS!"[..8 - check as usize]);
            assert_eq!((found[0].3, found[1].3), (8 - check, 64 - check));
            assert_eq!(found[1].2, b"abcdefgh");
        }
        let mut file = Pcapng::new(order);
        file.interface(1, 0, &[(13, &[4])]);
        file.enhanced(0, 0, b"abcFCS!", 7);
        file.simple(b"abcFCS!", 7);
        file.enhanced(0, 0, b"abc", 64);
        // A packet's own word on it: bits 5 to 8 of its flags.
        file.enhanced_with(0, 0, b"abcdeFC", 7, &[(2, &order.u32(2 << 5))]);
        let found: Vec<(Vec<u8>, u32)> =
            read(&file.file).0.into_iter().map(|frame| (frame.2, frame.3)).collect();
        let expected: [(&[u8], u32); 4] = [(b"abc", 3), (b"abc", 3), (b"abc", 60), (b"abcde", 5)];
        assert_eq!(found, expected.map(|(data, wire)| (data.to_vec(), wire)));
    }
}

#[test]
fn pcapng_with_several_interfaces() {
    for order in Order::BOTH {
        let (frames, end) = read(&small_pcapng(order));
        end.unwrap();
        assert_eq!(
            frames,
            [
                (1, Some(1_700_000_000_000_005_000), b"first frame".to_vec(), 11),
                (2, Some(1_700_000_000_000_000_007), b"second".to_vec(), 1514),
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
    assert_eq!(
        frames,
        [(1, Some(1_000), b"one".to_vec(), 3), (2, Some(2_000_000_000), b"two".to_vec(), 3)]
    );
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
            assert_eq!(read(&file.file).0, [(1, Some(nanoseconds), b"abc".to_vec(), 3)]);
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
        assert_eq!(frames, [(1, None, b"abcde".to_vec(), 9), (2, None, b"abc".to_vec(), 3)]);
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
        assert_eq!(frames, [(1, Some(((1 << 32) + 7) * 1000), b"abc".to_vec(), 60)]);
    }
}

#[test]
fn other_link_types_are_named() {
    for order in Order::BOTH {
        assert_eq!(
            error(&pcap(order, MICRO, 105)),
            "c.pcap: header, byte 0: link type 105 (IEEE802_11) is not read"
        );
        let mut file = Pcapng::new(order);
        file.interface(147, 0, &[]);
        file.interface(276, 0, &[]);
        file.enhanced(0, 1, b"abc", 3);
        file.enhanced(1, 1, b"def", 3);
        // Only such a frame is lost.
        let Whole { frames, links, unreadable, end } = whole(Cursor::new(file.file));
        end.unwrap();
        assert_eq!(frames, [(2, Some(1000), b"def".to_vec(), 3)]);
        assert_eq!(links, [LinkType::LinuxSll2]);
        let unreadable: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
        assert_eq!(unreadable, ["c.pcap: frame 1, byte 68: link type 147 (USER0) is not read"]);
    }
}

#[test]
fn every_link_type_that_is_read() {
    for (number, link) in [
        (0, LinkType::Null),
        (1, LinkType::Ethernet),
        (9, LinkType::Ppp),
        (12, LinkType::Raw),
        (14, LinkType::Raw),
        (50, LinkType::PppHdlc),
        (51, LinkType::PppEther),
        (101, LinkType::Raw),
        (104, LinkType::CiscoHdlc),
        (108, LinkType::Loop),
        (113, LinkType::LinuxSll),
        (204, LinkType::PppWithDirection),
        (219, LinkType::Mpls),
        (228, LinkType::Ipv4),
        (229, LinkType::Ipv6),
        (276, LinkType::LinuxSll2),
    ] {
        let mut file = pcap(Order::Little, MICRO, number);
        pcap_packet(&mut file, Order::Little, (0, 0), b"abc", 3);
        assert_eq!(whole(Cursor::new(file)).links, [link], "{number}");
    }
}

#[test]
fn a_wrong_packet_of_pcapng_costs_itself() {
    for order in Order::BOTH {
        let mut file = Pcapng::new(order);
        file.interface(1, 0, &[]);
        file.enhanced(7, 1, b"of no interface", 15);
        file.enhanced(0, 1, b"one", 3);
        file.block(6, &[0; 16]);
        file.block(3, &order.u32(99));
        file.enhanced_with(0, 1, b"abc", 3, &[]);
        let options = file.file.len() - 4;
        file.enhanced_with(0, 1, b"abc", 3, &[(2, &[0; 4])]);
        // The option's length: beyond its block.
        let at = options + 4 + 28 + 4 + 2;
        file.file[at..at + 2].copy_from_slice(&order.u16(40));
        file.block(6, &vec![0; 2 << 20]);
        file.enhanced(0, 1, b"two", 3);
        let Whole { frames, unreadable, end, .. } = whole(Cursor::new(file.file));
        end.unwrap();
        let numbers: Vec<u64> = frames.iter().map(|frame| frame.0).collect();
        assert_eq!(numbers, [2, 5, 8]);
        let told: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
        for (told, (frame, reason)) in told.iter().zip([
            (1, "interface 7 is described nowhere before it"),
            (3, "a packet's block without room for its fields"),
            (4, "a frame of 99 bytes in a block without room for it"),
            (6, "an option that is longer than its block"),
            (7, "a block of 2097164 bytes; at most 1048576 are read"),
        ]) {
            assert!(told.starts_with(&format!("c.pcap: frame {frame}, byte ")), "{told}");
            assert!(told.ends_with(reason), "{told}");
        }
        assert_eq!(told.len(), 5);
    }
}
