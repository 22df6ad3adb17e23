//! Link types: what the first bytes of a frame are, by the numbers of the `LINKTYPE_` registry
//! (tcpdump.org, draft-ietf-opsawg-pcaplinktype).

/// The link types that are read: their frames can hold IP packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkType {
    /// Ethernet.
    Ethernet,
    /// BSD loopback: an address family in the byte order of the host that captured.
    Null,
    /// OpenBSD loopback: the same in network byte order.
    Loop,
    /// PPP (RFC 1661), perhaps in HDLC-like framing (RFC 1662).
    Ppp,
    /// PPP in HDLC-like framing, or Cisco's HDLC (RFC 1547 section 4.3.1).
    PppHdlc,
    /// PPP after a byte that says who sent it.
    PppWithDirection,
    /// `PPPoE`, from its own header on (RFC 2516).
    PppEther,
    /// Cisco's HDLC.
    CiscoHdlc,
    /// IPv4 or IPv6, by the version in the header.
    Raw,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Linux's "cooked" capture, version 1: what an interface of any kind delivers.
    LinuxSll,
    /// The same, version 2.
    LinuxSll2,
    /// MPLS, from the first label on.
    Mpls,
}

impl LinkType {
    /// `None` for one that is not read.
    pub(super) fn new(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            9 => Self::Ppp,
            // DLT_RAW has the numbers 12 and 14 on some systems, and some write it as it is.
            12 | 14 | 101 => Self::Raw,
            50 => Self::PppHdlc,
            51 => Self::PppEther,
            104 => Self::CiscoHdlc,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            204 => Self::PppWithDirection,
            219 => Self::Mpls,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
            276 => Self::LinuxSll2,
            _ => return None,
        })
    }
}

/// The registered name without `LINKTYPE_`.
pub(super) fn name(number: u16) -> &'static str {
    NAMES
        .binary_search_by_key(&number, |&(number, _)| number)
        .ok()
        .and_then(|position| NAMES.get(position))
        .map_or("no name known", |&(_, name)| name)
}

/// The names of link types that occur in practice, by number.
#[rustfmt::skip]
const NAMES: &[(u16, &str)] = &[
    (0, "NULL"), (1, "ETHERNET"), (3, "AX25"), (6, "IEEE802_5"), (7, "ARCNET_BSD"), (8, "SLIP"),
    (9, "PPP"), (10, "FDDI"), (50, "PPP_HDLC"), (51, "PPP_ETHER"), (100, "ATM_RFC1483"),
    (101, "RAW"), (104, "C_HDLC"), (105, "IEEE802_11"), (107, "FRELAY"), (108, "LOOP"),
    (113, "LINUX_SLL"), (114, "LTALK"), (117, "PFLOG"), (119, "IEEE802_11_PRISM"),
    (122, "IP_OVER_FC"), (123, "SUNATM"), (127, "IEEE802_11_RADIOTAP"), (129, "ARCNET_LINUX"),
    (139, "MTP2_WITH_PHDR"), (140, "MTP2"), (141, "MTP3"), (142, "SCCP"), (143, "DOCSIS"),
    (144, "LINUX_IRDA"), (147, "USER0"), (148, "USER1"), (149, "USER2"), (150, "USER3"),
    (151, "USER4"), (152, "USER5"), (153, "USER6"), (154, "USER7"), (155, "USER8"), (156, "USER9"),
    (157, "USER10"), (158, "USER11"), (159, "USER12"), (160, "USER13"), (161, "USER14"),
    (162, "USER15"), (163, "IEEE802_11_AVS"), (166, "PPP_PPPD"), (169, "GPRS_LLC"),
    (177, "LINUX_LAPD"), (187, "BLUETOOTH_HCI_H4"), (189, "USB_LINUX"), (192, "PPI"),
    (195, "IEEE802_15_4_WITHFCS"), (197, "ERF"), (201, "BLUETOOTH_HCI_H4_WITH_PHDR"),
    (204, "PPP_WITH_DIR"), (205, "C_HDLC_WITH_DIR"), (206, "FRELAY_WITH_DIR"),
    (219, "MPLS"), (220, "USB_LINUX_MMAPPED"), (224, "FC_2"), (227, "CAN_SOCKETCAN"), (228, "IPV4"),
    (229, "IPV6"), (230, "IEEE802_15_4_NOFCS"), (231, "DBUS"), (239, "NFLOG"),
    (240, "NETANALYZER"), (241, "NETANALYZER_TRANSPARENT"), (242, "IPOIB"), (243, "MPEG_2_TS"),
    (248, "SCTP"), (249, "USBPCAP"), (251, "BLUETOOTH_LE_LL"), (252, "WIRESHARK_UPPER_PDU"),
    (253, "NETLINK"), (254, "BLUETOOTH_LINUX_MONITOR"), (256, "BLUETOOTH_LE_LL_WITH_PHDR"),
    (258, "PKTAP"), (259, "EPON"), (266, "USB_DARWIN"), (271, "VSOCK"), (272, "NORDIC_BLE"),
    (274, "ETHERNET_MPACKET"), (276, "LINUX_SLL2"), (283, "IEEE802_15_4_TAP"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(name(1), "ETHERNET");
        assert_eq!(name(113), "LINUX_SLL");
        assert_eq!(name(276), "LINUX_SLL2");
        assert_eq!(name(u16::MAX), "no name known");
    }

    #[test]
    fn what_is_read_has_a_name() {
        for number in (0..=u16::MAX).filter(|number| ![12, 14].contains(number)) {
            let read = LinkType::new(number).is_some();
            assert!(!read || name(number) != "no name known", "{number}");
        }
    }
}
