//! Stacks of layers, written byte by byte for tests: what another library cannot build.
//!
//! A [`Piece`] is a packet or a frame; each of its methods puts it into one layer more. Addresses, lengths and
//! types are right, whatever is put into what; checksums are 0, which nobody reads.

pub mod capture;

/// What a piece begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Nature {
    /// An Ethernet header.
    Frame,
    /// An IPv4 header.
    Ipv4,
    /// An IPv6 header.
    Ipv6,
    /// An MPLS label.
    Labels,
    /// A `PPPoE` header.
    Session,
}

/// A version of IP, for an outer header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outer {
    /// From 192.0.2.33 to 192.0.2.44.
    V4,
    /// The same, with an Authentication Header.
    V4Authenticated,
    /// From `2001:db8:7::33` to `2001:db8:7::44`.
    V6,
    /// The same, with so many headers of destination options.
    V6Extended(u8),
}

/// As many extension headers as a frame may have.
pub const MOST_EXTENSIONS: usize = 8;

impl Outer {
    /// All of them, with few and with several extension headers.
    pub const ALL: [Self; 5] =
        [Self::V4, Self::V4Authenticated, Self::V6, Self::V6Extended(1), Self::V6Extended(4)];

    /// How many extension headers it has.
    const fn extensions(self) -> usize {
        match self {
            Self::V4 | Self::V6 => 0,
            Self::V4Authenticated => 1,
            Self::V6Extended(count) => count as usize,
        }
    }
}

/// A type of ERSPAN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mirror {
    /// Without a header.
    I,
    /// With one of 8 bytes.
    II,
    /// With one of 12 bytes.
    III,
    /// With one of 12 bytes and a subheader.
    IIIExtended,
}

/// Bytes that begin in a known way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// What they begin with.
    pub nature: Nature,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The names of the encapsulations in them, from the outside in.
    pub tunnels: Vec<&'static str>,
    /// How many extension headers were put into them, of IP and of GTP-U.
    pub extensions: usize,
}

/// Flags of a GRE header.
pub mod gre {
    /// A checksum follows.
    pub const CHECKSUM: u16 = 0x8000;
    /// A key follows.
    pub const KEY: u16 = 0x2000;
    /// A sequence number follows.
    pub const SEQUENCE: u16 = 0x1000;
}

impl Piece {
    /// An IP packet, of the version that its first byte says.
    pub fn packet(bytes: Vec<u8>) -> Self {
        let is_v6 = bytes.first().is_some_and(|first| first >> 4 == 6);
        let nature = if is_v6 { Nature::Ipv6 } else { Nature::Ipv4 };
        Self::bare(nature, bytes)
    }

    /// Bytes that are in no tunnel.
    pub const fn bare(nature: Nature, bytes: Vec<u8>) -> Self {
        Self { nature, bytes, tunnels: Vec::new(), extensions: 0 }
    }

    /// Behind a header.
    #[must_use]
    pub fn behind(self, nature: Nature, header: &[u8]) -> Self {
        Self { nature, bytes: [header, &self.bytes].concat(), ..self }
    }

    fn inside(mut self, tunnel: &'static str) -> Self {
        self.tunnels.insert(0, tunnel);
        self
    }

    fn ether_type(&self) -> [u8; 2] {
        match self.nature {
            Nature::Frame => [0x65, 0x58],
            Nature::Ipv4 => [0x08, 0x00],
            Nature::Ipv6 => [0x86, 0xdd],
            Nature::Labels => [0x88, 0x47],
            Nature::Session => [0x88, 0x64],
        }
    }

