//! Files that are not captures, captures cut off at every byte, and damaged ones: one clear error, never a
//! panic.

use proptest::prelude::*;

use super::compressed::{xz, zstd};
use super::*;

#[test]
fn what_is_no_capture_is_told() {
    for (bytes, reason) in [
        (&b""[..], "not a pcap or pcapng capture: it is empty"),
        (b"\xd4", "not a pcap or pcapng capture: it is shorter"),
        (b"\x1f\x8b", "cut off"),
        (b"\x1f\x8b garbage that is not gzip", "unreadable gzip data"),
        (b"\x28\xb5\x2f\xfd garbage that is not zstd", "unreadable zstd data"),
        (b"\xfd7zXZ\0garbage that is not xz", "unreadable xz data"),
        (b"GET / HTTP/1.1\r\n", "not a pcap or pcapng capture: it begins neither"),
        (b"\x0a\x0d\x0d\x0agarbage!", "a section of unknown byte order"),
    ] {
        let error = error(bytes);
        assert!(error.contains(reason), "{error}");
    }
    assert!(error(&gzip(b"")).contains("it is empty"));
    let error = Capture::open(Path::new("/nonexistent/c.pcap")).err().unwrap().to_string();
    assert!(error.starts_with("/nonexistent/c.pcap: cannot be read: "), "{error}");
}

#[test]
fn a_frame_that_is_too_large_costs_itself_where_it_is_there() {
    let mut file = pcap(Order::Little, MICRO, 1);
    pcap_packet(&mut file, Order::Little, (0, 0), &vec![0; LARGEST_FRAME + 1], 9);
    pcap_packet(&mut file, Order::Little, (0, 0), b"abc", 3);
    let Whole { frames, unreadable, end, .. } = whole(Cursor::new(file));
    end.unwrap();
    assert_eq!(frames, [(2, Some(0), b"abc".to_vec(), 3)]);
    let told: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
    let reason = "a frame of 262145 bytes; at most 262144 are read";
    assert_eq!(told, [format!("c.pcap: frame 1, byte 24: {reason}")]);
}

#[test]
fn absurd_lengths_are_refused_without_believing_them() {
    let mut file = small_pcap(Order::Big, MICRO);
    let place = file.len();
    for field in [0, 0, u32::MAX, u32::MAX] {
        file.extend(field.to_be_bytes());
    }
    assert_eq!(
        error(&file),
        format!(
            "c.pcap: frame 4, byte {place}: a frame of 4294967295 bytes; at most 262144 are read"
        )
    );
    for (block_type, length, reason) in [
        (6, 0, "a block cannot be 0 bytes long"),
        (6, 8, "a block cannot be 8 bytes long"),
        (6, 33, "a block cannot be 33 bytes long"),
        (6, 12, "without room for its fields"),
        (2, 12, "without room for its fields"),
        (1, 12, "without room for its fields"),
        (1, u32::MAX - 3, "a block of 4294967292 bytes; at most"),
        (6, u32::MAX - 3, "a block of 4294967292 bytes; at most"),
        (99, u32::MAX - 3, "cut off"),
        (0x0a0d_0d0a, 12, "a block cannot be 12 bytes long"),
        (0x0a0d_0d0a, 16, "a block cannot be 16 bytes long"),
    ] {
        let mut file = Pcapng::new(Order::Little);
        file.interface(1, 0, &[]);
        file.file.extend(u32::to_le_bytes(block_type));
        file.file.extend(length.to_le_bytes());
        if block_type == 0x0a0d_0d0a {
            file.file.extend(0x1a2b_3c4d_u32.to_le_bytes());
        }
        file.file.extend(length.to_le_bytes());
        let error = error(&file.file);
        assert!(error.contains(reason), "{block_type} {length}: {error}");
    }
}

#[test]
fn a_caplen_beyond_its_block_is_refused() {
    for caplen in [9, 4096, u32::MAX - 4, u32::MAX] {
        let mut file = Pcapng::new(Order::Little);
        file.interface(1, 0, &[]);
        file.enhanced(0, 1, b"abcdefgh", 8);
        let place = file.file.len() - 4 - 8 - 8;
        file.file[place..place + 4].copy_from_slice(&caplen.to_le_bytes());
        let error = error(&file.file);
        assert!(error.contains("frame 1, byte 48: a "), "{error}");
    }
}

#[test]
fn block_lengths_must_agree() {
    for order in Order::BOTH {
        let mut file = small_pcapng(order);
        let last = file.len() - 4;
        file[last..].copy_from_slice(&order.u32(44));
        let error = error(&file);
        assert!(
            error.contains("frame 2, byte 184: a block of 40 bytes that ends as one of 44"),
            "{error}"
        );
    }
}

#[test]
fn the_largest_frame_is_read_and_no_larger_one() {
    for (length, readable) in [(LARGEST_FRAME, true), (LARGEST_FRAME + 1, false)] {
        let data = vec![0x55; length];
        let wire = u32::try_from(length).unwrap();
        let mut file = pcap(Order::Little, MICRO, 1);
        pcap_packet(&mut file, Order::Little, (0, 0), &data, wire);
        assert_eq!(read(&file).1.is_ok(), readable);
        let mut file = Pcapng::new(Order::Little);
        file.interface(1, 0, &[]);
        file.enhanced(0, 0, &data, wire);
        assert_eq!(read(&file.file).1.is_ok(), readable);
    }
}

/// Cuts a whole capture, which may end at some places: between its packets or blocks.
fn cut_everywhere(whole: &[u8], may_end: &[usize]) {
    let (frames, end) = read(whole);
    end.unwrap();
    for cut in 0..whole.len() {
        let (fewer, end) = read(&whole[..cut]);
        assert!(frames.starts_with(&fewer), "cut at {cut}");
        assert_eq!(end.is_ok(), may_end.contains(&cut), "cut at {cut}: {end:?}");
        if cut >= 28
            && let Err(error) = end
        {
            let number = fewer.len() + 1;
            let expected =
                format!("c.pcap: frame {number}, byte {cut}: the capture is cut off here");
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn a_capture_cut_at_any_byte_ends_in_an_error_or_between_packets() {
    for order in Order::BOTH {
        cut_everywhere(&small_pcap(order, NANO), &[24, 24 + 27, 24 + 27 + 22]);
        let blocks = small_pcapng_blocks(order);
        cut_everywhere(&blocks.file, &blocks.ends);
    }
}

proptest! {
    #[test]
    fn no_damage_makes_it_panic(
        which in 0_usize..6,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = match which {
            0 => small_pcap(Order::Little, MICRO),
            1 => small_pcapng(Order::Little),
            2 => small_pcapng(Order::Big),
            3 => zstd(),
            4 => xz(),
            _ => gzip(&small_pcap(Order::Big, NANO)),
        };
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let (_, end) = read(&bytes);
        if let Err(error) = end {
            prop_assert_eq!(error.to_string().lines().count(), 1);
        }
    }

    #[test]
    fn no_blocks_make_it_panic(
        blocks in proptest::collection::vec(
            (0_u32..12, proptest::collection::vec(any::<u8>(), 0..64)), 0..6,
        ),
    ) {
        let mut file = Pcapng::new(Order::Little);
        file.interface(1, 0, &[]);
        for (block_type, body) in blocks {
            file.block(block_type, &body);
        }
        let _ = read(&file.file);
    }
}
