//! Frames as they were on the wire.

use std::borrow::Cow;

use crate::capture::Frame;
use crate::engine::LONGEST_FRAME;

/// The frame at its length on the wire, and whether the capture holds less of it.
///
/// A capture may keep only the first bytes of each frame. What the program looks at is in those
/// bytes, but a packet that is longer than its frame is malformed, and a record gives the frame's
/// length; so the missing bytes are replaced by zeros. A length that no engine takes is left alone:
/// no frame on a wire is that long.
pub(super) fn whole<'a>(frame: &Frame<'a>) -> (Cow<'a, [u8]>, bool) {
    let wire = frame.wire_length as usize;
    if wire <= frame.data.len() || wire > LONGEST_FRAME {
        return (Cow::Borrowed(frame.data), false);
    }
    let mut bytes = Vec::with_capacity(wire);
    bytes.extend_from_slice(frame.data);
    bytes.resize(wire, 0);
    (Cow::Owned(bytes), true)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn frame(data: &[u8], wire_length: u32) -> Frame<'_> {
        Frame { number: 1, time: Timestamp::UNIX_EPOCH, data, wire_length }
    }

    #[test]
    fn only_frames_that_were_cut_are_padded() {
        assert_eq!(whole(&frame(b"abc", 3)), (Cow::Borrowed(&b"abc"[..]), false));
        assert_eq!(whole(&frame(b"abc", 5)), (Cow::Borrowed(&b"abc\0\0"[..]), true));
        assert_eq!(whole(&frame(b"abc", u32::MAX)), (Cow::Borrowed(&b"abc"[..]), false));
    }
}