    /// In an Ethernet frame, behind tags of these types, the last one innermost.
    #[must_use]
    pub fn frame(mut self, tags: &[u16]) -> Self {
        let mut ether_type = self.ether_type();
        for tag in tags.iter().rev() {
            let [high, low] = ether_type;
            // Priority 5, network 0: a priority tag.
            self = self.behind(Nature::Frame, &[0xa0, 0, high, low]).inside("vlan");
            ether_type = tag.to_be_bytes();
        }
        let [high, low] = ether_type;
        self.behind(Nature::Frame, &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, high, low])
    }

    /// Behind so many labels, and behind a pseudowire's control word.
    #[must_use]
    pub fn labels(self, count: u8, has_word: bool) -> Self {
        let mut header = Vec::new();
        for label in (0..count).rev() {
            header.extend([0, 1, 0x20 | u8::from(label == 0), 64]);
        }
        if has_word {
            header.extend([0; 4]);
        }
        self.behind(Nature::Labels, &header).inside("mpls")
    }

    /// In a `PPPoE` session.
    #[must_use]
    pub fn session(self) -> Self {
        let protocol = match self.nature {
            Nature::Ipv4 => [0x00, 0x21],
            Nature::Ipv6 => [0x00, 0x57],
            Nature::Labels => [0x02, 0x81],
            // Not assigned.
            Nature::Frame | Nature::Session => [0x7f, 0xff],
        };
        let [high, low] = half(self.bytes.len() + 2);
        let header = [[0x11, 0, 0, 7, high, low].as_slice(), &protocol].concat();
        self.behind(Nature::Session, &header).inside("pppoe")
    }

    /// In an IP packet of this protocol.
    #[must_use]
    pub fn ip(self, outer: Outer, protocol: u8) -> Self {
        let bytes = ip(outer, protocol, &self.bytes);
        let nature = match outer {
            Outer::V4 | Outer::V4Authenticated => Nature::Ipv4,
            Outer::V6 | Outer::V6Extended(_) => Nature::Ipv6,
        };
        let extensions = self.extensions + outer.extensions();
        Self { nature, bytes, extensions, ..self }
    }

    /// A packet in a packet.
    #[must_use]
    pub fn ip_in_ip(self, outer: Outer) -> Self {
        let protocol = if self.nature == Nature::Ipv6 { 41 } else { 4 };
        self.ip(outer, protocol).inside("ip-in-ip")
    }

    /// In GRE with these flags.
    #[must_use]
    pub fn gre(self, outer: Outer, flags: u16) -> Self {
        let ether_type = self.ether_type();
        self.gre_of(outer, flags, ether_type)
    }

    fn gre_of(self, outer: Outer, flags: u16, ether_type: [u8; 2]) -> Self {
        let fields = 4 * flags.count_ones() as usize;
        let header = [flags.to_be_bytes().as_slice(), &ether_type, &vec![9; fields]].concat();
        self.behind(Nature::Frame, &header).ip(outer, 47).inside("gre")
    }

    /// A mirrored frame.
    #[must_use]
    pub fn mirrored(self, outer: Outer, mirror: Mirror) -> Self {
        let (header, flags, ether_type): (&[u8], _, _) = match mirror {
            Mirror::I => (&[], 0, [0x88, 0xbe]),
            Mirror::II => (&[0x10, 1, 0, 7, 0, 0, 0, 1], gre::SEQUENCE, [0x88, 0xbe]),
            Mirror::III => (&[0x20, 1, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0], gre::SEQUENCE, [0x22, 0xeb]),
            Mirror::IIIExtended => (
                &[0x20, 1, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 8, 7, 6, 5, 4, 3, 2, 1],
                gre::SEQUENCE,
                [0x22, 0xeb],
            ),
        };
        self.behind(Nature::Frame, header).inside("erspan").gre_of(outer, flags, ether_type)
    }

    /// In `EtherIP`.
    #[must_use]
    pub fn etherip(self, outer: Outer) -> Self {
        self.behind(Nature::Frame, &[0x30, 0]).ip(outer, 97).inside("etherip")
    }

    /// In a datagram.
    #[must_use]
    pub fn udp(self, outer: Outer, source: u16, destination: u16) -> Self {
        let ports = [source.to_be_bytes(), destination.to_be_bytes()].concat();
        let header = [ports.as_slice(), &half(self.bytes.len() + 8), &[0, 0]].concat();
        self.behind(Nature::Frame, &header).ip(outer, 17)
    }

    /// In VXLAN, to this port.
    #[must_use]
    pub fn vxlan(self, outer: Outer, port: u16) -> Self {
        let piece = self.behind(Nature::Frame, &[8, 0, 0, 0, 0, 0, 7, 0]);
        piece.udp(outer, 50_000, port).inside("vxlan")
    }

    /// In Geneve, with so many units of options.
    #[must_use]
    pub fn geneve(self, outer: Outer, units: u8) -> Self {
        let [high, low] = self.ether_type();
        let options = vec![0x77; usize::from(units) * 4];
        let header = [[units, 0, high, low, 0, 0, 7, 0].as_slice(), &options].concat();
        self.behind(Nature::Frame, &header).udp(outer, 50_001, 6_081).inside("geneve")
    }

    /// In GTP-U, with extension headers of these lengths in units of four bytes.
    #[must_use]
    pub fn gtp(mut self, outer: Outer, extensions: &[u8]) -> Self {
        self.extensions += extensions.len();
        let mut optional = Vec::new();
        for (position, units) in extensions.iter().enumerate() {
            if position == 0 {
                optional.extend([0, 1, 0, 0x85]);
            }
            let mut extension = vec![0; usize::from(*units) * 4];
            let is_last = position + 1 == extensions.len();
            if let [length, .., next] = extension.as_mut_slice() {
                (*length, *next) = (*units, if is_last { 0 } else { 0x85 });
            }
            optional.extend(extension);
        }
        let flags = if extensions.is_empty() { 0x30 } else { 0x34 };
        let [high, low] = half(optional.len() + self.bytes.len());
        let header = [[flags, 255, high, low, 0, 0, 0, 9].as_slice(), &optional].concat();
        self.behind(Nature::Frame, &header).udp(outer, 2_152, 2_152).inside("gtp-u")
    }

    /// In Teredo, to or from its port, with the indications that come before IPv6.
    #[must_use]
    pub fn teredo(self, outer: Outer, is_answer: bool, indications: &[u8]) -> Self {
        let (source, destination) = if is_answer { (3_544, 50_002) } else { (50_002, 3_544) };
        let piece = self.behind(Nature::Frame, indications);
        piece.udp(outer, source, destination).inside("teredo")
    }

    /// As a whole frame: in Ethernet, if it is not one.
    #[must_use]
    pub fn on_the_wire(self) -> Self {
        if self.nature == Nature::Frame { self } else { self.frame(&[]) }
    }
}

