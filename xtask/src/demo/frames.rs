//! Ethernet frames and a capture of them, written by hand: the traffic of the demo without root.

use std::net::IpAddr;

use jiff::Timestamp;

/// What a frame carries above IP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Carries {
    Tcp {
        source: u16,
        destination: u16,
    },
    Udp {
        source: u16,
        destination: u16,
    },
    /// An ICMP echo request of the addresses' version.
    Ping,
}

/// A frame between two addresses of the same version.
pub(super) fn frame(source: IpAddr, destination: IpAddr, carries: Carries) -> Vec<u8> {
    let pseudo = [octets(source), octets(destination)].concat();
    let (protocol, segment) = match carries {
        Carries::Tcp { source, destination } => (6, tcp(source, destination)),
        Carries::Udp { source, destination } => (17, udp(source, destination)),
        Carries::Ping if source.is_ipv4() => (1, vec![8, 0, 0, 0, 0, 1, 0, 1]),
        Carries::Ping => (58, vec![128, 0, 0, 0, 0, 1, 0, 1]),
    };
    let segment = checksummed(protocol, &pseudo, segment);
    let length = u16::try_from(segment.len()).expect("a segment of the demo is short");

    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    if source.is_ipv4() {
        frame.extend([0x08, 0x00]);
        let mut header = vec![0x45, 0];
        header.extend((length + 20).to_be_bytes());
        header.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
        header.extend(&pseudo);
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum);
        frame.extend(header);
    } else {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend(length.to_be_bytes());
        frame.extend([protocol, 64]);
        frame.extend(&pseudo);
    }
    frame.extend(segment);
    frame
}

/// A connection request.
fn tcp(source: u16, destination: u16) -> Vec<u8> {
    const SYN: u8 = 0x02;
    let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, SYN, 0xff, 0xff, 0, 0, 0, 0]);
    segment
}

fn udp(source: u16, destination: u16) -> Vec<u8> {
    let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    segment.extend([0, 12, 0, 0]);
    segment.extend(b"demo");
    segment
}

/// Fills in a segment's checksum, which covers the addresses, but for ICMP over IPv4.
fn checksummed(protocol: u8, addresses: &[u8], mut segment: Vec<u8>) -> Vec<u8> {
    let place = match protocol {
        6 => 16,
        17 => 6,
        _ => 2,
    };
    let mut covered = Vec::new();
    if protocol != 1 {
        covered.extend(addresses);
        covered.extend([0, protocol]);
        covered.extend(u16::try_from(segment.len()).unwrap_or(0).to_be_bytes());
    }
    covered.extend(&segment);
    let sum = checksum(&covered);
    segment[place..place + 2].copy_from_slice(&sum);
    segment
}

/// The internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks_exact(2).map(|pair| u64::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    let [.., high, low] = (!sum).to_be_bytes();
    [high, low]
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// A capture file (pcap, Ethernet) of `frames`, one millisecond apart from `start` on.
pub(super) fn capture(start: Timestamp, frames: &[Vec<u8>]) -> Vec<u8> {
    const MAGIC: u32 = 0xa1b2_c3d4;
    const SNAP_LENGTH: u32 = 65_535;
    const ETHERNET: u32 = 1;
    let mut file = Vec::new();
    file.extend(MAGIC.to_le_bytes());
    file.extend([2, 0, 4, 0]); // version 2.4
    file.extend([0; 8]); // UTC, accuracy
    file.extend(SNAP_LENGTH.to_le_bytes());
    file.extend(ETHERNET.to_le_bytes());
    let mut time = start;
    for frame in frames {
        let seconds = u32::try_from(time.as_second()).unwrap_or(0);
        let micros = u32::try_from(time.subsec_microsecond()).unwrap_or(0);
        let length = u32::try_from(frame.len()).unwrap_or(SNAP_LENGTH);
        for field in [seconds, micros, length, length] {
            file.extend(field.to_le_bytes());
        }
        file.extend(frame);
        time += std::time::Duration::from_millis(1);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4() -> (IpAddr, IpAddr) {
        ("192.0.2.1".parse().unwrap(), "198.51.100.7".parse().unwrap())
    }

    fn v6() -> (IpAddr, IpAddr) {
        ("2001:db8:c::1".parse().unwrap(), "2001:db8:a::7".parse().unwrap())
    }

    #[test]
    fn checksums_are_right() {
        // The example of RFC 1071, section 3: the sum is ddf2, the checksum its complement.
        let example = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&example), [0x22, 0x0d]);
        let (source, destination) = v4();
        let frame = frame(source, destination, Carries::Ping);
        assert_eq!(checksum(&frame[14..34]), [0, 0], "IPv4 header");
        assert_eq!(checksum(&frame[34..]), [0, 0], "ICMP");
    }

    #[test]
    fn lengths_agree_with_the_headers() {
        for carries in [
            Carries::Tcp { source: 1, destination: 2 },
            Carries::Udp { source: 1, destination: 2 },
            Carries::Ping,
        ] {
            let (source, destination) = v4();
            let frame4 = frame(source, destination, carries);
            assert_eq!(usize::from(frame4[16]) * 256 + usize::from(frame4[17]), frame4.len() - 14);
            let (source, destination) = v6();
            let frame6 = frame(source, destination, carries);
            assert_eq!(usize::from(frame6[18]) * 256 + usize::from(frame6[19]), frame6.len() - 54);
        }
    }

    #[test]
    fn a_capture_holds_its_frames() {
        let start: Timestamp = "2027-11-01T00:00:00Z".parse().unwrap();
        let file = capture(start, &[vec![1, 2, 3], vec![4]]);
        assert_eq!(file.len(), 24 + 16 + 3 + 16 + 1);
        assert_eq!(&file[..4], &[0xd4, 0xc3, 0xb2, 0xa1]);
        assert_eq!(&file[40..43], &[1, 2, 3]);
    }
}
