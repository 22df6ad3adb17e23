//! The names of IP protocols as records print them in `network.transport`: the keyword of IANA's
//! "Assigned Internet Protocol Numbers" registry in lower case.

use std::borrow::Cow;

/// The keyword of an IP protocol number in lower case, or the number as text where IANA has
/// assigned none (unassigned, experimental, and "any host internal protocol" and its like).
///
/// Source: IANA, "Assigned Internet Protocol Numbers" (RFC 5237). A keyword that the registry
/// spells with spaces keeps them.
pub fn transport_name(protocol: u8) -> Cow<'static, str> {
    match KEYWORDS.get(usize::from(protocol)) {
        Some(keyword) if !keyword.is_empty() => Cow::Borrowed(keyword),
        _ => Cow::Owned(protocol.to_string()),
    }
}

/// Keywords by protocol number; empty where the registry has none.
#[rustfmt::skip]
const KEYWORDS: [&str; 147] = [
    /*   0 */ "hopopt", "icmp", "igmp", "ggp", "ipv4", "st", "tcp", "cbt", "egp", "igp",
    /*  10 */ "bbn-rcc-mon", "nvp-ii", "pup", "argus", "emcon", "xnet", "chaos", "udp", "mux", "dcn-meas",
    /*  20 */ "hmp", "prm", "xns-idp", "trunk-1", "trunk-2", "leaf-1", "leaf-2", "rdp", "irtp", "iso-tp4",
    /*  30 */ "netblt", "mfe-nsp", "merit-inp", "dccp", "3pc", "idpr", "xtp", "ddp", "idpr-cmtp", "tp++",
    /*  40 */ "il", "ipv6", "sdrp", "ipv6-route", "ipv6-frag", "idrp", "rsvp", "gre", "dsr", "bna",
    /*  50 */ "esp", "ah", "i-nlsp", "swipe", "narp", "min-ipv4", "tlsp", "skip", "ipv6-icmp", "ipv6-nonxt",
    /*  60 */ "ipv6-opts", "", "cftp", "", "sat-expak", "kryptolan", "rvd", "ippc", "", "sat-mon",
    /*  70 */ "visa", "ipcv", "cpnx", "cphb", "wsn", "pvp", "br-sat-mon", "sun-nd", "wb-mon", "wb-expak",
    /*  80 */ "iso-ip", "vmtp", "secure-vmtp", "vines", "iptm", "nsfnet-igp", "dgp", "tcf", "eigrp", "ospfigp",
    /*  90 */ "sprite-rpc", "larp", "mtp", "ax.25", "ipip", "micp", "scc-sp", "etherip", "encap", "",
    /* 100 */ "gmtp", "ifmp", "pnni", "pim", "aris", "scps", "qnx", "a/n", "ipcomp", "snp",
    /* 110 */ "compaq-peer", "ipx-in-ip", "vrrp", "pgm", "", "l2tp", "ddx", "iatp", "stp", "srp",
    /* 120 */ "uti", "smp", "sm", "ptp", "isis over ipv4", "fire", "crtp", "crudp", "sscopmce", "iplt",
    /* 130 */ "sps", "pipe", "sctp", "fc", "rsvp-e2e-ignore", "mobility header", "udplite", "mpls-in-ip", "manet", "shim6",
    /* 140 */ "wesp", "rohc", "ethernet", "aggfrag", "nsh", "homa", "bit-emu",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_stand_at_their_numbers() {
        for (number, name) in [
            (0, "hopopt"),
            (1, "icmp"),
            (6, "tcp"),
            (17, "udp"),
            (27, "rdp"),
            (33, "dccp"),
            (41, "ipv6"),
            (47, "gre"),
            (50, "esp"),
            (51, "ah"),
            (58, "ipv6-icmp"),
            (62, "cftp"),
            (69, "sat-mon"),
            (88, "eigrp"),
            (89, "ospfigp"),
            (94, "ipip"),
            (103, "pim"),
            (112, "vrrp"),
            (115, "l2tp"),
            (132, "sctp"),
            (136, "udplite"),
            (144, "nsh"),
        ] {
            assert_eq!(transport_name(number), name);
        }
    }

    #[test]
    fn a_number_without_keyword_is_itself() {
        for number in [61, 63, 68, 99, 114, 147, 200, 253, 255] {
            assert_eq!(transport_name(number), number.to_string());
        }
    }

    #[test]
    fn every_name_is_lower_case_and_no_two_are_alike() {
        let names: Vec<_> = (0..=u8::MAX).map(transport_name).collect();
        for (position, name) in names.iter().enumerate() {
            assert_eq!(name.as_ref(), name.to_lowercase());
            assert!(!names[..position].contains(name), "{name}");
        }
    }
}