/// Teredo's authentication with an identifier of three bytes and a value of two, and its origin indication.
pub const TEREDO_INDICATIONS: [u8; 26] =
    [0, 1, 3, 2, 9, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4];

/// Puts a piece into one more layer, out of those that it fits into. `choose` gives a number below its
/// argument. No stack gets more than [`MOST_EXTENSIONS`].
pub fn wrapped(piece: Piece, choose: &mut dyn FnMut(u32) -> u32) -> Piece {
    let outer = match choose(8) {
        0 => Outer::V4Authenticated,
        1 => Outer::V6Extended(1),
        2..=4 => Outer::V6,
        _ => Outer::V4,
    };
    wrapped_by(piece, outer, choose)
}

/// The same with this outer header, if the layer needs one and there may be as many more extension headers.
pub fn wrapped_by(piece: Piece, outer: Outer, choose: &mut dyn FnMut(u32) -> u32) -> Piece {
    let room = MOST_EXTENSIONS.saturating_sub(piece.extensions);
    let outer = if outer.extensions() > room { Outer::V6 } else { outer };
    let room = room - outer.extensions().min(room);
    let bit = |number: u32, value: u16| if number == 0 { 0 } else { value };
    let flags =
        bit(choose(2), gre::CHECKSUM) | bit(choose(2), gre::KEY) | bit(choose(2), gre::SEQUENCE);
    let is_packet = matches!(piece.nature, Nature::Ipv4 | Nature::Ipv6);
    match (choose(8), piece.nature) {
        (0, Nature::Frame) => piece.labels(1 + few(choose, 6), choose(2) == 0),
        (1, Nature::Frame) => {
            let mirrors = [Mirror::I, Mirror::II, Mirror::III, Mirror::IIIExtended];
            piece.mirrored(outer, one_of(choose, mirrors))
        }
        (2 | 3, Nature::Frame) => piece.etherip(outer),
        (4, Nature::Frame) => piece.vxlan(outer, one_of(choose, [4_789, 8_472])),
        (5, Nature::Frame) => piece.geneve(outer, few(choose, 8)),
        (_, Nature::Frame) => piece.gre(outer, flags),
        (0 | 1, Nature::Session) => piece.frame(&[0x8100]),
        (_, Nature::Session) => piece.frame(&[]),
        (0..=2, _) => {
            let tag = |choose: &mut dyn FnMut(u32) -> u32| one_of(choose, [0x8100, 0x88a8, 0x9100]);
            let tags = [tag(choose), tag(choose), tag(choose)];
            let count = few(choose, 4).into();
            piece.frame(tags.get(..count).unwrap_or_default())
        }
        (3, _) => piece.session(),
        (4, _) => piece.gre(outer, flags),
        (5, _) if is_packet => {
            let units = [1 + few(choose, 2), 1 + few(choose, 3), 1, 1];
            let count = usize::from(few(choose, 5)).min(room);
            piece.gtp(outer, units.get(..count).unwrap_or_default())
        }
        (6, Nature::Ipv6) => {
            let (from, to) = one_of(choose, [(0, 0), (0, 18), (18, 26), (0, 26)]);
            piece.teredo(
                outer,
                choose(2) == 0,
                TEREDO_INDICATIONS.get(from..to).unwrap_or_default(),
            )
        }
        (6, _) if is_packet => piece.labels(1 + few(choose, 6), false),
        (_, _) if is_packet => piece.ip_in_ip(outer),
        (_, _) => piece.geneve(outer, few(choose, 3)),
    }
}

