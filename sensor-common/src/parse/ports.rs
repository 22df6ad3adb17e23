//! The protocols that have ports, and ports.

/// IANA protocol number of TCP.
pub const TCP: u8 = 6;
/// IANA protocol number of UDP.
pub const UDP: u8 = 17;

/// The ports of a TCP or UDP packet, in host byte order.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ports {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
}

impl Ports {
    /// As they stand in a header.
    #[inline(always)]
    pub(super) const fn of(word: u32) -> Self {
        let [a, b, c, d] = word.to_be_bytes();
        Self { source: u16::from_be_bytes([a, b]), destination: u16::from_be_bytes([c, d]) }
    }
}
