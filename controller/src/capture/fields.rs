//! Numbers in the byte order of the machine that wrote them.

/// A byte order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The 16 bits at `offset`; 0 where there are none.
    pub(super) fn u16(self, bytes: &[u8], offset: usize) -> u16 {
        let bytes = at(bytes, offset);
        if self == Self::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    /// The 32 bits at `offset`; 0 where there are none.
    pub(super) fn u32(self, bytes: &[u8], offset: usize) -> u32 {
        let bytes = at(bytes, offset);
        if self == Self::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    /// The 64 bits at `offset`, signed; 0 where there are none.
    pub(super) fn i64(self, bytes: &[u8], offset: usize) -> i64 {
        let bytes = at(bytes, offset);
        if self == Self::Big { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) }
    }
}

fn at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes.get(offset..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}