fn few(choose: &mut dyn FnMut(u32) -> u32, below: u8) -> u8 {
    u8::try_from(choose(below.into())).unwrap_or(0)
}

fn one_of<T: Copy, const N: usize>(choose: &mut dyn FnMut(u32) -> u32, choices: [T; N]) -> T {
    let number = choose(u32::try_from(N).unwrap_or(1));
    choices.get(number as usize).copied().unwrap_or(choices[0])
}

fn half(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// An IP packet between the outer addresses.
fn ip(outer: Outer, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match outer {
        Outer::V4 => {
            let [high, low] = half(20 + payload.len());
            let header = [0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0];
            [header.as_slice(), &[192, 0, 2, 33], &[192, 0, 2, 44], payload].concat()
        }
        Outer::V4Authenticated => {
            let header = [protocol, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1];
            ip(Outer::V4, 51, &[header.as_slice(), payload].concat())
        }
        Outer::V6 => {
            let [high, low] = half(payload.len());
            let mut address = [0x20, 1, 0xd, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x33];
            let mut packet = vec![0x60, 0, 0, 0, high, low, protocol, 64];
            packet.extend(address);
            address[15] = 0x44;
            packet.extend(address);
            packet.extend(payload);
            packet
        }
        Outer::V6Extended(count) => {
            let mut payload = payload.to_vec();
            let mut next = protocol;
            for _ in 0..count {
                payload.splice(..0, [next, 0, 1, 4, 0, 0, 0, 0]);
                next = 60;
            }
            ip(Outer::V6, next, &payload)
        }
    }
}
