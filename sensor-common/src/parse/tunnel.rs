//! The encapsulations that a packet can be inside of: their names, which of them are entered, and the
//! code by which a record says through which of them the walk came.
//!
//! This table is the only place that names them. The kernel writes numbers, the controller prints names,
//! `docs/packets.md` says what each stands for; a test compares both.

use crate::layout::low;
use crate::opaque::below;

macro_rules! tunnels {
    ($($variant:ident = $number:literal, $name:literal, $meaning:literal;)*) => {
        /// An encapsulation. The numbers are below 16 and stand in records; 0 is none.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(u8)]
        pub enum Tunnel {
            $(#[doc = $meaning] $variant = $number,)*
        }

        impl Tunnel {
            /// Every encapsulation, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name used in configuration, on the command line and in records.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

tunnels! {
    Vlan = 1, "vlan", "A tag of 802.1Q, 802.1ad or EtherType 0x9100.";
    Mpls = 2, "mpls", "An MPLS label stack, also one of a pseudowire.";
    Pppoe = 3, "pppoe", "A PPPoE session.";
    Gre = 4, "gre", "GRE (protocol 47).";
    Erspan = 5, "erspan", "A mirrored frame, ERSPAN type I, II or III (inside GRE).";
    IpInIp = 6, "ip-in-ip", "IPv4 or IPv6 in IPv4 or IPv6 (protocols 4 and 41): DS-Lite, MAP-E, 6in4, IPIP.";
    EtherIp = 7, "etherip", "EtherIP (protocol 97).";
    Vxlan = 8, "vxlan", "VXLAN (UDP ports 4789 and 8472).";
    Geneve = 9, "geneve", "Geneve (UDP port 6081).";
    Gtp = 10, "gtp-u", "GTP-U (UDP port 2152).";
    Teredo = 11, "teredo", "Teredo (UDP port 3544).";
}

/// The encapsulations that are entered. What is inside of another one is not looked at: the packet is
/// judged by the innermost IP header outside of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entered(u32);

impl Entered {
    /// None.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = {
        let mut all = Self::NONE;
        let mut rest = Tunnel::ALL;
        while let Some((first, others)) = rest.split_first() {
            all = all.and(*first);
            rest = others;
        }
        all
    };

    /// These and one more.
    #[must_use]
    pub const fn and(self, tunnel: Tunnel) -> Self {
        Self(self.0 | 1_u32.wrapping_shl(tunnel as u32))
    }

    /// Whether this one is entered.
    #[inline(always)]
    pub const fn has(self, tunnel: Tunnel) -> bool {
        self.has_number(tunnel as u8)
    }

    /// Whether the one of this number is entered.
    #[inline(always)]
    pub(super) const fn has_number(self, number: u8) -> bool {
        self.0.wrapping_shr(number as u32) & 1 != 0
    }

    /// One bit for each, at the position of its number.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The inverse of [`Self::bits`].
    #[inline(always)]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl Default for Entered {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Tunnel> for Entered {
    fn from_iter<I: IntoIterator<Item = Tunnel>>(tunnels: I) -> Self {
        tunnels.into_iter().fold(Self::NONE, Self::and)
    }
}

/// Most encapsulations around a packet, each tag counted. A packet inside of more is malformed.
pub const MOST_TUNNELS: u32 = 8;

/// The encapsulations around a packet: four bits each, the outermost in the highest place that is taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Encapsulation(pub u32);

impl Encapsulation {
    /// Whether there is no place for another one.
    #[inline(always)]
    pub const fn is_full(self) -> bool {
        self.0.wrapping_shr(4 * (MOST_TUNNELS - 1)) != 0
    }

    /// With this one as the innermost.
    #[inline(always)]
    #[must_use]
    pub const fn with(self, tunnel: Tunnel) -> Self {
        self.with_number(tunnel as u8)
    }

    /// With the one of this number as the innermost; the same if it is 0. Without a branch
    /// ([`crate::opaque`]).
    #[inline(always)]
    #[must_use]
    pub(super) const fn with_number(self, number: u8) -> Self {
        let places = low(below(0, number as u64)).wrapping_mul(4);
        Self(self.0.wrapping_shl(places) | number as u32)
    }

    /// From the outermost to the innermost; numbers that stand for none are left out.
    pub fn layers(self) -> impl Iterator<Item = Tunnel> {
        let places = (0..MOST_TUNNELS).rev();
        places.filter_map(move |place| {
            let number = self.0.wrapping_shr(4_u32.wrapping_mul(place)) & 0xf;
            Tunnel::ALL.iter().find(|tunnel| **tunnel as u32 == number).copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn numbers_are_positions_and_fit_into_four_bits() {
        for (position, tunnel) in (1..).zip(Tunnel::ALL) {
            assert_eq!(*tunnel as usize, position);
            assert!(position < 16);
        }
    }

    #[test]
    fn what_was_put_in_comes_out_in_order() {
        let mut code = Encapsulation::default();
        assert_eq!(code.layers().next(), None);
        let tunnels: Vec<Tunnel> = Tunnel::ALL.iter().copied().take(8).collect();
        for tunnel in &tunnels {
            assert!(!code.is_full());
            code = code.with(*tunnel);
        }
        assert!(code.is_full());
        assert_eq!(code.layers().collect::<Vec<_>>(), tunnels);
    }

    #[test]
    fn all_but_one_are_entered() {
        for left_out in Tunnel::ALL {
            let others = Tunnel::ALL.iter().copied().filter(|tunnel| tunnel != left_out);
            let entered: Entered = others.collect();
            for tunnel in Tunnel::ALL {
                assert_eq!(entered.has(*tunnel), tunnel != left_out, "{tunnel:?}");
                assert!(Entered::ALL.has(*tunnel) && !Entered::NONE.has(*tunnel));
            }
        }
    }
}
