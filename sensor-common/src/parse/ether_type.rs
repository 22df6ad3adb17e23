//! `EtherType`s.

/// What an Ethernet header, a tag, GRE or Geneve says of what is behind it (IANA, "IEEE 802 Numbers").
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct EtherType(pub(super) u16);

impl EtherType {
    pub(super) const IPV4: Self = Self(0x0800);
    pub(super) const IPV6: Self = Self(0x86dd);
    /// Customer tag (802.1Q).
    pub(super) const C_TAG: Self = Self(0x8100);
    /// Service tag (802.1ad).
    pub(super) const S_TAG: Self = Self(0x88a8);
    /// The service tag of many devices before 802.1ad.
    pub(super) const OLD_TAG: Self = Self(0x9100);
    /// MPLS (RFC 5332).
    pub(super) const MPLS: Self = Self(0x8847);
    /// MPLS with an upstream-assigned label (RFC 5332).
    pub(super) const MPLS_UPSTREAM: Self = Self(0x8848);
    /// A `PPPoE` session (RFC 2516).
    pub(super) const PPPOE: Self = Self(0x8864);
    /// An Ethernet frame (RFC 1701, RFC 7637).
    pub(super) const BRIDGING: Self = Self(0x6558);

    /// Whether a tag follows.
    #[inline(always)]
    pub(super) const fn is_tag(self) -> bool {
        matches!(self, Self::C_TAG | Self::S_TAG | Self::OLD_TAG)
    }
}
