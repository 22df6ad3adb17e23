//! TCP (RFC 9293). Ports are read in [`super::transport`], as UDP has them at the same place.

use core::ops::Range;

use super::flow::Flow;
use crate::packet::{Offset, Packet};

/// Positions of the fields (RFC 9293 section 3.1).
mod field {
    pub(super) const DATA_OFFSET: u64 = 12;
    /// Where options begin.
    pub(super) const END: u64 = 20;
}

/// Bytes of a header without options.
pub(super) const SHORTEST: u64 = field::END;

/// Where the data offset says that the payload begins, up to the end of the IP packet.
#[inline(always)]
pub(super) fn payload<P: Packet>(packet: &P, flow: &Flow) -> Option<Range<u64>> {
    let at = u64::from(flow.upper).wrapping_add(field::DATA_OFFSET);
    // With the flags behind it: the verifier does not follow a check for a single byte.
    let [data_offset, _] = packet.load(Offset::new(at)?)?;
    // In units of four bytes, the header included.
    let length = u64::from(data_offset >> 4).wrapping_mul(4);
    if length < SHORTEST {
        return None;
    }
    Some(u64::from(flow.upper).wrapping_add(length)..flow.end.into())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{found, tcp_v4_with};

    #[test]
    fn options_are_not_payload() {
        let mut frame = tcp_v4_with(b"\x01\x01\x01\x00hello");
        frame[34 + 12] = 6 << 4;
        assert_eq!(found(&frame), Some(b"hello".as_slice()));
    }

    #[test]
    fn a_data_offset_that_cannot_be_leaves_no_payload() {
        for (words, expected) in [
            (0, None),
            (4, None),
            (5, Some(b"abcd".as_slice())),
            (6, Some(b"")),
            (7, None),
            (15, None),
        ] {
            let mut frame = tcp_v4_with(b"abcd");
            frame[34 + 12] = words << 4 | 0xf;
            assert_eq!(found(&frame), expected, "{words} words");
        }
    }
}
