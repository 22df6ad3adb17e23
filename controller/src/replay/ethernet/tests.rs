use jiff::Timestamp;

use super::*;

/// An IPv4 packet's first bytes, and where it is found again.
const V4: [u8; 3] = [0x45, 1, 2];
const V6: [u8; 3] = [0x60, 1, 2];

fn converted(link: LinkType, data: &[u8], wire_length: u32) -> (Vec<u8>, u32) {
    let time = Some(Timestamp::UNIX_EPOCH);
    let frame = Frame { number: 1, time, link, data, wire_length };
    let mut buffer = b"what was there before".to_vec();
    let Captured { bytes, length } = as_ethernet(&frame, &mut buffer);
    (bytes.to_vec(), length)
}

fn ethernet(ether_type: u16, packet: &[u8]) -> Vec<u8> {
    [&[0; 12], &ether_type.to_be_bytes()[..], packet].concat()
}

#[test]
fn ethernet_is_left_as_it_is() {
    assert_eq!(converted(LinkType::Ethernet, b"abc", 60), (b"abc".to_vec(), 60));
}

#[test]
fn every_header_is_one_of_ethernet_that_says_the_same() {
    use LinkType::{
        CiscoHdlc, Ipv4, Ipv6, LinuxSll, LinuxSll2, Loop, Mpls, Null, Ppp, PppEther, PppHdlc,
        PppWithDirection, Raw,
    };
    const NONE: u16 = 0xffff;
    #[rustfmt::skip]
    let cases: &[(LinkType, &[u8], u16)] = &[
        (Ipv4, &[], 0x0800),
        (Ipv6, &[], 0x86dd),
        (Mpls, &[], 0x8847),
        (PppEther, &[], 0x8864),
        // Address families: Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS; AppleTalk.
        (Null, &[2, 0, 0, 0], 0x0800), (Null, &[0, 0, 0, 2], 0x0800),
        (Null, &[10, 0, 0, 0], 0x86dd), (Null, &[0, 0, 0, 23], 0x86dd),
        (Null, &[24, 0, 0, 0], 0x86dd), (Null, &[0, 0, 0, 28], 0x86dd),
        (Null, &[30, 0, 0, 0], 0x86dd), (Null, &[16, 0, 0, 0], NONE),
        (Loop, &[0, 0, 0, 2], 0x0800), (Loop, &[0, 0, 0, 24], 0x86dd),
        (Loop, &[2, 0, 0, 0], NONE),
        (Ppp, &[0xff, 3, 0, 0x21], 0x0800), (Ppp, &[0, 0x57], 0x86dd), (Ppp, &[0x21], 0x0800),
        (Ppp, &[0xff, 3, 0x57], 0x86dd), (Ppp, &[2, 0x81], 0x8847), (Ppp, &[2, 0x83], 0x8848),
        (Ppp, &[0xff, 3, 0xc0, 0x21], NONE),
        (PppHdlc, &[0xff, 3, 0, 0x21], 0x0800), (PppHdlc, &[0x0f, 0, 0x08, 0], 0x0800),
        (PppHdlc, &[0x8f, 0, 0x86, 0xdd], 0x86dd),
        (PppWithDirection, &[1, 0xff, 3, 0, 0x21], 0x0800), (PppWithDirection, &[0, 0, 0x57], 0x86dd),
        (CiscoHdlc, &[0x0f, 0, 0x08, 0], 0x0800), (CiscoHdlc, &[0x0f, 0, 0x81, 0], 0x8100),
        (LinuxSll, &[0, 4, 0, 1, 0, 6, 0, 1, 2, 3, 4, 5, 0, 0, 0x08, 0], 0x0800),
        (LinuxSll, &[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x86, 0xdd], 0x86dd),
        (LinuxSll, &[0, 0, 3, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0], NONE),
        (LinuxSll2, &[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 1, 2, 3, 4, 5, 0, 0], 0x0800),
        (LinuxSll2, &[8, 0, 0, 0, 0, 0, 0, 1, 3, 35, 0, 6, 0, 1, 2, 3, 4, 5, 0, 0], NONE),
    ];
    for (link, header, ether_type) in cases {
        let data = [header, &V4[..]].concat();
        let wire = u32::try_from(header.len()).unwrap() + 100;
        let expected = (ethernet(*ether_type, &V4), 114);
        assert_eq!(converted(*link, &data, wire), expected, "{link:?} {header:02x?}");
        // Cut inside of its header, it is shorter than any frame of Ethernet; the length is the wire's.
        for cut in 0..header.len() {
            let (bytes, length) = converted(*link, &header[..cut], 100);
            assert_eq!((bytes.len(), length), (0, 100), "{link:?} {header:02x?} {cut}");
        }
    }
    for (packet, ether_type) in [(V4, 0x0800), (V6, 0x86dd), ([0x05, 0, 0], 0x0800)] {
        assert_eq!(converted(Raw, &packet, 3), (ethernet(ether_type, &packet), 17));
    }
    assert_eq!(converted(Raw, &[], 40), (Vec::new(), 40));
}

/// Linux gives kinds of frames in the place of a protocol: a length stands there on Ethernet.
#[test]
fn a_kind_of_frame_is_no_protocol() {
    for (kind, wire, length) in [(1, 116, 100), (4, 26, 10), (4, 66_000, 1500)] {
        let mut data = [0; 16];
        data[15] = kind;
        assert_eq!(converted(LinkType::LinuxSll, &data, wire).0, ethernet(length, &[]));
    }
}

proptest::proptest! {
    #[test]
    fn nothing_panics_and_no_frame_is_longer_than_it_was(
        link in proptest::sample::select(vec![
            LinkType::Null, LinkType::Loop, LinkType::Ppp, LinkType::PppHdlc,
            LinkType::PppWithDirection, LinkType::PppEther, LinkType::CiscoHdlc, LinkType::Raw,
            LinkType::Ipv4, LinkType::LinuxSll, LinkType::LinuxSll2, LinkType::Mpls,
        ]),
        data in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
        more in proptest::prelude::any::<u32>(),
    ) {
        let wire = u32::try_from(data.len()).unwrap().saturating_add(more);
        let (bytes, length) = converted(link, &data, wire);
        assert!(bytes.len() <= 14 + data.len() && length as usize >= bytes.len());
        assert!(length <= wire.saturating_add(14));
    }
}
